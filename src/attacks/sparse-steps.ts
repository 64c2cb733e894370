/** Steps of APGD in L1 and the schedule of their sparsity. */

/** Share of the values that the first steps from a random start change. */
const firstShare = 0.2;
/** The next steps change the moved values of the best point divided by this. */
const shareDivisor = 1.5;
/** A best point with fewer than this share of the earlier moved values counts as sparser. */
const sparser = 0.95;
const stepDivisor = 1.5;
/** The smallest step, relative to the radius. */
const smallestStep = 0.1;

/**
 * Replaces a gradient in place by the steepest ascent step of length 1 in L1 that is spread over the largest of its
 * values (Croce and Hein 2021, section 3.2): their signs divided by their number. `share` is their share of all values; the
 * number is at least 1, and more if several values are equal.
 */
export function sparseSign(gradient: Float32Array, share: number): void {
  const sizes = gradient.map(Math.abs).sort();
  const skipped = Math.min(Math.max(Math.floor((1 - share) * sizes.length), 0), sizes.length - 1);
  const least = sizes[skipped]!;
  let count = 0;
  for (let at = 0; at < gradient.length; at++) {
    const value = gradient[at]!;
    gradient[at] = Math.abs(value) >= least ? Math.sign(value) : 0;
    if (gradient[at] !== 0) count++;
  }
  for (let at = 0; at < gradient.length; at++) gradient[at]! /= Math.max(count, 1);
}

/**
 * When APGD in L1 makes its steps sparser or shorter (Croce and Hein 2021, algorithm 1 and section 3.3, with the numbers
 * of their code): every 4 % of the steps, the share of the values that a step changes follows from the number k of
 * values that the best point changed. If k fell by more than 5 % since the last time, the step is as long as the radius
 * again and the ascent goes on from the best point. Otherwise the step is divided by 1.5, down to a tenth of the radius.
 */
export class SparsitySchedule {
  readonly #period: number;
  readonly #size: number;
  #since = 0;
  #moved: number;
  /** Share of the values that a step changes. */
  share: number;
  /** Length of a step relative to the radius. */
  stepSize = 1;

  /** `moved` is the number of values that a given start changed; null for a random start. */
  constructor(steps: number, size: number, moved: number | null) {
    this.#period = Math.max(Math.floor(0.04 * steps), 1);
    this.#size = size;
    this.#moved = moved ?? size;
    this.share = moved === null ? firstShare : moved / size / shareDivisor;
  }

  /**
   * Records that a step was taken. `movedAtBest` counts the values that the best point changed. Returns whether the
   * ascent goes on from the best point.
   */
  record(movedAtBest: () => number): boolean {
    if (++this.#since < this.#period) return false;
    this.#since = 0;
    const moved = movedAtBest();
    const isSparser = moved / this.#moved < sparser;
    this.share = moved / this.#size / shareDivisor;
    this.stepSize = isSparser ? 1 : Math.max(this.stepSize / stepDivisor, smallestStep);
    this.#moved = moved;
    return isSparser;
  }
}
