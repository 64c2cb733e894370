import { argmaxRows } from '../metrics/classification.ts';
import { gather, runActiveSet } from './active-set.ts';
import type { Attack } from './attack.ts';
import { chooseGoal, type Goal, type GoalOptions, reachesGoal } from './goal.ts';
import { batchCapacity, imageSize, takeRows } from './images.ts';
import { isFiniteRow, marginOf } from './logits.ts';
import type { AttackProblem } from './originals.ts';
import { clip, project } from './projections.ts';
import { adam, type Stepper } from './step-rules.ts';
import type { PointRecorder } from './trace-recorder.ts';

export interface CarliniWagnerOptions extends Pick<GoalOptions, 'seed' | 'targeted'> {
  /** Margin that the logits must reach, κ ≥ 0. */
  readonly kappa: number;
  /** Weight λ of the logits' term. If λ is searched, the first value that is tried. */
  readonly lambda: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Whether to minimise over the pixels, clipped after each step, or over w with x′ = (tanh w + 1) / 2. */
  readonly variable: 'clip' | 'tanh';
  /** Radius of the L2 ball onto which each step is projected; with `clip` alone. No ball if absent. */
  readonly radius?: number;
  /** Factor on the pixels in [−1, 1] before arctanh: below 1 keeps w finite at black and white. */
  readonly shrink: number;
  /**
   * Number of values of λ to try for each image: multiplied by ten until one succeeds, then bisected. 1 tries
   * only `lambda`.
   */
  readonly searchSteps: number;
  /**
   * Stops an image when its loss is above this share of the loss a tenth of the steps earlier; never if
   * absent.
   */
  readonly stopAbove?: number;
  /** Result for an image: the adversarial image nearest to the original among all steps, or the last step. */
  readonly keep: 'best' | 'last';
  /** Result for an image if no step was adversarial: the last step, or the original. */
  readonly otherwise: 'last' | 'original';
}

/**
 * Carlini and Wagner's L2 attack (2017; Guo et al. 2018, section 3): minimises ‖x′ − x‖² + λ max(−κ, Z(x′)_y
 * − max_{k≠y} Z(x′)_k) by Adam. The strength multiplies the perturbation that was found, so the optimisation
 * runs once for all strengths. With a `radius`, each step is projected onto the L2 ball around the original, so that
 * the perturbation is the one with the largest margin within a budget. Images that already reach the goal with margin κ are left unchanged: their
 * gradient is zero.
 */
export function carliniWagner(options: CarliniWagnerOptions): Attack {
  return {
    kind: 'direction',
    // A search is bounded by the lengths of the image and of its first step.
    maximum: Number.MAX_VALUE,
    direction: async (problem) => {
      const goal = await chooseGoal(problem, { ...options, loss: 'margin' });
      return new Minimisation(problem, goal, options).run();
    },
  };
}

/** State of the image in one slot; its pixels are kept separately. */
interface SlotState {
  readonly row: number;
  steps: number;
  searches: number;
  lambda: number;
  lower: number;
  upper: number;
  /** Whether any step with this λ was adversarial. */
  succeeded: boolean;
  /** ‖x′ − x‖² of the best image so far. */
  bestSquares: number;
  lastLoss: number;
  adam: Stepper;
}

/** Result of one query for the image in a slot. */
interface Answer {
  /** x′ and the gradient of the margin there; the gradient is overwritten. */
  readonly pixels: Float32Array;
  readonly gradient: Float32Array;
  /**
   * Z_y − max_{k≠y} Z_k, or its negative if the attack is targeted. The logits' term is active while it is
   * above −κ.
   */
  readonly excess: number;
  readonly isAdversarial: boolean;
}

/** The minimisation for all images. State is kept per slot of the batch. */
class Minimisation {
  readonly #problem: AttackProblem;
  readonly #goal: Goal;
  readonly #options: CarliniWagnerOptions;
  readonly #size: number;
  readonly #direction: Float32Array;
  readonly #slots: SlotState[] = [];
  /** x′, or w if the variable is tanh. */
  readonly #current: Float32Array;
  readonly #best: Float32Array;
  readonly #points: PointRecorder | undefined;

