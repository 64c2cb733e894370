/**
 * How many images are computed at a time: the one place that every stage asks, so that a shard that ran out of memory
 * can be tried again with less. No result depends on it, because rows are independent.
 */

export interface BatchBounds {
  readonly rows: number;
  /** Values of input in all: bounds memory on large images. */
  readonly values: number;
}

/** Gradients keep the activations of every layer. */
export const gradientBatch: BatchBounds = { rows: 64, values: 1 << 21 };
export const forwardBatch: BatchBounds = { rows: 128, values: 1 << 22 };

// Of this process, as the device's memory is. A worker computes one unit at a time.
let most = Infinity;
let last: number | null = null;

/** Images of `size` values to compute at a time, at least 1. */
export function batchSize(size: number, bounds: BatchBounds): number {
  last = Math.max(1, Math.min(bounds.rows, Math.floor(bounds.values / size), most));
  return last;
}

/** From now on at most `rows` images at a time; null lifts the limit. */
export function limitBatches(rows: number | null): void {
  most = rows ?? Infinity;
  last = null;
}

/** The last answer of `batchSize` since `limitBatches`; null where nobody asked. */
export function lastBatchSize(): number | null {
  return last;
}
