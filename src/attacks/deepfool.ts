import { argmaxRows } from '../metrics/classification.ts';
import { gather, runActiveSet } from './active-set.ts';
import type { Attack } from './attack.ts';
import { mostLikely, rowsOf } from './candidate-classes.ts';
import { chooseGoal } from './goal.ts';
import { batchCapacity, batchesOf, imageSize, takeRows } from './images.ts';
import type { Targeted } from './minimum-norm.ts';
import { type BoundaryRule, nearestBoundaries, type NearestBoundaries } from './nearest-boundary.ts';
import { type AttackProblem, classifyOriginals, markAtTargets, markMisclassified } from './originals.ts';
import { clip } from './projections.ts';
import { stepAlong } from './step-along.ts';
import type { PointRecorder } from './trace-recorder.ts';

export interface DeepFoolOptions extends BoundaryRule, Targeted {
  /** Most steps for an image; M = 5 in the paper. */
  readonly steps: number;
  /** Number of classes to consider, those most likely at the original and always the true one; or `all`. */
  readonly candidates: 'all' | number;
  /**
   * Adds up the unclipped steps from the original, as Foolbox does, instead of continuing from the clipped
   * image.
   */
  readonly cumulative: boolean;
}

/** Classes between which an image steps. */
type Boundaries =
  | { readonly kind: 'nearest'; /** `[n, k]`, the true class first. */ readonly candidates: Int32Array }
  | {
      readonly kind: 'target';
      /** The class that each image is to reach, `[n]`. */ readonly targets: Int32Array;
    };

/**
 * DeepFool (Moosavi-Dezfooli, Fawzi and Frossard 2016, algorithm 2; Guo et al. 2018, equation 4): x⁽ᵐ⁾ =
 * clip(x⁽ᵐ⁻¹⁾ + ε r) until the image is misclassified, where r is the displacement to the nearest of the
 * linearised boundaries between the true class and the candidates. The strength is ε, which other
 * implementations write as 1 + overshoot. An image stops as soon as it is misclassified; one that is
 * misclassified already is left unchanged. The first r is computed once for all strengths.
 *
 * With `targeted`, r is the displacement to the boundary between the class of the image at its current point and the
 * target, until the image is classified as the target.
 */
export function deepFool(options: DeepFoolOptions): Attack {
  return {
    kind: 'iterated',
    // A search is bounded by the lengths of the image and of its first step.
    maximum: Number.MAX_VALUE,
    // No pilot, because few images need more than the first step, and a small sample says little about how
    // far they go.
    search: { refinements: 20, pilot: 0 },
    prepare: async (problem) => {
      const { images } = problem;
      const logits = await classifyOriginals(problem);
      const boundaries = await boundariesOf(problem, logits, options);
      const trace = followDeepFool(problem, boundaries);
      if (trace !== undefined)
        for (const row of activeRows(problem)) trace.visit(row, takeRows(images, [row]).pixels, logits, row);
      const firstStep = problem.firstStep ?? (await firstSteps(problem, boundaries, options));
      let outOfSteps = 0;
      return {
        firstStep,
        outOfSteps: () => outOfSteps,
        perturb: async (rows, scales) => {
          const starts = stepAlong(images, firstStep, rows, scales);
          outOfSteps = 0;
          if (options.steps === 1) return starts;
          const steps = new DeepFoolSteps(problem, {
            ...options,
            boundaries,
            firstStep,
            rows,
            scales,
            starts,
          });
          const perturbed = await steps.run();
          outOfSteps = steps.outOfSteps;
          return perturbed;
        },
      };
    },
  };
}

/** Records the points of DeepFool in a trace, if there is one. */
function followDeepFool(
  { trace, queries, images }: AttackProblem,
  boundaries: Boundaries,
): PointRecorder | undefined {
  const towards =
    boundaries.kind === 'target'
      ? ({ labels: boundaries.targets, sign: -1 } as const)
      : ({ labels: images.labels, sign: 1 } as const);
  return trace?.follow(queries, { norm: 'l2', loss: 'margin', ...towards });
}

