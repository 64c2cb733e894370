import { argmaxRows } from '../metrics/classification.ts';
import { type RandomStream, randomStream } from '../tensors/random.ts';
import { gather, runActiveSet } from './active-set.ts';
import type { Attack } from './attack.ts';
import { type Goal, goalGradient, reachesGoal, startStream } from './goal.ts';
import { batchCapacity, imageSize, takeRows } from './images.ts';
import { isFiniteRow, marginOf } from './logits.ts';
import { type Minimum, minimumNormAttack, nothingFound, type Targeted } from './minimum-norm.ts';
import { distanceBetween, lengthOf, type Measure } from './norms.ts';
import type { AttackProblem } from './originals.ts';
import { clip } from './projections.ts';
import type { AttackLoss, Gradients } from './queries.ts';
import type { PointRecorder } from './trace-recorder.ts';

export interface NormDescentOptions extends Targeted {
  readonly norm: Measure;
  readonly steps: number;
  /** Called at every point that an image visits: the smallest distance so far. */
  readonly watch?: (row: number, distance: number) => void;
}

/** Everything that a rule knows of an image at one of its points. */
export interface DescentPoint {
  /** 0 at the original. */
  readonly step: number;
  readonly original: Float32Array;
  /** The direction of ascent: the gradient of the loss at the true label, or of minus the loss at the target. */
  readonly gradient: Float32Array;
  /** max_{k≠y} Z_k − Z_y at the true label y, or at the target. */
  readonly margin: number;
  readonly isReached: boolean;
  /** Whether any point has been misclassified so far. */
  readonly hasFound: boolean;
  /** Distance of the point from the original, and the smallest one of a misclassified point. */
  readonly distance: number;
  readonly bestDistance: number;
  /** Radius of the ball so far; infinite at first if the rule gives none. */
  readonly epsilon: number;
  readonly stream: RandomStream;
}

/** How an attack goes on from a point. */
export interface DescentRule {
  readonly loss: AttackLoss;
  /** Radius of the ball at the original. */
  readonly firstEpsilon: number;
  /** Radius of the next ball, before it is limited to what the box allows. */
  readonly epsilonAfter: (point: DescentPoint) => number;
  /** Moves the image in place to its next point in the ball of radius `epsilon`; it is clipped to [0, 1] afterwards. */
  readonly move: (image: Float32Array, point: DescentPoint, epsilon: number) => void;
  /** Levels per channel to which the points are rounded; absent for none. */
  readonly levels?: number;
}

/**
 * An attack that follows a gradient in a ball whose radius shrinks while its points are misclassified (or classified as
 * their target) and grows while they are not; the nearest such point is its result.
 */
export function normDescent(rule: DescentRule, options: NormDescentOptions): Attack {
  return minimumNormAttack(
    (problem, _logits, { labels, sign }) =>
      async (rows, within) => {
        const best = nothingFound(takeRows(problem.images, rows).pixels, rows.length);
        const goal = { labels, sign, loss: rule.loss, rounded: false };
        await new Descent(problem, rule, options, goal, rows, within, best).run();
        return best;
      },
    options,
  );
}

/** State of the image in one slot; its point is kept separately. */
interface SlotState {
  readonly index: number;
  readonly stream: RandomStream;
  /** The largest distance that the box allows. */
  readonly worst: number;
  step: number;
  epsilon: number;
}

class Descent {
  readonly #problem: AttackProblem;
  readonly #rule: DescentRule;
  readonly #options: NormDescentOptions;
  readonly #goal: Goal;
  readonly #rows: Int32Array;
  readonly #within: Float64Array;
  readonly #best: Minimum;
  readonly #size: number;
  readonly #capacity: number;
  readonly #slots: SlotState[] = [];
  readonly #current: Float32Array;
  readonly #points: PointRecorder | undefined;

