/**
 * When APGD halves the step of an image (Croce and Hein 2020, section 3.2, "Reliable evaluation of adversarial
 * robustness with an ensemble of diverse parameter-free attacks"). At the checkpoints w_j = ⌈p_j N⌉ with p_0 = 0, p_1
 * = 0.22 and p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06) the step is halved, and the search goes on from the best
 * point, if
 *
 * 1. the loss rose in at most ρ = 0.75 of the steps since the last checkpoint, or
 * 2. the step was not halved at the last checkpoint and the best loss has not risen since.
 *
 * Intervals are whole numbers of steps, rounded down, and "at most" replaces the paper's "fewer than", both as in the
 * authors' code. Their code compares the first step with a loss of 0; here it is compared with the loss of the start,
 * as in the paper.
 */
export class StepHalving {
  readonly #decrease: number;
  readonly #shortest: number;
  #interval: number;
  #since = 0;
  #rises = 0;
  #last: number;
  #bestAtCheckpoint: number;
  #wasHalved = true;

  /** `start` is the loss at the start. */
  constructor(steps: number, start: number) {
    const whole = (share: number): number => Math.max(1, Math.floor(share * steps));
    this.#interval = whole(0.22);
    this.#shortest = whole(0.06);
    this.#decrease = whole(0.03);
    this.#last = start;
    this.#bestAtCheckpoint = start;
  }

  /** Records the loss after a step, and the best loss so far; returns whether the step is to be halved now. */
  record(loss: number, best: number): boolean {
    if (loss > this.#last) this.#rises++;
    this.#last = loss;
    if (++this.#since < this.#interval) return false;
    const isOscillating = this.#rises <= 0.75 * this.#interval;
    const isStuck = !this.#wasHalved && this.#bestAtCheckpoint >= best;
    this.#wasHalved = isOscillating || isStuck;
    this.#bestAtCheckpoint = best;
    this.#since = 0;
    this.#rises = 0;
    this.#interval = Math.max(this.#interval - this.#decrease, this.#shortest);
    return this.#wasHalved;
  }
}
