import { gather, runActiveSet } from './active-set.ts';
import { toHyperplane } from './hyperplane.ts';
import { batchCapacity, type ImageBatch, imageSize, takeRows } from './images.ts';
import { misclassifiedRows } from './logits.ts';
import type { Minimum } from './minimum-norm.ts';
import { type DistanceNorm, distanceBetween, dualNorm, lengthOf } from './norms.ts';
import type { AttackProblem } from './originals.ts';
import { clip } from './projections.ts';
import type { PointRecorder } from './trace-recorder.ts';

/** One run of FAB from given starts. Arrays have one entry per row. */
export interface FabRun {
  readonly norm: DistanceNorm;
  readonly steps: number;
  /** Largest weight of the original in a step; 0.1 in the paper. */
  readonly alphaMax: number;
  /** Factor on the displacements to the boundary, η; 1.05 in the paper. */
  readonly overshoot: number;
  /** Share of the perturbation that is kept after a misclassified point, β; 0.9 in the paper. */
  readonly backStep: number;
  readonly rows: Int32Array;
  /** Points at which the rows start, side by side. */
  readonly starts: Float32Array;
  /** Class whose boundary each row goes to; null for the nearest of all boundaries. */
  readonly targets: Int32Array | null;
  /** Distance at which the search of each row ends. */
  readonly within: Float64Array;
  /** The points of earlier runs, which are replaced where this run finds something nearer. */
  readonly best: Minimum;
  /** Called after each step: the smallest distance so far. */
  readonly watch?: (row: number, distance: number) => void;
}

/** Takes all steps of a run. State is kept per slot of the batch. */
export class FabSteps {
  readonly #problem: AttackProblem;
  readonly #run: FabRun;
  readonly #size: number;
  readonly #capacity: number;
  readonly #indices: Int32Array;
  readonly #taken: Int32Array;
  readonly #current: Float32Array;
  readonly #points: PointRecorder | undefined;

  constructor(problem: AttackProblem, run: FabRun) {
    this.#problem = problem;
    this.#run = run;
    this.#points = followFab(problem, run.norm);
    this.#size = imageSize(problem.images.shape);
    this.#capacity = Math.min(run.rows.length, batchCapacity(this.#size, problem.hooks));
    this.#indices = new Int32Array(this.#capacity);
    this.#taken = new Int32Array(this.#capacity);
    this.#current = new Float32Array(this.#capacity * this.#size);
  }

  async run(): Promise<void> {
    const process = {
      enter: (slot: number, index: number) => this.#enter(slot, index),
      step: (slots: Int32Array) => this.#step(slots),
    };
    await runActiveSet(this.#run.rows.length, this.#capacity, process, this.#problem.hooks);
  }

  #enter(slot: number, index: number): void {
    const size = this.#size;
    this.#indices[slot] = index;
    this.#taken[slot] = 0;
    this.#current.set(this.#run.starts.subarray(index * size, (index + 1) * size), slot * size);
  }

  /** Takes one step for the images in `slots` and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const { queries, originals } = this.#problem;
    const boundaries = await this.#boundariesOf(this.#batchOf(slots), slots);
    for (const [position, slot] of slots.entries()) {
      const boundary = boundaries[position] ?? null;
      if (boundary !== null) this.#move(slot, boundary);
      else if (this.#taken[slot] === 0) originals.markZeroGradient(this.#rowIn(slot));
    }
    const batch = this.#batchOf(slots);
    const logits = await queries.logits(batch);
    const reached = misclassifiedRows(logits, batch.labels, queries.classes);
    return slots.filter((slot, position) => {
      const index = this.#indices[slot]!;
      if (this.#points !== undefined) {
        const point = batch.pixels.subarray(position * this.#size, (position + 1) * this.#size);
        this.#points.visit(this.#rowIn(slot), point, logits, position);
      }
      if (reached[position]) this.#stepBack(slot);
      const distance = this.#run.best.distances[index]!;
      this.#run.watch?.(this.#rowIn(slot), distance);
      const isStuck = boundaries[position] === null;
      return ++this.#taken[slot]! === this.#run.steps || distance <= this.#run.within[index]! || isStuck;
    });
  }

  /** The linearised boundary of each image: the nearest one, or that of its target; null if there is none. */
  async #boundariesOf(batch: ImageBatch, slots: Int32Array): Promise<readonly (Boundary | null)[]> {
    const { queries } = this.#problem;
    const { targets } = this.#run;
    const { classes } = queries;
    const size = this.#size;
    if (targets !== null) {
      const cotangent = new Float32Array(slots.length * classes);
      const targetOf = (slot: number): number => targets[this.#indices[slot]!]!;
      for (const [position, slot] of slots.entries()) {
        cotangent[position * classes + batch.labels[position]!] = -1;
        cotangent[position * classes + targetOf(slot)] = 1;
      }
      const { gradient, logits } = await queries.vectorJacobianProduct(batch, cotangent);
      return Array.from(slots, (slot, position) => {
        const of = (label: number): number => logits[position * classes + label]!;
        const slope = gradient.subarray(position * size, (position + 1) * size);
        return boundaryOf(slope, of(targetOf(slot)) - of(batch.labels[position]!), this.#run.norm);
      });
    }
    return nearestOf(
      await queries.classGradients(batch, everyClass(slots.length, classes)),
      batch,
      this.#run.norm,
    );
  }

  /** x ← clip((1 − α) (x + η d) + α (x₀ + η d₀)), with the displacements of x and of the original to the boundary. */
  #move(slot: number, { slope, difference }: Boundary): void {
    const { norm, alphaMax, overshoot } = this.#run;
    const current = this.#current.subarray(slot * this.#size, (slot + 1) * this.#size);
    const original = this.#originalIn(slot);
    let along = 0;
    for (let at = 0; at < slope.length; at++) along += slope[at]! * (current[at]! - original[at]!);
    const own = toHyperplane(current, slope, -difference, norm);
    const first = toHyperplane(original, slope, along - difference, norm);
    const [near, far] = [Math.max(lengthOf(own, norm), 1e-8), Math.max(lengthOf(first, norm), 1e-8)];
    const alpha = Math.min(near / (near + far), alphaMax);
    for (let at = 0; at < current.length; at++) {
      current[at] =
        (1 - alpha) * (current[at]! + overshoot * own[at]!) +
        alpha * (original[at]! + overshoot * first[at]!);
    }
    clip(current, 0, current.length);
  }

