import type { Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { type ImageBatch, imageSize, sliceRows, takeRows } from '../images.ts';
import { takeOnDevice } from './device-queries.ts';
import { uploadImages } from './upload.ts';

/** Values of the originals that stay on the device: 256 MiB, which is seven times the images of a shard of 224 × 224 pixels. */
const mostValues = 2 ** 26;

/** Originals that are on the device since they were classified, so that the steps of an attack start from them there. */
export class KeptOriginals {
  #batches: { readonly first: number; readonly pixels: Tensor4D }[] = [];
  #values = 0;

  /** The originals `first … end − 1` as a tensor, which the caller disposes. They stay on the device if there is room. */
  enter(images: ImageBatch, first: number, end: number): Tensor4D {
    const { pixels, shape } = sliceRows(images, first, end);
    const known = this.take(Int32Array.from({ length: end - first }, (_, position) => first + position));
    if (known !== null) return known;
    const entered = uploadImages(pixels, shape);
    this.#values += entered.size;
    if (this.#values <= mostValues) this.#batches.push({ first, pixels: tf.clone(entered) });
    return entered;
  }

  /** The originals of some rows as a tensor, which the caller disposes; null if one of them is not on the device. */
  take(rows: ArrayLike<number>): Tensor4D | null {
    if (this.#batches.length === 0) return null;
    const parts: Tensor4D[] = [];
    for (let at = 0; at < rows.length;) {
      const batch = this.#batches.find(({ first, pixels }) => isIn(rows[at]!, first, pixels));
      if (batch === undefined) {
        tf.dispose(parts);
        return null;
      }
      const positions: number[] = [];
      for (; at < rows.length && isIn(rows[at]!, batch.first, batch.pixels); at++)
        positions.push(rows[at]! - batch.first);
      parts.push(takeAll(batch.pixels, positions));
    }
    if (parts.length === 1) return parts[0]!;
    const joined = tf.concat(parts, 0);
    tf.dispose(parts);
    return joined;
  }

  /** Frees all of them. */
  release(): void {
    tf.dispose(this.#batches.map(({ pixels }) => pixels));
    this.#batches = [];
    this.#values = 0;
  }
}

function isIn(row: number, first: number, pixels: Tensor4D): boolean {
  return row >= first && row < first + pixels.shape[0];
}

function takeAll(pixels: Tensor4D, positions: readonly number[]): Tensor4D {
  const isWhole = positions.length === pixels.shape[0] && positions.every((position, at) => position === at);
  return isWhole ? tf.clone(pixels) : takeOnDevice(pixels, positions);
}

/** The originals of some rows as a tensor, which the caller disposes: those that are kept, or else sent to the device now. */
export function originalsOnDevice(
  kept: KeptOriginals | null,
  images: ImageBatch,
  rows: ArrayLike<number>,
): Tensor4D {
  const known = kept?.take(rows) ?? null;
  if (known !== null) return known;
  const first = rows[0] ?? 0;
  // Those in order may be of use to others.
  if (kept !== null && Array.from(rows).every((row, at) => row === first + at))
    return kept.enter(images, first, first + rows.length);
  const { pixels, shape } = takeRows(images, rows);
  return uploadImages(pixels, shape);
}

/**
 * Images of some rows that start at `starts`, side by side, with their originals, as tensors that the caller disposes. Images
 * that start at their originals go to the device once.
 */
export function startsOnDevice(
  kept: KeptOriginals | null,
  images: ImageBatch,
  rows: ArrayLike<number>,
  starts: Float32Array,
): { readonly points: Tensor4D; readonly centres: Tensor4D } {
  const size = imageSize(images.shape);
  const centres = originalsOnDevice(kept, images, rows);
  const areOriginals = Array.from(rows).every((row, at) => {
    const own = images.pixels.subarray(row * size, (row + 1) * size);
    return own.every((pixel, offset) => Object.is(pixel, starts[at * size + offset]));
  });
  if (areOriginals) return { points: tf.clone(centres), centres };
  const [, height, width, channels] = images.shape;
  return { points: uploadImages(starts, [rows.length, height, width, channels]), centres };
}
