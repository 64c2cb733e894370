import { argmaxRows } from '../metrics/classification.ts';
import { gather, runActiveSet } from './active-set.ts';
import type { Attack } from './attack.ts';
import { batchCapacity, batchesOf, imageSize, takeRows } from './images.ts';
import { type BoundaryRule, nearestBoundaries, type NearestBoundaries } from './nearest-boundary.ts';
import { type AttackProblem, classifyOriginals } from './originals.ts';
import { clip } from './projections.ts';
import { stepAlong } from './step-along.ts';

export interface DeepFoolOptions extends BoundaryRule {
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

/**
 * DeepFool (Moosavi-Dezfooli, Fawzi and Frossard 2016, algorithm 2; Guo et al. 2018, equation 4): x⁽ᵐ⁾ =
 * clip(x⁽ᵐ⁻¹⁾ + ε r) until the image is misclassified, where r is the displacement to the nearest of the
 * linearised boundaries between the true class and the candidates. The strength is ε, which other
 * implementations write as 1 + overshoot. An image stops as soon as it is misclassified; one that is
 * misclassified already is left unchanged. The first r is computed once for all strengths.
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
      const { images, originals, queries } = problem;
      const logits = await classifyOriginals(problem);
      for (const [row, label] of images.labels.entries())
        if (originals.initial[row] !== label) originals.markAtGoal(row);
      const candidates = mostLikely(logits, queries.classes, images.labels, options.candidates);
      const firstStep = problem.firstStep ?? (await firstSteps(problem, candidates, options));
      return {
        firstStep,
        perturb: (rows, scales) => {
          const starts = stepAlong(images, firstStep, rows, scales);
          if (options.steps === 1) return Promise.resolve(starts);
          return new DeepFoolSteps(problem, {
            ...options,
            candidates,
            firstStep,
            rows,
            scales,
            starts,
          }).run();
        },
      };
    },
  };
}

/** The first r of each active image, laid out as the pixels. */
async function firstSteps(
  { queries, images, originals, hooks }: AttackProblem,
  candidates: Int32Array,
  rule: BoundaryRule,
): Promise<Float32Array> {
  const size = imageSize(images.shape);
  const steps = new Float32Array(images.pixels.length);
  const active = Int32Array.from(images.labels.keys()).filter((row) => originals.isActive(row));
  for (const [first, end] of batchesOf(active.length, size, hooks)) {
    const some = active.subarray(first, end);
    const chosen = rowsOf(candidates, some, images.shape[0]);
    const boundaries = await nearestBoundaries(queries, takeRows(images, some), chosen, rule);
    for (const [index, row] of some.entries()) {
      steps.set(boundaries.displacement.subarray(index * size, (index + 1) * size), row * size);
      if (boundaries.flat[index] === 1) originals.markZeroGradient(row);
    }
    hooks.onProgress?.(end, active.length);
  }
  return steps;
}

interface StepsOptions extends Omit<DeepFoolOptions, 'candidates'> {
  readonly firstStep: Float32Array | Int8Array;
  /** `[n, k]`, the true class first. */
  readonly candidates: Int32Array;
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

  constructor(problem: AttackProblem, options: StepsOptions) {
    this.#problem = problem;
    this.#options = options;
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
    const classes = argmaxRows(await queries.logits(batch), queries.classes);
    const correct = slots.filter((_, position) => classes[position] === batch.labels[position]);
    const unfinished = new Set<number>();
    if (correct.length > 0) {
      const boundaries = await this.#boundariesOf(correct);
      for (const [position, slot] of correct.entries()) {
        this.#move(slot, boundaries.displacement.subarray(position * size, (position + 1) * size));
        const isStuck = boundaries.flat[position] === 1;
        if (++this.#taken[slot]! < this.#options.steps && !isStuck) unfinished.add(slot);
      }
    }
    const done = slots.filter((slot) => !unfinished.has(slot));
    for (const slot of done) {
      const from = slot * size;
      this.#result.set(this.#current.subarray(from, from + size), this.#indices[slot]! * size);
    }
    return done;
  }

  #boundariesOf(slots: Int32Array): Promise<NearestBoundaries> {
    const { queries, images } = this.#problem;
    const { candidates } = this.#options;
    const rows = Int32Array.from(slots, (slot) => this.#rowIn(slot));
    const batch = { ...takeRows(images, rows), pixels: gather(this.#current, slots, this.#size) };
    return nearestBoundaries(queries, batch, rowsOf(candidates, rows, images.shape[0]), this.#options);
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

/** `[n, k]`: the true class, then the other classes from the most to the least likely at the original. */
function mostLikely(
  logits: Float32Array,
  classes: number,
  labels: Int32Array,
  candidates: 'all' | number,
): Int32Array {
  const count = candidates === 'all' ? classes : Math.min(candidates, classes);
  const chosen = new Int32Array(labels.length * count);
  for (const [row, label] of labels.entries()) {
    const of = (column: number): number => logits[row * classes + column]!;
    const others = Array.from({ length: classes }, (_, column) => column).filter(
      (column) => column !== label,
    );
    others.sort((a, b) => of(b) - of(a));
    chosen.set([label, ...others.slice(0, count - 1)], row * count);
  }
  return chosen;
}

/** The given rows of an `[total, k]` array, in the order of `rows`. */
function rowsOf(values: Int32Array, rows: Int32Array, total: number): Int32Array {
  const width = values.length / total;
  const taken = new Int32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    taken.set(values.subarray(row * width, (row + 1) * width), index * width);
  }
  return taken;
}