  constructor(
    problem: AttackProblem,
    rule: DescentRule,
    options: NormDescentOptions,
    goal: Goal,
    rows: Int32Array,
    within: Float64Array,
    best: Minimum,
  ) {
    this.#problem = problem;
    this.#rule = rule;
    this.#options = options;
    this.#goal = goal;
    this.#rows = rows;
    this.#within = within;
    this.#best = best;
    this.#points = problem.trace?.follow(problem.queries, { ...goal, norm: options.norm });
    this.#size = imageSize(problem.images.shape);
    this.#capacity = Math.min(rows.length, batchCapacity(this.#size, problem.hooks));
    this.#current = new Float32Array(this.#capacity * this.#size);
  }

  async run(): Promise<void> {
    const process = {
      enter: (slot: number, index: number) => this.#enter(slot, index),
      step: (slots: Int32Array) => this.#step(slots),
    };
    await runActiveSet(this.#rows.length, this.#capacity, process, this.#problem.hooks);
  }

  #enter(slot: number, index: number): void {
    const row = this.#rows[index]!;
    const original = this.#originalOf(row);
    const farthest = original.map((pixel) => Math.max(pixel, 1 - pixel));
    this.#slots[slot] = {
      index,
      stream: randomStream(this.#options.seed, 0, this.#problem.images.ids[row]!, startStream),
      worst: lengthOf(farthest, this.#options.norm),
      step: 0,
      epsilon: this.#rule.firstEpsilon,
    };
    this.#current.set(original, slot * this.#size);
  }

  /** Takes one step for the images in `slots` and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const { images, queries } = this.#problem;
    const some = slots.map((slot) => this.#rows[this.#slots[slot]!.index]!);
    const { classes } = queries;
    const labels = some.map((row) => this.#goal.labels[row]!);
    const batch = { ...takeRows(images, some), labels, pixels: gather(this.#current, slots, this.#size) };
    const answer = await goalGradient(queries, batch, this.#goal);
    const predicted = argmaxRows(answer.logits, classes);
    return slots.filter((slot, position) => {
      const isReached =
        reachesGoal(this.#goal, predicted[position]!, labels[position]!) &&
        isFiniteRow(answer.logits, classes, position);
      return this.#advance(slot, position, answer, isReached);
    });
  }

  /** Judges the point of the image in a slot and moves it; returns whether the image is done. */
  #advance(slot: number, position: number, answer: Gradients, isReached: boolean): boolean {
    const { norm, steps, watch } = this.#options;
    const state = this.#slots[slot]!;
    const row = this.#rows[state.index]!;
    const size = this.#size;
    const { images, queries, originals } = this.#problem;
    const gradient = answer.gradient.subarray(position * size, (position + 1) * size);
    if (state.step === 0 && gradient.every((slope) => slope === 0)) originals.markZeroGradient(row);
    const image = this.#current.subarray(slot * size, (slot + 1) * size);
    this.#points?.visit(row, image, answer.logits, position);
    const original = this.#originalOf(row);
    const distance = distanceBetween(original, image, norm);
    const { distances, pixels } = this.#best;
    if (isReached && distance < distances[state.index]!) {
      distances[state.index] = distance;
      pixels.set(image, state.index * size);
    }
    const bestDistance = distances[state.index]!;
    watch?.(row, bestDistance);
    const isSpent = queries.isSpent?.(images.ids[row]!) === true;
    if (isSpent || state.step + 1 === steps || bestDistance <= this.#within[state.index]!) return true;
    const point: DescentPoint = {
      step: state.step,
      original,
      gradient,
      margin: marginOf(answer.logits, queries.classes, position, this.#goal.labels[row]!),
      isReached,
      hasFound: bestDistance < Infinity,
      distance,
      bestDistance,
      epsilon: state.epsilon,
      stream: state.stream,
    };
    state.epsilon = Math.min(this.#rule.epsilonAfter(point), state.worst);
    this.#rule.move(image, point, state.epsilon);
    clip(image, 0, size);
    const { levels } = this.#rule;
    if (levels !== undefined)
      for (let at = 0; at < size; at++) image[at] = Math.round(image[at]! * (levels - 1)) / (levels - 1);
    state.step++;
    return false;
  }

  #originalOf(row: number): Float32Array {
    return this.#problem.images.pixels.subarray(row * this.#size, (row + 1) * this.#size);
  }
}
