import type { Seed } from '../../tensors/random.ts';

/** Which values of an image are dropped. */
export interface Dropout {
  readonly seed: Seed;
  /** They name the random stream, one word of which decides about each group. */
  readonly counters: readonly [number, number, number];
  /** Probability that a group is kept. */
  readonly keep: number;
  /** The number of values in a row that are kept or dropped together, at least 1. */
  readonly group: number;
}
