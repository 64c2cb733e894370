import { BatchSizes, gradientBatch } from '../values/batch-size.ts';

/** Images with their true labels: the input of every attack and of every query. */
export interface ImageBatch {
  /** Row-major `[n, height, width, channels]` in [0, 1]. */
  readonly pixels: Float32Array;
  readonly shape: readonly [rows: number, height: number, width: number, channels: number];
  /** True class index of each image, `[n]`. */
  readonly labels: Int32Array;
  /** Index of each image in the dataset, `[n]`: the key of everything that is drawn for it. */
  readonly ids: Int32Array;
}

/** Cancellation, progress and batch sizes of a running attack. An attack never reads a clock. */
export interface AttackHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Decides how many images are computed at a time. */
  readonly batchSizes?: BatchSizes;
}

export function imageSize(shape: ImageBatch['shape']): number {
  return shape[1] * shape[2] * shape[3];
}

/** The number of images of `size` values that fit into a batch. */
export function batchCapacity(size: number, { batchSizes = new BatchSizes() }: AttackHooks): number {
  return batchSizes.rows(size, gradientBatch);
}

/** Yields the first row of each batch and the row after its last. Throws if the signal was aborted. */
export function* batchesOf(
  rows: number,
  size: number,
  hooks: AttackHooks,
): Generator<readonly [first: number, end: number]> {
  const step = batchCapacity(size, hooks);
  for (let first = 0; first < rows; first += step) {
    hooks.signal?.throwIfAborted();
    yield [first, Math.min(rows, first + step)];
  }
}

/** The images of the given rows, in that order. */
export function takeRows(images: ImageBatch, rows: ArrayLike<number>): ImageBatch {
  const size = imageSize(images.shape);
  const pixels = new Float32Array(rows.length * size);
  const labels = new Int32Array(rows.length);
  const ids = new Int32Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    pixels.set(images.pixels.subarray(row * size, (row + 1) * size), index * size);
    labels[index] = images.labels[row]!;
    ids[index] = images.ids[row]!;
  }
  const [, height, width, channels] = images.shape;
  return { pixels, labels, ids, shape: [rows.length, height, width, channels] };
}

/** Rows `first … end − 1`. */
export function sliceRows(images: ImageBatch, first: number, end: number): ImageBatch {
  return takeRows(
    images,
    Int32Array.from({ length: end - first }, (_, index) => first + index),
  );
}

/** 0 … count − 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
