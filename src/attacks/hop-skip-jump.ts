import { type RandomStream, randomStream } from '../tensors/random.ts';
import { runActiveSet } from './active-set.ts';
import type { Attack } from './attack.ts';
import { decideFor } from './decisions.ts';
import { estimateStream, type Goal } from './goal.ts';
import { batchCapacity, batchesOf, imageSize, takeRows } from './images.ts';
import { type Minimum, minimumNormAttack, nothingFound, type Targeted } from './minimum-norm.ts';
import { distanceBetween } from './norms.ts';
import type { AttackProblem } from './originals.ts';
import { clip, type Norm } from './projections.ts';
import type { PointRecorder } from './trace-recorder.ts';

export interface HopSkipJumpOptions extends Targeted {
  readonly norm: Norm;
  /** Jumps of an image. */
  readonly steps: number;
  /** Points that the first estimate of a direction queries; the t-th queries √t times as many. */
  readonly firstSamples: number;
  /** Most points of an estimate. */
  readonly mostSamples: number;
  /** Random images that are tried as a start. */
  readonly starts: number;
  /** Called after each jump of an image: the smallest distance so far. */
  readonly watch?: (row: number, distance: number) => void;
}

/**
 * HopSkipJump (Chen, Jordan and Wainwright 2020, "HopSkipJumpAttack: a query-efficient decision-based attack", algorithm 2,
 * with the constants of the authors' code): the smallest perturbation in L2 or L∞, by the class of an image alone. From a
 * misclassified random image it goes to the boundary by bisection; then each jump estimates the normal of the boundary
 * from the classes of random points around, steps along it as far as it stays misclassified, halving ‖x′ − x‖ / √t,
 * and goes back to the boundary. The nearest misclassified point that was queried is the result.
 *
 * With `targeted`, all of this is done with the points that are classified as the target. Networks give noise few classes,
 * so that the random images are then also of larger squares, of 2, 4, 8 … pixels in turn.
 */
export function hopSkipJump(options: HopSkipJumpOptions): Attack {
  return minimumNormAttack(
    (problem, _logits, goal) => async (rows) => {
      const best = nothingFound(takeRows(problem.images, rows).pixels, rows.length);
      await new Jumps(problem, options, goal, rows, best).run();
      return best;
    },
    options,
  );
}

/** The image in one slot. */
interface SlotState {
  readonly index: number;
  readonly row: number;
  readonly original: Float32Array;
  readonly stream: RandomStream;
  jump: number;
  /** A point that reaches the goal, on the boundary after a bisection; empty before a start is found. */
  point: Float32Array;
  /** Distance of the point at which the latest bisection began, which decides how far the next estimate looks. */
  reach: number;
}

class Jumps {
  readonly #problem: AttackProblem;
  readonly #options: HopSkipJumpOptions;
  readonly #rows: Int32Array;
  readonly #best: Minimum;
  readonly #size: number;
  /** Width at which a bisection ends: 1 / d^1.5 in L2 and 1 / d² in L∞, with d values in an image. */
  readonly #theta: number;
  readonly #slots: SlotState[] = [];
  readonly #goal: Pick<Goal, 'labels' | 'sign'>;
  readonly #points: PointRecorder | undefined;

  constructor(
    problem: AttackProblem,
    options: HopSkipJumpOptions,
    goal: Pick<Goal, 'labels' | 'sign'>,
    rows: Int32Array,
    best: Minimum,
  ) {
    this.#problem = problem;
    this.#options = options;
    this.#goal = goal;
    this.#points = problem.trace?.follow(problem.queries, { ...goal, norm: options.norm, loss: 'margin' });
    this.#rows = rows;
    this.#best = best;
    this.#size = imageSize(problem.images.shape);
    this.#theta = this.#size ** (options.norm === 'l2' ? -1.5 : -2);
  }