  constructor(problem: AttackProblem, goal: Goal, options: CarliniWagnerOptions) {
    const { images, hooks } = problem;
    this.#problem = problem;
    this.#goal = goal;
    this.#options = options;
    this.#points = problem.trace?.follow(problem.queries, { ...goal, norm: 'l2' });
    this.#size = imageSize(images.shape);
    this.#direction = new Float32Array(images.pixels.length);
    const capacity = Math.min(images.shape[0], batchCapacity(this.#size, hooks));
    this.#current = new Float32Array(capacity * this.#size);
    this.#best = new Float32Array(capacity * this.#size);
  }

  /** x′ − x of all images. */
  async run(): Promise<Float32Array> {
    const process = {
      enter: (slot: number, row: number) => this.#enter(slot, row),
      step: (slots: Int32Array) => this.#step(slots),
    };
    const capacity = this.#current.length / this.#size;
    await runActiveSet(this.#problem.images.shape[0], capacity, process, this.#problem.hooks);
    return this.#direction;
  }

  #enter(slot: number, row: number): void {
    this.#slots[slot] = {
      row,
      steps: 0,
      searches: 0,
      lambda: this.#options.lambda,
      lower: 0,
      upper: Infinity,
      succeeded: false,
      bestSquares: Infinity,
      lastLoss: Infinity,
      adam: adam()(this.#size),
    };
    this.#restart(slot);
  }

  /** Resets the image in a slot to its original, for the next λ. */
  #restart(slot: number): void {
    const { variable, shrink } = this.#options;
    const state = this.#slots[slot]!;
    const original = this.#originalOf(state.row);
    const values =
      variable === 'clip' ? original : original.map((pixel) => Math.atanh((2 * pixel - 1) * shrink));
    this.#current.set(values, slot * this.#size);
    Object.assign(state, { steps: 0, succeeded: false, lastLoss: Infinity, adam: adam()(this.#size) });
  }

  /** Takes one step for the images in `slots` and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const { queries, images } = this.#problem;
    const { classes } = queries;
    const size = this.#size;
    const some = Array.from(slots, (slot) => this.#slots[slot]!.row);
    const batch = {
      ...takeRows(images, some),
      pixels: this.#pixelsOf(gather(this.#current, slots, size)),
      labels: Int32Array.from(some, (row) => this.#goal.labels[row]!),
    };
    const { gradient, logits } = await queries.gradient(batch, 'margin');
    const predicted = argmaxRows(logits, classes);
    return slots.filter((slot, position) => {
      const label = batch.labels[position]!;
      const excess = -this.#goal.sign * marginOf(logits, classes, position, label);
      const [from, to] = [position * size, (position + 1) * size];
      const answer: Answer = {
        pixels: batch.pixels.subarray(from, to),
        gradient: gradient.subarray(from, to),
        excess,
        isAdversarial: reachesGoal(this.#goal, predicted[position]!, label) && excess <= -this.#options.kappa,
      };
      this.#points?.visit(this.#slots[slot]!.row, answer.pixels, logits, position);
      const isFirst = this.#slots[slot]!.steps === 0 && this.#slots[slot]!.searches === 0;
      if (!isFiniteRow(logits, classes, position)) {
        if (!isFirst) this.#leave(slot);
        return true;
      }
      if (queries.isSpent?.(batch.ids[position]!) === true) {
        this.#leave(slot);
        return true;
      }
      if (isFirst && this.#isDoneAtOnce(slot, answer)) return true;
      return this.#advance(slot, answer);
    });
  }

  /**
   * Marks an image that needs no steps, because it reaches the goal already or has a gradient of zero;
   * returns whether it does.
   */
  #isDoneAtOnce(slot: number, { isAdversarial, gradient }: Answer): boolean {
    const { originals } = this.#problem;
    const { row } = this.#slots[slot]!;
    if (isAdversarial) originals.markAtGoal(row);
    else if (gradient.every((slope) => slope === 0)) originals.markZeroGradient(row);
    else return false;
    return true;
  }

  /** Takes a step for the image in a slot; returns whether the image is done. */
  #advance(slot: number, answer: Answer): boolean {
    const { kappa, steps, stopAbove, searchSteps } = this.#options;
    const { excess, pixels } = answer;
    const state = this.#slots[slot]!;
    const squares = squaredDistance(this.#originalOf(state.row), pixels);
    if (answer.isAdversarial) {
      state.succeeded = true;
      if (squares < state.bestSquares) {
        state.bestSquares = squares;
        this.#best.set(pixels, slot * this.#size);
      }
    }
    this.#move(slot, answer);
    const loss = squares + state.lambda * Math.max(excess + kappa, 0);
    let hasEnded = state.steps === steps;
    if (stopAbove !== undefined && (state.steps - 1) % Math.ceil(steps / 10) === 0) {
      hasEnded ||= !(loss <= stopAbove * state.lastLoss);
      state.lastLoss = loss;
    }
    if (!hasEnded) return false;
    if (++state.searches < searchSteps) {
      nextLambda(state);
      this.#restart(slot);
      return false;
    }
    this.#leave(slot);
    return true;
  }

  /** Takes one step of Adam on 2 (x′ − x) + weight · gradient. */
  #move(slot: number, { pixels, gradient, excess }: Answer): void {
    const { variable, kappa, learningRate } = this.#options;
    const state = this.#slots[slot]!;
    const original = this.#originalOf(state.row);
    const weight = excess > -kappa ? -this.#goal.sign * state.lambda : 0;
    state.steps++;
    for (let at = 0; at < pixels.length; at++) {
      const pixel = pixels[at]!;
      const slope = 2 * (pixel - original[at]!) + weight * gradient[at]!;
      // d/dw (tanh w + 1) / 2 = 2 x′ (1 − x′).
      gradient[at] = variable === 'tanh' ? slope * 2 * pixel * (1 - pixel) : slope;
    }
    state.adam(gradient);
    const first = slot * this.#size;
    for (let at = 0; at < gradient.length; at++) this.#current[first + at]! -= learningRate * gradient[at]!;
    if (variable !== 'clip') return;
    const { pixels: originals } = this.#problem.images;
    const { radius } = this.#options;
    if (radius !== undefined)
      project(originals, state.row * this.#size, this.#current, first, this.#size, radius, 'l2');
    clip(this.#current, first, this.#size);
  }

  /** Writes the perturbation of the image in a slot that is done. */
  #leave(slot: number): void {
    const { keep, otherwise } = this.#options;
    const { row, bestSquares } = this.#slots[slot]!;
    const some = [slot * this.#size, (slot + 1) * this.#size] as const;
    const hasBest = keep === 'best' && bestSquares < Infinity;
    if (keep === 'best' && !hasBest && otherwise === 'original') return;
    const kept = hasBest ? this.#best.subarray(...some) : this.#pixelsOf(this.#current.subarray(...some));
    const original = this.#originalOf(row);
    const direction = this.#direction.subarray(row * this.#size, (row + 1) * this.#size);
    for (let at = 0; at < direction.length; at++) direction[at] = kept[at]! - original[at]!;
  }

  #pixelsOf(values: Float32Array): Float32Array {
    return this.#options.variable === 'clip' ? values : values.map(sigmoid);
  }

  #originalOf(row: number): Float32Array {
    return this.#problem.images.pixels.subarray(row * this.#size, (row + 1) * this.#size);
  }
}

/**
 * Chooses the next λ: ten times as large until one succeeds, then the middle between the largest that failed
 * and the smallest that succeeded.
 */
function nextLambda(state: SlotState): void {
  if (state.succeeded) state.upper = state.lambda;
  else state.lower = state.lambda;
  state.lambda = state.upper === Infinity ? state.lambda * 10 : (state.lower + state.upper) / 2;
}

/** (tanh w + 1) / 2. */
function sigmoid(w: number): number {
  return 1 / (1 + Math.exp(-2 * w));
}

function squaredDistance(originals: Float32Array, pixels: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < pixels.length; at++) {
    const difference = pixels[at]! - originals[at]!;
    sum += difference * difference;
  }
  return sum;
}