/** Chooses the classes, and marks the images that have reached their goal. */
async function boundariesOf(
  problem: AttackProblem,
  logits: Float32Array,
  { candidates, targeted, seed }: DeepFoolOptions,
): Promise<Boundaries> {
  const { queries, images } = problem;
  if (targeted !== undefined) {
    const { labels: targets } = await chooseGoal(problem, { loss: 'margin', targeted, seed });
    markAtTargets(problem, targets);
    return { kind: 'target', targets };
  }
  markMisclassified(problem);
  return { kind: 'nearest', candidates: mostLikely(logits, queries.classes, images.labels, candidates) };
}

/** `[n, k]`: the classes between which some rows step, the one to be left first. `current` are their classes now. */
function chosenFor(
  boundaries: Boundaries,
  rows: Int32Array,
  current: ArrayLike<number>,
  total: number,
): Int32Array {
  if (boundaries.kind === 'nearest') return rowsOf(boundaries.candidates, rows, total);
  const pairs = new Int32Array(2 * rows.length);
  for (const [index, row] of rows.entries())
    pairs.set([current[index]!, boundaries.targets[row]!], 2 * index);
  return pairs;
}

function activeRows({ images, originals }: Pick<AttackProblem, 'images' | 'originals'>): Int32Array {
  return Int32Array.from(images.labels.keys()).filter((row) => originals.isActive(row));
}

/** The first r of each active image, laid out as the pixels. */
async function firstSteps(
  { queries, images, originals, hooks }: AttackProblem,
  boundaries: Boundaries,
  rule: BoundaryRule,
): Promise<Float32Array> {
  const size = imageSize(images.shape);
  const steps = new Float32Array(images.pixels.length);
  const active = activeRows({ images, originals });
  for (const [first, end] of batchesOf(active.length, size, hooks)) {
    const some = active.subarray(first, end);
    const initial = some.map((row) => originals.initial[row]!);
    const chosen = chosenFor(boundaries, some, initial, images.shape[0]);
    const nearest = await nearestBoundaries(queries, takeRows(images, some), chosen, rule);
    for (const [index, row] of some.entries()) {
      steps.set(nearest.displacement.subarray(index * size, (index + 1) * size), row * size);
      if (nearest.flat[index] === 1) originals.markZeroGradient(row);
    }
    hooks.onProgress?.(end, active.length);
  }
  return steps;
}

interface StepsOptions extends Omit<DeepFoolOptions, 'candidates'> {
  readonly firstStep: Float32Array | Int8Array;
  readonly boundaries: Boundaries;
  readonly rows: Int32Array;
  /** Strength of each row, which multiplies its steps. */
  readonly scales: Float64Array;
  /** The rows after their first step, side by side. */
  readonly starts: Float32Array;
}

/** Takes all steps after the first one for some rows. State is kept per slot of the batch. */
class DeepFoolSteps {
  readonly #problem: AttackProblem;
  readonly #options: StepsOptions;
  readonly #size: number;
  readonly #capacity: number;
  readonly #result: Float32Array;
  /** For each slot, the index of its image in `rows` and the number of steps that the image has taken. */
  readonly #indices: Int32Array;
  readonly #taken: Int32Array;
  readonly #current: Float32Array;
  /** Σ r from the original, for cumulative steps. */
  readonly #total: Float32Array;
  readonly #points: PointRecorder | undefined;
  /** Number of images that took their last step, after which they are not looked at. */
  outOfSteps = 0;

  constructor(problem: AttackProblem, options: StepsOptions) {
    this.#problem = problem;
    this.#options = options;
    this.#points = followDeepFool(problem, options.boundaries);
    this.#size = imageSize(problem.images.shape);
    this.#capacity = Math.min(options.rows.length, batchCapacity(this.#size, problem.hooks));
    this.#result = options.starts;
    this.#indices = new Int32Array(this.#capacity);
    this.#taken = new Int32Array(this.#capacity);
    this.#current = new Float32Array(this.#capacity * this.#size);
    this.#total = new Float32Array(options.cumulative ? this.#current.length : 0);
  }