  async run(): Promise<void> {
    const { hooks } = this.#problem;
    const capacity = Math.min(this.#rows.length, batchCapacity(this.#size, hooks));
    const process = {
      enter: (slot: number, index: number) => this.#enter(slot, index),
      step: (slots: Int32Array) => this.#step(slots),
    };
    await runActiveSet(this.#rows.length, capacity, process, hooks);
  }

  #enter(slot: number, index: number): void {
    const { images } = this.#problem;
    const row = this.#rows[index]!;
    this.#slots[slot] = {
      index,
      row,
      original: images.pixels.subarray(row * this.#size, (row + 1) * this.#size),
      stream: randomStream(this.#options.seed, 0, images.ids[row]!, estimateStream),
      jump: 0,
      point: new Float32Array(0),
      reach: 0,
    };
  }

  /** Finds a start for the images that have none, takes a jump of the others, and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const states = Array.from(slots, (slot) => this.#slots[slot]!);
    const fresh = states.filter(({ jump }) => jump === 0);
    const begun = states.filter(({ jump }) => jump > 0);
    await this.#findStarts(fresh);
    await this.#jump(begun);
    const { steps, watch } = this.#options;
    return slots.filter((_, position) => {
      const state = states[position]!;
      if (state.point.length === 0) return true;
      this.#points?.reach(state.row, state.point);
      watch?.(state.row, this.#best.distances[state.index]!);
      return state.jump++ === steps || this.#isSpent(state);
    });
  }

  /** Tries random images until one reaches the goal, and goes from it towards the original. */
  async #findStarts(states: readonly SlotState[]): Promise<void> {
    let left = states;
    for (let round = 0; round < this.#options.starts && left.length > 0; round++) {
      const candidates = left.map(({ stream }) => this.#randomImage(stream, round));
      const decisions = await this.#decide(left, candidates);
      for (const [position, state] of left.entries())
        if (decisions[position] === 1) state.point = candidates[position]!;
      left = left.filter((state) => state.point.length === 0);
    }
    const found = states.filter((state) => state.point.length > 0);
    // The authors' code first goes along the line to the original, in L∞ too, and then to the boundary of the norm.
    await this.#bisect(found, 'l2', 1e-3);
    await this.#bisect(found, this.#options.norm, this.#theta);
  }

  /** Uniform noise, in squares of 1, 2, 4 … pixels in turn if the attack is targeted. */
  #randomImage(stream: RandomStream, round: number): Float32Array {
    const [, height, width, channels] = this.#problem.images.shape;
    const sizes = 1 + Math.floor(Math.log2(Math.min(height, width)));
    const side = this.#options.targeted === undefined ? 1 : 2 ** (round % sizes);
    const [rows, columns] = [Math.ceil(height / side), Math.ceil(width / side)];
    const squares = new Float32Array(rows * columns * channels);
    stream.fillUniform(squares);
    if (side === 1) return squares;
    return Float32Array.from({ length: this.#size }, (_, at) => {
      const pixel = Math.floor(at / channels);
      const row = Math.floor(pixel / width / side);
      const column = Math.floor((pixel % width) / side);
      return squares[(row * columns + column) * channels + (at % channels)]!;
    });
  }

  async #jump(states: readonly SlotState[]): Promise<void> {
    const directions = await this.#directions(states);
    const lengths = states.map(
      ({ original, point, jump }) => distanceBetween(original, point, this.#options.norm) / Math.sqrt(jump),
    );
    let left = [...states.keys()];
    while (left.length > 0) {
      const some = left.map((position) => states[position]!);
      const candidates = left.map((position) => {
        const { point } = states[position]!;
        const moved = point.map((value, at) => value + lengths[position]! * directions[position]![at]!);
        clip(moved, 0, moved.length);
        return moved;
      });
      const decisions = await this.#decide(some, candidates);
      left = left.filter((position, index) => {
        const state = states[position]!;
        const candidate = candidates[index]!;
        if (decisions[index] === 1) {
          state.point = candidate;
          return false;
        }
        lengths[position]! /= 2;
        // A step of nothing ends at the point itself, which is misclassified.
        return !this.#isSpent(state) && candidate.some((value, at) => value !== state.point[at]);
      });
    }
    await this.#bisect(states, this.#options.norm, this.#theta);
  }

  /**
   * Estimates the normal of the boundary at each point by Monte Carlo (equation 9 of the paper, with the mean decision
   * subtracted as in equation 16): its unit vector in L2, and its signs in L∞.
   */
  async #directions(states: readonly SlotState[]): Promise<readonly Float32Array[]> {
    const { norm, firstSamples, mostSamples } = this.#options;
    const sums = states.map(() => new NormalSum(this.#size));
    /** The images whose points are to be drawn, one entry for each point. */
    const owners = states.flatMap(({ jump }, position) => {
      const samples = Math.min(mostSamples, Math.floor(firstSamples * Math.sqrt(jump)));
      return new Array<number>(samples).fill(position);
    });
    for (const [first, end] of batchesOf(owners.length, this.#size, this.#problem.hooks)) {
      const some = owners.slice(first, end);
      const draws = some.map((position) => this.#around(states[position]!, this.#deltaOf(states[position]!)));
      const decisions = await this.#decide(
        some.map((position) => states[position]!),
        draws.map(({ point }) => point),
      );
      for (const [index, position] of some.entries())
        sums[position]!.add(draws[index]!.displacement, decisions[index] === 1);
    }
    return sums.map((sum) => sum.normal(norm));
  }

  /** Distance of the points of an estimate: 0.1 at first, then as far as the paper's section 4.B says. */
  #deltaOf({ jump, reach }: SlotState): number {
    if (jump === 1) return 0.1;
    const root = this.#options.norm === 'l2' ? Math.sqrt(this.#size) : this.#size;
    return root * this.#theta * reach;
  }

  /** A random point around that of an image, clipped, and its displacement over `delta`. */
  #around({ point, stream }: SlotState, delta: number): Around {
    const draw = new Float32Array(this.#size);
    if (this.#options.norm === 'l2') stream.fillNormal(draw);
    else for (let at = 0; at < draw.length; at++) draw[at] = 2 * stream.uniform() - 1;
    const length = Math.sqrt(draw.reduce((sum, value) => sum + value * value, 0));
    const moved = point.map((value, at) => value + (delta * draw[at]!) / length);
    clip(moved, 0, moved.length);
    return { point: moved, displacement: moved.map((value, at) => (value - point[at]!) / delta) };
  }

  /**
   * Moves the point of each image towards its original, along the line (L2) or by clipping to a smaller ball (L∞), to
   * the last misclassified point of a bisection of width `theta`, and records it.
   */
  async #bisect(states: readonly SlotState[], norm: Norm, theta: number): Promise<void> {
    const searches = states.map((state) => {
      const reach = distanceBetween(state.original, state.point, norm);
      state.reach = reach;
      const [high, width] = norm === 'l2' ? [1, theta] : [reach, Math.min(reach * theta, theta)];
      return { state, from: state.point, low: 0, high, width };
    });
    let left = searches;
    while (left.length > 0) {
      left = left.filter(({ state, low, high, width }) => high - low > width && !this.#isSpent(state));
      const candidates = left.map(({ state, from, low, high }) => {
        const middle = (low + high) / 2;
        return between(state.original, from, middle, norm);
      });
      const decisions = await this.#decide(
        left.map(({ state }) => state),
        candidates,
      );
      for (const [position, search] of left.entries()) {
        const middle = (search.low + search.high) / 2;
        const isStuck = middle === search.low || middle === search.high;
        if (decisions[position] === 1) {
          search.high = middle;
          search.state.point = candidates[position]!;
        } else search.low = middle;
        // Between neighbouring doubles there is nothing left to halve.
        if (isStuck) search.low = search.high;
      }
    }
    for (const { state } of searches) this.#record(state);
  }

  #record({ index, original, point }: SlotState): void {
    const distance = distanceBetween(original, point, this.#options.norm);
    if (!(distance < this.#best.distances[index]!)) return;
    this.#best.distances[index] = distance;
    this.#best.pixels.set(point, index * this.#size);
  }

  #decide(states: readonly SlotState[], points: readonly Float32Array[]): Promise<Uint8Array> {
    return decideFor(
      this.#problem,
      this.#goal,
      states.map(({ row }) => row),
      points,
    );
  }

  #isSpent({ row }: SlotState): boolean {
    const { queries, images } = this.#problem;
    return queries.isSpent?.(images.ids[row]!) === true;
  }
}

interface Around {
  readonly point: Float32Array;
  readonly displacement: Float32Array;
}

/** Σ (φ − mean φ) u over random points, with φ = ±1 for a misclassified point u and another; Σ φ u if all agree. */
class NormalSum {
  /** Σ φ u, Σ u and Σ φ. */
  readonly #signed: Float64Array;
  readonly #plain: Float64Array;
  #decisions = 0;
  #count = 0;

  constructor(size: number) {
    this.#signed = new Float64Array(size);
    this.#plain = new Float64Array(size);
  }

  add(displacement: Float32Array, isMisclassified: boolean): void {
    const sign = isMisclassified ? 1 : -1;
    this.#decisions += sign;
    this.#count++;
    for (let at = 0; at < displacement.length; at++) {
      this.#signed[at]! += sign * displacement[at]!;
      this.#plain[at]! += displacement[at]!;
    }
  }

  /** Its unit vector in L2, and its signs in L∞. */
  normal(norm: Norm): Float32Array {
    const mean = this.#decisions / Math.max(1, this.#count);
    const shift = Math.abs(mean) === 1 ? 0 : mean;
    const normal = this.#signed.map((value, at) => value - shift * this.#plain[at]!);
    if (norm === 'linf') return Float32Array.from(normal, Math.sign);
    const length = Math.sqrt(normal.reduce((sum, value) => sum + value * value, 0));
    return Float32Array.from(normal, (value) => (length > 0 ? value / length : 0));
  }
}

/** (1 − share) x + share y in L2; y clipped to the ball of radius `share` around x in L∞. */
function between(x: Float32Array, y: Float32Array, share: number, norm: Norm): Float32Array {
  if (norm === 'l2') return y.map((value, at) => (1 - share) * x[at]! + share * value);
  return y.map((value, at) => Math.min(x[at]! + share, Math.max(x[at]! - share, value)));
}
