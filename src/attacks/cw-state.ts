/** The options of Carlini and Wagner's attack, and how the image in a slot goes on from its logits and its distance. */
import { type Goal, type GoalOptions, reachesGoal } from './goal.ts';
import { marginOf } from './logits.ts';

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

/** State of an image; its pixels are kept separately. */
export interface CwState {
  readonly row: number;
  /** Steps with this λ. */
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
}

export function startOf(row: number, { lambda }: CarliniWagnerOptions): CwState {
  return {
    row,
    steps: 0,
    searches: 0,
    lambda,
    lower: 0,
    upper: Infinity,
    succeeded: false,
    bestSquares: Infinity,
    lastLoss: Infinity,
  };
}

/** A verdict on the point of an image, from its logits. */
export interface CwAnswer {
  /**
   * Z_y − max_{k≠y} Z_k, or its negative if the attack is targeted. The logits' term is active while it is
   * above −κ.
   */
  readonly excess: number;
  readonly isAdversarial: boolean;
}

/** Reads the logits of one image, of class `predicted`. */
export function answerOf(
  logits: Float32Array,
  classes: number,
  position: number,
  { label, predicted }: { readonly label: number; readonly predicted: number },
  goal: Goal,
  { kappa }: CarliniWagnerOptions,
): CwAnswer {
  const excess = -goal.sign * marginOf(logits, classes, position, label);
  return { excess, isAdversarial: reachesGoal(goal, predicted, label) && excess <= -kappa };
}

/** Whether an image is at the first point of all. */
export function isFirstPoint({ steps, searches }: CwState): boolean {
  return steps === 0 && searches === 0;
}

/** Whether the loss of this point decides if the image ends. */
function isChecked({ steps: taken }: CwState, { stopAbove, steps }: CarliniWagnerOptions): boolean {
  return stopAbove !== undefined && taken % Math.ceil(steps / 10) === 0;
}

/** Whether ‖x′ − x‖² of this point decides anything. */
export function needsSquares(state: CwState, answer: CwAnswer, options: CarliniWagnerOptions): boolean {
  return answer.isAdversarial || isChecked(state, options);
}

/** Notes an adversarial point; returns whether it is the nearest so far. */
export function isNearest(state: CwState, { isAdversarial }: CwAnswer, squares: number): boolean {
  if (!isAdversarial) return false;
  state.succeeded = true;
  if (!(squares < state.bestSquares)) return false;
  state.bestSquares = squares;
  return true;
}

/** Factor of the gradient of the margin in the slope. */
export function weightOf({ lambda }: CwState, { excess }: CwAnswer, goal: Goal, kappa: number): number {
  return excess > -kappa ? -goal.sign * lambda : 0;
}

/**
 * Counts the step of an image from a point, whose ‖x′ − x‖² is read if `needsSquares`. Returns whether it goes on, starts
 * again with the next λ, or is done.
 */
export function countStep(
  state: CwState,
  { excess }: CwAnswer,
  squares: number,
  options: CarliniWagnerOptions,
): 'goes-on' | 'restarts' | 'ends' {
  const { kappa, steps, stopAbove, searchSteps } = options;
  const checksLoss = isChecked(state, options);
  state.steps++;
  let hasEnded = state.steps === steps;
  if (checksLoss) {
    const loss = squares + state.lambda * Math.max(excess + kappa, 0);
    hasEnded ||= !(loss <= stopAbove! * state.lastLoss);
    state.lastLoss = loss;
  }
  if (!hasEnded) return 'goes-on';
  if (++state.searches >= searchSteps) return 'ends';
  nextLambda(state);
  Object.assign(state, { steps: 0, succeeded: false, lastLoss: Infinity });
  return 'restarts';
}

/**
 * Chooses the next λ: ten times as large until one succeeds, then the middle between the largest that failed
 * and the smallest that succeeded.
 */
function nextLambda(state: CwState): void {
  if (state.succeeded) state.upper = state.lambda;
  else state.lower = state.lambda;
  state.lambda = state.upper === Infinity ? state.lambda * 10 : (state.lower + state.upper) / 2;
}

/** The values that a minimisation starts from: the pixels, or w. */
export function startValues(
  original: Float32Array,
  { variable, shrink }: CarliniWagnerOptions,
): Float32Array {
  return variable === 'clip' ? original : original.map((pixel) => Math.atanh((2 * pixel - 1) * shrink));
}

/** Which point an image ends at; null if it ends at its original. */
export function endOf(
  { bestSquares }: CwState,
  { keep, otherwise }: CarliniWagnerOptions,
): 'best' | 'last' | null {
  if (keep === 'last') return 'last';
  if (bestSquares < Infinity) return 'best';
  return otherwise === 'original' ? null : 'last';
}
