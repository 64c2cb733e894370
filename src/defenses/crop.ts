import { linearTaps } from '../kernels/crop/taps.ts';
import { openResize, type Resize } from '../kernels/crop/wasm.ts';
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
  const length = height * width * channels;
  // Every value is written below, so that the memory need not be cleared.
  const result = new Float32Array(Buffer.allocUnsafeSlow(pixels.byteLength).buffer);
  let resize: Resize | undefined;
  eachCrop(shape, size, draw, (image, top, left) => {
    resize ??= openResize({ height, width, channels, size });
    resize(pixels.subarray(image, image + length), top, left, result.subarray(image, image + length));
  });
  return result;
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
  const down = linearTaps(size, height);
  const across = linearTaps(size, width);
  eachCrop(shape, size, draw, (image, upper, leftmost) => {
    const corner = image + upper * rowLength + leftmost * channels;
    for (let y = 0; y < height; y++) {
      const above = corner + down.first[y]! * rowLength;
      const under = corner + down.second[y]! * rowLength;
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
 * Visits each image, which begins at `image`, with the row and the column of its crop's corner. Throws
 * `RangeError` if the crop does not fit.
 */
function eachCrop(
  [, height, width, channels]: PixelShape,
  size: number,
  { seed, draw, ids }: Draw,
  visit: (image: number, top: number, left: number) => void,
): void {
  if (size > height || size > width) {
    throw new RangeError(`a crop of ${size} pixels does not fit into ${height}×${width}`);
  }
  ids.forEach((id, row) => {
    const random = randomStream(seed, draw, id, cropStream);
    const top = random.integer(height - size + 1);
    const left = random.integer(width - size + 1);
    visit(row * height * width * channels, top, left);
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
