import { type ImageBatch, imageSize } from './images.ts';

/**
 * clip(x + strength · direction, 0, 1) for the given rows, each with its own strength, rounded to float32
 * once.
 */
export function stepAlong(
  images: Pick<ImageBatch, 'pixels' | 'shape'>,
  direction: Float32Array | Int8Array,
  rows: Int32Array,
  strengths: Float64Array,
): Float32Array {
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  for (let index = 0; index < rows.length; index++) {
    const strength = strengths[index]!;
    const from = rows[index]! * size;
    for (let offset = 0; offset < size; offset++) {
      const value = images.pixels[from + offset]! + strength * direction[from + offset]!;
      result[index * size + offset] = Math.min(1, Math.max(0, value));
    }
  }
  return result;
}
