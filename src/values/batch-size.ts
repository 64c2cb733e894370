/**
 * How many images are computed at a time. A task has one `BatchSizes`, which every stage asks, so that a shard that ran out of memory can
 * be tried again with smaller batches. No result depends on it, because rows are independent.
 */

export interface BatchBounds {
  readonly rows: number;
  /** Input values of a batch in all, which bounds the memory that large images take. */
  readonly values: number;
}

/** Smaller than `forwardBatch`, because gradients keep the activations of every layer. */
export const gradientBatch: BatchBounds = { rows: 64, values: 1 << 21 };
export const forwardBatch: BatchBounds = { rows: 128, values: 1 << 22 };

/** The batch sizes of one task. */
export class BatchSizes {
  readonly #most: number;
  #last: number | null = null;

  /** `most` is the limit on the images of a batch; null for none. */
  constructor(most: number | null = null) {
    this.#most = most ?? Infinity;
  }

  /** The number of images of `size` values to compute at a time, at least 1. */
  rows(size: number, bounds: BatchBounds): number {
    this.#last = Math.max(1, Math.min(bounds.rows, Math.floor(bounds.values / size), this.#most));
    return this.#last;
  }

  /** The last batch size that was handed out; null if there was none. */
  get last(): number | null {
    return this.#last;
  }
}
