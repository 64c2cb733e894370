/**
 * How many images are computed at a time. A task has one `BatchSizes`, which every stage uses, so that a
 * shard that ran out of memory can be tried again with smaller batches. Results do not depend on it, because
 * rows are independent.
 */

export interface BatchBounds {
  readonly rows: number;
  /** Most input values of a batch, which bounds the memory of large images. */
  readonly values: number;
}

/**
 * Bounds on the batches of gradients; smaller than `forwardBatch`, because gradients keep the activations of every
 * layer.
 */
export const gradientBatch: BatchBounds = { rows: 64, values: 1 << 21 };
export const forwardBatch: BatchBounds = { rows: 128, values: 1 << 22 };

/** The batch sizes of one task. */
export class BatchSizes {
  readonly #most: number;
  #last: number | null = null;

  /** `most` is the largest number of images of a batch; null for no limit. */
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
