import { argmaxRows } from '../metrics/classification.ts';
import { gather, runActiveSet } from './active-set.ts';
import type { Attack } from './attack.ts';
import {
  answerOf,
  type CarliniWagnerOptions,
  countStep,
  type CwAnswer,
  type CwState,
  endOf,
  isFirstPoint,
  isNearest,
  needsSquares,
  startOf,
  startValues,
  weightOf,
} from './cw-state.ts';
import { chooseGoal, type Goal } from './goal.ts';
import { squaredDistance } from './halving-sums.ts';
import { batchCapacity, imageSize, takeRows } from './images.ts';
import { isFiniteRow } from './logits.ts';
import { carliniWagnerOnDevice } from './on-device/cw-steps.ts';
import { deviceForm } from './on-device/device-queries.ts';
import type { AttackProblem } from './originals.ts';
import { clip, project } from './projections.ts';
import { adam, type Stepper } from './step-rules.ts';
import type { PointRecorder } from './trace-recorder.ts';

export type { CarliniWagnerOptions };

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
      const { queries, trace } = problem;
      const isSeen = trace !== undefined || queries.isSpent !== undefined;
      const onDevice = isSeen ? null : deviceForm(queries);
      return onDevice === null
        ? new Minimisation(problem, goal, options).run()
        : carliniWagnerOnDevice(problem, goal, options, onDevice);
    },
  };
}

/** State of the image in one slot; its pixels are kept separately. */
interface Slot {
  readonly state: CwState;
  adam: Stepper;
}

/** Result of one query for the image in a slot. */
interface Answer extends CwAnswer {
  /** x′ and the gradient of the margin there; the gradient is overwritten. */
  readonly pixels: Float32Array;
  readonly gradient: Float32Array;
}

/** The minimisation for all images. State is kept per slot of the batch. */
class Minimisation {
  readonly #problem: AttackProblem;
  readonly #goal: Goal;
  readonly #options: CarliniWagnerOptions;
  readonly #size: number;
  readonly #direction: Float32Array;
  readonly #slots: Slot[] = [];
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
    this.#slots[slot] = { state: startOf(row, this.#options), adam: adam()(this.#size) };
    this.#current.set(startValues(this.#originalOf(row), this.#options), slot * this.#size);
  }

  /** Takes one step for the images in `slots` and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const { queries, images } = this.#problem;
    const { classes } = queries;
    const size = this.#size;
    const some = Array.from(slots, (slot) => this.#slots[slot]!.state.row);
    const batch = {
      ...takeRows(images, some),
      pixels: this.#pixelsOf(gather(this.#current, slots, size)),
      labels: Int32Array.from(some, (row) => this.#goal.labels[row]!),
    };
    const { gradient, logits } = await queries.gradient(batch, 'margin');
    const predicted = argmaxRows(logits, classes);
    return slots.filter((slot, position) => {
      const label = batch.labels[position]!;
      const [from, to] = [position * size, (position + 1) * size];
      const own = { label, predicted: predicted[position]! };
      const answer: Answer = {
        pixels: batch.pixels.subarray(from, to),
        gradient: gradient.subarray(from, to),
        ...answerOf(logits, classes, position, own, this.#goal, this.#options),
      };
      const { state } = this.#slots[slot]!;
      this.#points?.visit(state.row, answer.pixels, logits, position);
      const isFirst = isFirstPoint(state);
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
    const { row } = this.#slots[slot]!.state;
    if (isAdversarial) originals.markAtGoal(row);
    else if (gradient.every((slope) => slope === 0)) originals.markZeroGradient(row);
    else return false;
    return true;
  }

  /** Takes a step for the image in a slot; returns whether the image is done. */
  #advance(slot: number, answer: Answer): boolean {
    const { state } = this.#slots[slot]!;
    const { pixels: originals } = this.#problem.images;
    const size = this.#size;
    const squares = needsSquares(state, answer, this.#options)
      ? squaredDistance(originals, state.row * size, answer.pixels, 0, size)
      : 0;
    if (isNearest(state, answer, squares)) this.#best.set(answer.pixels, slot * size);
    this.#move(slot, answer);
    switch (countStep(state, answer, squares, this.#options)) {
      case 'goes-on':
        return false;
      case 'restarts':
        this.#current.set(startValues(this.#originalOf(state.row), this.#options), slot * size);
        this.#slots[slot]!.adam = adam()(size);
        return false;
      case 'ends':
        this.#leave(slot);
        return true;
    }
  }

  /** Takes one step of Adam on 2 (x′ − x) + weight · gradient. */
  #move(slot: number, answer: Answer): void {
    const { variable, kappa, learningRate } = this.#options;
    const { pixels, gradient } = answer;
    const { state, adam: stepper } = this.#slots[slot]!;
    const original = this.#originalOf(state.row);
    const weight = weightOf(state, answer, this.#goal, kappa);
    for (let at = 0; at < pixels.length; at++) {
      const pixel = pixels[at]!;
      const slope = 2 * (pixel - original[at]!) + weight * gradient[at]!;
      // d/dw (tanh w + 1) / 2 = 2 x′ (1 − x′).
      gradient[at] = variable === 'tanh' ? slope * 2 * pixel * (1 - pixel) : slope;
    }
    stepper(gradient);
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
    const { state } = this.#slots[slot]!;
    const end = endOf(state, this.#options);
    if (end === null) return;
    const some = [slot * this.#size, (slot + 1) * this.#size] as const;
    const kept =
      end === 'best' ? this.#best.subarray(...some) : this.#pixelsOf(this.#current.subarray(...some));
    const original = this.#originalOf(state.row);
    const direction = this.#direction.subarray(state.row * this.#size, (state.row + 1) * this.#size);
    for (let at = 0; at < direction.length; at++) direction[at] = kept[at]! - original[at]!;
  }

  #pixelsOf(values: Float32Array): Float32Array {
    return this.#options.variable === 'clip' ? values : values.map(sigmoid);
  }

  #originalOf(row: number): Float32Array {
    return this.#problem.images.pixels.subarray(row * this.#size, (row + 1) * this.#size);
  }
}

/** (tanh w + 1) / 2. */
function sigmoid(w: number): number {
  return 1 / (1 + Math.exp(-2 * w));
}
