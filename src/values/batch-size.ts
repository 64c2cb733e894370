/**
 * How many images are computed at a time. Every stage takes the number from here, so that a shard that ran
 * out of memory can be retried with smaller batches. No result depends on it, because rows are independent.
 */

export interface BatchBounds {
  readonly rows: number;
  /** Number of input values in a batch, which bounds the memory that large images take. */
  readonly values: number;
}

/** Smaller than `forwardBatch`, because gradients keep the activations of every layer. */
export const gradientBatch: BatchBounds = { rows: 64, values: 1 << 21 };
export const forwardBatch: BatchBounds = { rows: 128, values: 1 << 22 };

// Process-wide, because device memory is shared by the whole process. A worker computes one unit at a time.
let most = Infinity;
let last: number | null = null;

/** Returns how many images of `size` values to compute at a time, at least 1. */
export function batchSize(size: number, bounds: BatchBounds): number {
  last = Math.max(1, Math.min(bounds.rows, Math.floor(bounds.values / size), most));
  return last;
}

/** Limits batches to `rows` images from now on; null lifts the limit. */
export function limitBatches(rows: number | null): void {
  most = rows ?? Infinity;
  last = null;
}

/** Returns the last result of `batchSize` since `limitBatches`; null if it has not been called. */
export function lastBatchSize(): number | null {
  return last;
}