  /** Returns the perturbed images side by side. */
  async run(): Promise<Float32Array> {
    const { rows } = this.#options;
    const process = {
      enter: (slot: number, index: number) => this.#enter(slot, index),
      step: (slots: Int32Array) => this.#step(slots),
    };
    await runActiveSet(rows.length, this.#capacity, process, this.#problem.hooks);
    return this.#result;
  }

  #enter(slot: number, index: number): void {
    const size = this.#size;
    this.#indices[slot] = index;
    this.#taken[slot] = 1;
    this.#current.set(this.#result.subarray(index * size, (index + 1) * size), slot * size);
    if (!this.#options.cumulative) return;
    const row = this.#rowIn(slot);
    this.#total.set(this.#options.firstStep.subarray(row * size, (row + 1) * size), slot * size);
  }

  /** Takes one step for the images in `slots` and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const { queries, images } = this.#problem;
    const size = this.#size;
    const batch = {
      ...takeRows(
        images,
        Array.from(slots, (slot) => this.#rowIn(slot)),
      ),
      pixels: gather(this.#current, slots, size),
    };
    const logits = await queries.logits(batch);
    if (this.#points !== undefined)
      for (const [position, slot] of slots.entries()) {
        const point = batch.pixels.subarray(position * size, (position + 1) * size);
        this.#points.visit(this.#rowIn(slot), point, logits, position);
      }
    const classes = argmaxRows(logits, queries.classes);
    const positions = Int32Array.from(slots.keys()).filter(
      (position) => !this.#isDone(slots[position]!, classes[position]!),
    );
    const going = positions.map((position) => slots[position]!);
    const unfinished = new Set<number>();
    if (going.length > 0) {
      const boundaries = await this.#boundariesOf(
        going,
        positions.map((position) => classes[position]!),
      );
      for (const [position, slot] of going.entries()) {
        this.#move(slot, boundaries.displacement.subarray(position * size, (position + 1) * size));
        const isStuck = boundaries.flat[position] === 1;
        if (++this.#taken[slot]! >= this.#options.steps) this.outOfSteps++;
        else if (!isStuck) unfinished.add(slot);
      }
    }
    const done = slots.filter((slot) => !unfinished.has(slot));
    for (const slot of done) {
      const from = slot * size;
      this.#result.set(this.#current.subarray(from, from + size), this.#indices[slot]! * size);
    }
    return done;
  }

  #isDone(slot: number, predicted: number): boolean {
    const { boundaries } = this.#options;
    const row = this.#rowIn(slot);
    return boundaries.kind === 'target'
      ? predicted === boundaries.targets[row]
      : predicted !== this.#problem.images.labels[row];
  }

  #boundariesOf(slots: Int32Array, current: Int32Array): Promise<NearestBoundaries> {
    const { queries, images } = this.#problem;
    const { boundaries } = this.#options;
    const rows = Int32Array.from(slots, (slot) => this.#rowIn(slot));
    const batch = { ...takeRows(images, rows), pixels: gather(this.#current, slots, this.#size) };
    const chosen = chosenFor(boundaries, rows, current, images.shape[0]);
    return nearestBoundaries(queries, batch, chosen, this.#options);
  }

  #move(slot: number, step: Float32Array): void {
    const { cumulative, scales } = this.#options;
    const { pixels } = this.#problem.images;
    const scale = scales[this.#indices[slot]!]!;
    const original = this.#rowIn(slot) * this.#size;
    const from = slot * this.#size;
    for (let offset = 0; offset < this.#size; offset++) {
      const at = from + offset;
      if (cumulative) {
        this.#total[at]! += step[offset]!;
        this.#current[at] = pixels[original + offset]! + scale * this.#total[at]!;
      } else {
        this.#current[at]! += scale * step[offset]!;
      }
    }
    clip(this.#current, from, this.#size);
  }

  #rowIn(slot: number): number {
    return this.#options.rows[this.#indices[slot]!]!;
  }
}
