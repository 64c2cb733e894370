import { randomStream } from '../tensors/random.ts';
import type { Draw, PixelShape } from './apply.ts';

export interface CropParameters {
  /** Views of each image; each is one draw. */
  readonly crops: number;
  /** Side of the square crop in pixels. */
  readonly size: number;
}

/**
 * One random crop of each image, resized back to the image's size (Graese, Rozsa and Boult 2016; Guo et al. 2018, section 4.1: 30 crops of
 * 90×90 of 224×224). The upper left corner is uniform over all places where the crop fits, drawn from (seed, draw, id).
 * Bilinear as torchvision's `resize`, which is torch's `interpolate(mode='bilinear', align_corners=False)`; antialiasing acts
 * only on shrinking, so it makes no difference. Throws `RangeError` for a crop that does not fit.
 */
export function cropAndResize(
  pixels: Float32Array,
  shape: PixelShape,
  { size }: CropParameters,
  draw: Draw,
): Float32Array {
  const channels = shape[3];
  const result = new Float32Array(pixels.length);
  eachPixel(shape, size, draw, (to, topLeft, topRight, bottomLeft, bottomRight, weightRight, weightBelow) => {
    for (let c = 0; c < channels; c++) {
      const top = pixels[topLeft + c]! * (1 - weightRight) + pixels[topRight + c]! * weightRight;
      const bottom = pixels[bottomLeft + c]! * (1 - weightRight) + pixels[bottomRight + c]! * weightRight;
      result[to + c] = top * (1 - weightBelow) + bottom * weightBelow;
    }
  });
  return result;
}

/** Exact adjoint of `cropAndResize` with the same draw: the gradient with respect to the image, zero outside the crop. */
export function pullBackCrop(
  gradient: Float32Array,
  shape: PixelShape,
  { size }: CropParameters,
  draw: Draw,
): Float32Array {
  const channels = shape[3];
  const sums = new Float64Array(gradient.length);
  eachPixel(shape, size, draw, (to, topLeft, topRight, bottomLeft, bottomRight, weightRight, weightBelow) => {
    for (let c = 0; c < channels; c++) {
      const top = gradient[to + c]! * (1 - weightBelow);
      const bottom = gradient[to + c]! * weightBelow;
      sums[topLeft + c]! += top * (1 - weightRight);
      sums[topRight + c]! += top * weightRight;
      sums[bottomLeft + c]! += bottom * (1 - weightRight);
      sums[bottomRight + c]! += bottom * weightRight;
    }
  });
  return Float32Array.from(sums);
}

/** Visits each pixel of each result with the four pixels of the crop that it mixes; all places are those of channel 0. */
function eachPixel(
  [, height, width, channels]: PixelShape,
  size: number,
  { seed, draw, ids }: Draw,
  visit: (
    to: number,
    topLeft: number,
    topRight: number,
    bottomLeft: number,
    bottomRight: number,
    weightRight: number,
    weightBelow: number,
  ) => void,
): void {
  if (size > height || size > width) {
    throw new RangeError(`a crop of ${size} pixels does not fit into ${height}×${width}`);
  }
  ids.forEach((id, row) => {
    const random = randomStream(seed, draw, id, cropStream);
    const down = linearTaps(size, height, random.integer(height - size + 1));
    const across = linearTaps(size, width, random.integer(width - size + 1));
    const image = row * height * width * channels;
    for (let y = 0; y < height; y++) {
      const top = image + down.first[y]! * width * channels;
      const bottom = image + down.second[y]! * width * channels;
      for (let x = 0; x < width; x++) {
        const left = across.first[x]! * channels;
        const right = across.second[x]! * channels;
        const to = image + (y * width + x) * channels;
        visit(to, top + left, top + right, bottom + left, bottom + right, across.weight[x]!, down.weight[y]!);
      }
    }
  });
}

const cropStream = 1;

interface Taps {
  /** Indexes of the two pixels of the image that each output pixel mixes, and the weight of the second. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weight: Float64Array;
}

/** Output pixel i lies at (i + ½) · size / length − ½ of the crop, not before its first pixel; beyond its last one the last is repeated. */
function linearTaps(size: number, length: number, offset: number): Taps {
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const weight = new Float64Array(length);
  for (let index = 0; index < length; index++) {
    const place = Math.max(0, ((index + 0.5) * size) / length - 0.5);
    const before = Math.min(Math.floor(place), size - 1);
    first[index] = offset + before;
    second[index] = offset + Math.min(before + 1, size - 1);
    weight[index] = place - before;
  }
  return { first, second, weight };
}
