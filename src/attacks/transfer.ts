import { type RandomStream, randomStream } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { chooseGoal, type Goal, type GoalOptions, goalGradient, transferStream } from './goal.ts';
import { gradientSteps } from './gradient-steps.ts';
import { type ImageBatch, imageSize } from './images.ts';
import {
  drawPlacement,
  type ImageSides,
  place,
  type Placement,
  pullBackPlacement,
} from './input-diversity.ts';
import { nesterov } from './nesterov.ts';
import type { AttackProblem } from './originals.ts';
import type { Gradients } from './queries.ts';
import { clip } from './projections.ts';
import { momentum } from './step-rules.ts';
import { convolve, gaussianKernel } from './translation-kernel.ts';

export interface TransferOptions extends GoalOptions {
  readonly steps: number;
  /** Length of a step; ε / steps if absent. */
  readonly stepSize?: number;
  /** Factor μ on the accumulated gradient; 1 in the papers, 0 for none. */
  readonly decay: number;
  /** Takes the gradient where the momentum leads (NI). */
  readonly nesterov: boolean;
  /** Gradients are taken at images that are made smaller at random (DI). */
  readonly diversity?: { readonly probability: number; readonly smallest: number };
  /** Odd length of the Gaussian kernel with which gradients are smoothed (TI). */
  readonly kernel?: number;
  /** Points around the image whose mean gradient corrects the next one (VMI), at most `range` · ε away. */
  readonly variance?: { readonly samples: number; readonly range: number };
  /**
   * Whether the points at which gradients are taken are clipped to [0, 1], because a defense takes nothing else. The papers
   * and other libraries do not clip them.
   */
  readonly clipped: boolean;
}

/**
 * Iterated FGSM for black-box models that it never sees, by the ideas that make its perturbation fit other networks too:
 * momentum (Dong et al. 2018), Nesterov's look-ahead (Lin et al. 2020), input diversity (Xie et al. 2019), translation
 * invariance (Dong et al. 2019) and variance tuning (Wang and He 2021, "Enhancing the transferability of adversarial attacks
 * through variance tuning", algorithm 1). Each step takes g at the image, or ahead of it, through its own draw of the
 * diversity; adds the variance v of the step before, where v is the mean gradient at `samples` points around the image
 * less g; smooths the sum by the kernel; and moves by `stepSize` along the sign of m ← μ m + g / ‖g‖₁, within
 * the L∞ ball of radius ε and [0, 1]. The strength is ε.
 */
export function transferAttack(options: TransferOptions): Attack {
  const { steps, stepSize, decay } = options;
  return {
    kind: 'iterated',
    maximum: 1,
    search: { guess: 1.2 },
    prepare: async (problem) => {
      const goal = await chooseGoal(problem, options);
      return {
        perturb: (rows, radii) => {
          const epsilons = new Map(Array.from(rows, (row, index) => [row, radii[index]!]));
          const gradients = new TransferGradients(problem, goal, epsilons, options);
          return gradientSteps(problem, {
            goal,
            rows,
            rule: options.nesterov ? nesterov(decay, undefined, { scale: 'mean' }) : momentum(decay),
            gradientAt: (points, here, some) => gradients.at(points, here, some),
            asksElsewhere: options.diversity !== undefined,
            stepSizes: radii.map((radius) => stepSize ?? radius / steps),
            ball: { norm: 'linf', radii },
            steps,
          });
        },
      };
    },
  };
}

interface RowState {
  readonly stream: RandomStream;
  readonly variance: Float32Array;
}

/** The gradients of one call of the attack, with what it remembers of each image. */
class TransferGradients {
  readonly #problem: AttackProblem;
  readonly #goal: Goal;
  readonly #epsilons: ReadonlyMap<number, number>;
  readonly #options: TransferOptions;
  readonly #kernel: Float64Array | null;
  readonly #sides: ImageSides;
  readonly #size: number;
  readonly #states = new Map<number, RowState>();

