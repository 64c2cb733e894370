import { randomStream } from '../tensors/random.ts';
import type { Defense, Draw, PixelShape } from './defense.ts';

export interface CropParameters {
  /** Number of views of each image; each view is one draw. */
  readonly crops: number;
  /** Side of the square crop in pixels. */
  readonly size: number;
}

/**
 * One random crop of each image, resized to the size of the image (Graese, Rozsa and Boult 2016; Guo et al.
 * 2018, section 4.1: 30 crops of 90×90 of 224×224). The upper left corner is uniform over all positions where
 * the crop fits, and is drawn from (seed, draw, id). Resizing is bilinear as in torchvision's `resize`, which
 * is torch's `interpolate(mode='bilinear', align_corners=False)`; antialiasing acts only when shrinking, so
 * it makes no difference here. Throws `RangeError` if the crop does not fit.
 */
export function cropAndResize(
  pixels: Float32Array,
  shape: PixelShape,
  { size }: CropParameters,
  draw: Draw,
): Float32Array {
  const [, height, width, channels] = shape;
  const rowLength = width * channels;
  const result = new Float32Array(pixels.length);
  // Widened rows of the crop. Each is computed once, although several rows of the result use it.
  let top = new Float64Array(rowLength);
  let bottom = new Float64Array(rowLength);
  eachCrop(shape, size, draw, (image, down, across) => {
    let [topRow, bottomRow] = [-1, -1];
    for (let y = 0; y < height; y++) {
      const [first, second, below] = [down.first[y]!, down.second[y]!, down.weight[y]!];
      if (first !== topRow) {
        if (first === bottomRow) [top, bottom, bottomRow] = [bottom, top, -1];
        else widenRow(pixels, image + first * rowLength, across, channels, top);
        topRow = first;
      }
      if (second !== bottomRow) {
        widenRow(pixels, image + second * rowLength, across, channels, bottom);
        bottomRow = second;
      }
      mixRows(top, bottom, below, result, image + y * rowLength);
    }
  });
  return result;
}

function mixRows(
  top: Float64Array,
  bottom: Float64Array,
  below: number,
  result: Float32Array,
  to: number,
): void {
  const above = 1 - below;
  for (let at = 0; at < top.length; at++) result[to + at] = top[at]! * above + bottom[at]! * below;
}

/** Resizes the crop's part of one row of the image, which begins at `row`, to the width of the image. */
function widenRow(
  pixels: Float32Array,
  row: number,
  { first, second, weight }: Taps,
  channels: number,
  target: Float64Array,
): void {
  for (let x = 0, at = 0; x < first.length; x++) {
    const left = row + first[x]! * channels;
    const right = row + second[x]! * channels;
    const share = weight[x]!;
    for (let c = 0; c < channels; c++, at++)
      target[at] = pixels[left + c]! * (1 - share) + pixels[right + c]! * share;
  }
}

/**
 * Exact adjoint of `cropAndResize` with the same draw: the gradient with respect to the image, zero outside
 * the crop.
 */
export function pullBackCrop(
  gradient: Float32Array,
  shape: PixelShape,
  { size }: CropParameters,
  draw: Draw,
): Float32Array {
  const [, height, width, channels] = shape;
  const rowLength = width * channels;
  const sums = new Float64Array(gradient.length);
  eachCrop(shape, size, draw, (image, down, across) => {
    for (let y = 0; y < height; y++) {
      const above = image + down.first[y]! * rowLength;
      const under = image + down.second[y]! * rowLength;
      const below = down.weight[y]!;
      for (let x = 0; x < width; x++) {
        const left = across.first[x]! * channels;
        const right = across.second[x]! * channels;
        const share = across.weight[x]!;
        const from = image + y * rowLength + x * channels;
        for (let c = 0; c < channels; c++) {
          const top = gradient[from + c]! * (1 - below);
          const bottom = gradient[from + c]! * below;
          sums[above + left + c]! += top * (1 - share);
          sums[above + right + c]! += top * share;
          sums[under + left + c]! += bottom * (1 - share);
          sums[under + right + c]! += bottom * share;
        }
      }
    }
  });
  return Float32Array.from(sums);
}

/**
 * Visits each image, which begins at `image`, with the rows and columns of its crop. Throws `RangeError` if
 * the crop does not fit.
 */
function eachCrop(
  [, height, width, channels]: PixelShape,
  size: number,
  { seed, draw, ids }: Draw,
  visit: (image: number, down: Taps, across: Taps) => void,
): void {
  if (size > height || size > width) {
    throw new RangeError(`a crop of ${size} pixels does not fit into ${height}×${width}`);
  }
  ids.forEach((id, row) => {
    const random = randomStream(seed, draw, id, cropStream);
    const down = linearTaps(size, height, random.integer(height - size + 1));
    const across = linearTaps(size, width, random.integer(width - size + 1));
    visit(row * height * width * channels, down, across);
  });
}

const cropStream = 1;

export const crop: Defense<CropParameters> = {
  apply: cropAndResize,
  pullBack: (gradient, _input, shape, params, draw) => pullBackCrop(gradient, shape, params, draw),
  check: ([, height, width], { size }) => {
    const side = Math.min(height, width);
    if (size <= side) return null;
    return {
      message: `a crop of ${size} pixels does not fit into ${height}×${width} images`,
      fix: `set size: ${Math.max(1, Math.round((side * 90) / 224))}, the share of the paper, or use larger images`,
    };
  },
};

interface Taps {
  /** Indices of the two input pixels that each output pixel mixes, and the weight of the second. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weight: Float64Array;
}

/**
 * Output pixel i lies at (i + ½) · size / length − ½ of the crop, but not before its first pixel; beyond its
 * last pixel, the last one is repeated.
 */
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