  /** Records a misclassified point if it is the nearest one so far, and goes back towards the original. */
  #stepBack(slot: number): void {
    const { norm, best, backStep } = this.#run;
    const current = this.#current.subarray(slot * this.#size, (slot + 1) * this.#size);
    const original = this.#originalIn(slot);
    const index = this.#indices[slot]!;
    const distance = distanceBetween(original, current, norm);
    if (distance < best.distances[index]!) {
      best.distances[index] = distance;
      best.pixels.set(current, index * this.#size);
    }
    for (let at = 0; at < current.length; at++) {
      current[at] = original[at]! + backStep * (current[at]! - original[at]!);
    }
  }

  #batchOf(slots: Int32Array): ImageBatch {
    const some = slots.map((slot) => this.#rowIn(slot));
    return { ...takeRows(this.#problem.images, some), pixels: gather(this.#current, slots, this.#size) };
  }

  #rowIn(slot: number): number {
    return this.#run.rows[this.#indices[slot]!]!;
  }

  #originalIn(slot: number): Float32Array {
    const first = this.#rowIn(slot) * this.#size;
    return this.#problem.images.pixels.subarray(first, first + this.#size);
  }
}

/** Records the points of FAB in a trace, if there is one. */
export function followFab(
  { trace, queries, images }: AttackProblem,
  norm: DistanceNorm,
): PointRecorder | undefined {
  return trace?.follow(queries, { norm, loss: 'margin', labels: images.labels, sign: 1 });
}

/** A linearised boundary: the slope of Z_k − Z_y at a point, and that difference there. */
interface Boundary {
  readonly slope: Float32Array;
  readonly difference: number;
}

function boundaryOf(slope: Float32Array, difference: number, norm: DistanceNorm): Boundary | null {
  const isUsable = lengthOf(slope, dualNorm[norm]) > 0 && Number.isFinite(difference);
  return isUsable ? { slope, difference } : null;
}

function everyClass(rows: number, classes: number): Int32Array {
  return Int32Array.from({ length: rows * classes }, (_, index) => index % classes);
}

/** For each image the boundary with the smallest |f| / ‖w‖ in the dual norm. */
function nearestOf(
  { gradients, logits }: { readonly gradients: Float32Array; readonly logits: Float32Array },
  batch: ImageBatch,
  norm: DistanceNorm,
): readonly (Boundary | null)[] {
  const rows = batch.shape[0];
  const size = imageSize(batch.shape);
  const classes = logits.length / rows;
  return Array.from(batch.labels, (label, row) => {
    const slopeOf = (k: number): Float32Array =>
      gradients.subarray((row * classes + k) * size, (row * classes + k + 1) * size);
    const own = slopeOf(label);
    let nearest: Boundary | null = null;
    let least = Infinity;
    for (let k = 0; k < classes; k++) {
      if (k === label) continue;
      const slope = slopeOf(k).map((value, at) => value - own[at]!);
      const difference = logits[row * classes + k]! - logits[row * classes + label]!;
      const distance = Math.abs(difference) / lengthOf(slope, dualNorm[norm]);
      if (!(distance < least)) continue;
      least = distance;
      nearest = boundaryOf(slope, difference, norm);
    }
    return nearest;
  });
}