  constructor(
    problem: AttackProblem,
    goal: Goal,
    epsilons: ReadonlyMap<number, number>,
    options: TransferOptions,
  ) {
    const [, height, width, channels] = problem.images.shape;
    this.#problem = problem;
    this.#goal = goal;
    this.#epsilons = epsilons;
    this.#options = options;
    this.#kernel = options.kernel === undefined ? null : gaussianKernel(options.kernel);
    this.#sides = [height, width, channels];
    this.#size = imageSize(problem.images.shape);
  }

  async at(points: ImageBatch, here: Float32Array, rows: readonly number[]): Promise<Gradients> {
    if (this.#options.clipped) clip(points.pixels, 0, points.pixels.length);
    const { gradient, logits } = await this.#diverse(points, rows);
    await this.#tune(gradient, points, here, rows);
    if (this.#kernel !== null) {
      for (let first = 0; first < gradient.length; first += this.#size) {
        const own = gradient.subarray(first, first + this.#size);
        own.set(convolve(own, this.#sides, this.#kernel));
      }
    }
    return { gradient, logits };
  }

  /** Adds to each gradient the variance of the step before, and keeps that of this one. */
  async #tune(
    gradient: Float32Array,
    points: ImageBatch,
    here: Float32Array,
    rows: readonly number[],
  ): Promise<void> {
    const { variance } = this.#options;
    if (variance === undefined) return;
    const mean = new Float32Array(gradient.length);
    for (let sample = 0; sample < variance.samples; sample++) {
      const pixels = here.slice();
      for (const [index, row] of rows.entries()) {
        const radius = variance.range * this.#epsilons.get(row)!;
        const { stream } = this.#stateOf(row);
        for (let at = index * this.#size; at < (index + 1) * this.#size; at++)
          pixels[at]! += radius * (2 * stream.uniform() - 1);
      }
      if (this.#options.clipped) clip(pixels, 0, pixels.length);
      const around = await this.#diverse({ ...points, pixels }, rows);
      for (let at = 0; at < mean.length; at++) mean[at]! += around.gradient[at]! / variance.samples;
    }
    for (const [index, row] of rows.entries()) {
      const { variance: own } = this.#stateOf(row);
      const first = index * this.#size;
      for (let at = 0; at < this.#size; at++) {
        const slope = gradient[first + at]!;
        gradient[first + at] = slope + own[at]!;
        own[at] = mean[first + at]! - slope;
      }
    }
  }

  /** The gradient of the goal at each point, through a placement if one is drawn. */
  async #diverse(points: ImageBatch, rows: readonly number[]): Promise<Gradients> {
    const { diversity } = this.#options;
    const { queries } = this.#problem;
    if (diversity === undefined) return goalGradient(queries, points, this.#goal);
    const placements = rows.map((row) => drawPlacement(this.#sides, diversity, this.#stateOf(row).stream));
    const pixels = this.#forEachPlaced(points.pixels, placements, place);
    const { gradient, logits } = await goalGradient(queries, { ...points, pixels }, this.#goal);
    return { gradient: this.#forEachPlaced(gradient, placements, pullBackPlacement), logits };
  }

  #forEachPlaced(
    values: Float32Array,
    placements: readonly (Placement | null)[],
    change: typeof place,
  ): Float32Array {
    const changed = values.slice();
    for (const [index, placement] of placements.entries()) {
      if (placement === null) continue;
      const [first, end] = [index * this.#size, (index + 1) * this.#size];
      changed.set(change(values.subarray(first, end), this.#sides, placement), first);
    }
    return changed;
  }

  #stateOf(row: number): RowState {
    const known = this.#states.get(row);
    if (known !== undefined) return known;
    const id = this.#problem.images.ids[row]!;
    const stream = randomStream(this.#options.seed, 0, id, transferStream);
    const state = {
      stream,
      variance: new Float32Array(this.#options.variance === undefined ? 0 : this.#size),
    };
    this.#states.set(row, state);
    return state;
  }
}
