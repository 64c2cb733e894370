import { gather, runActiveSet } from './active-set.ts';
import {
  type ApgdFound,
  type ApgdRun,
  halveSteps,
  judgePoint,
  noteFound,
  nothingYet,
  share,
  type SlotState,
  startOf,
} from './apgd-state.ts';
import { batchCapacity, imageSize, takeRows } from './images.ts';
import { countMoved, projectOntoBallInBox } from './l1-box.ts';
import { misclassifiedRows } from './logits.ts';
import type { AttackProblem } from './originals.ts';
import { clip, project } from './projections.ts';
import type { Gradients } from './queries.ts';
import type { PointRecorder } from './trace-recorder.ts';
import { sparseSign, SparsitySchedule } from './sparse-steps.ts';
import { sign, type StepRule, unitL2 } from './step-rules.ts';

/** Takes all steps of a run. State is kept per slot of the batch. */
export class ApgdSteps {
  readonly #problem: AttackProblem;
  readonly #run: ApgdRun;
  readonly #size: number;
  readonly #capacity: number;
  readonly #rule: StepRule;
  readonly #slots: SlotState[] = [];
  readonly #current: Float32Array;
  readonly #previous: Float32Array;
  readonly #best: Float32Array;
  readonly #bestGradient: Float32Array;
  readonly #found: ApgdFound;
  readonly #points: PointRecorder | undefined;

  constructor(problem: AttackProblem, run: ApgdRun) {
    this.#problem = problem;
    this.#run = run;
    const { norm, loss } = run;
    const goal = { norm, loss, labels: problem.images.labels, sign: 1 } as const;
    this.#points = problem.trace?.follow(problem.queries, goal);
    this.#size = imageSize(problem.images.shape);
    this.#capacity = Math.min(run.rows.length, batchCapacity(this.#size, problem.hooks));
    this.#rule = run.norm === 'linf' ? sign : unitL2;
    const state = (): Float32Array => new Float32Array(this.#capacity * this.#size);
    [this.#current, this.#previous, this.#best, this.#bestGradient] = [state(), state(), state(), state()];
    this.#found = nothingYet(run);
  }

  async run(): Promise<ApgdFound> {
    const process = {
      enter: (slot: number, index: number) => this.#enter(slot, index),
      step: (slots: Int32Array) => this.#step(slots),
    };
    await runActiveSet(this.#run.rows.length, this.#capacity, process, this.#problem.hooks);
    return this.#found;
  }

  #enter(slot: number, index: number): void {
    this.#slots[slot] = startOf(this.#run, index);
    const start = this.#run.starts.subarray(index * this.#size, (index + 1) * this.#size);
    this.#current.set(start, slot * this.#size);
    this.#previous.set(start, slot * this.#size);
    this.#best.set(start, slot * this.#size);
  }

  /** Takes one step for the images in `slots` and returns the slots that are done. */
  async #step(slots: Int32Array): Promise<Int32Array> {
    const { images, queries } = this.#problem;
    const { rows, loss, targets } = this.#run;
    const indices = slots.map((slot) => this.#slots[slot]!.index);
    const batch = {
      ...takeRows(
        images,
        indices.map((index) => rows[index]!),
      ),
      pixels: gather(this.#current, slots, this.#size),
    };
    const asked =
      loss === 'targeted-dlr'
        ? ({ kind: loss, targets: indices.map((index) => targets[index]!) } as const)
        : loss;
    const answer = await queries.gradient(batch, asked);
    const reached = misclassifiedRows(answer.logits, batch.labels, queries.classes);
    return slots.filter((slot, position) => this.#advance(slot, position, answer, reached[position]!));
  }

  /** Judges the point of the image in a slot and takes a step from it; returns whether the image is done. */
  #advance(slot: number, position: number, answer: Gradients, isReached: boolean): boolean {
    const state = this.#slots[slot]!;
    const row = this.#run.rows[state.index]!;
    const { classes, isSpent } = this.#problem.queries;
    if (isSpent?.(this.#problem.images.ids[row]!) === true) {
      this.#leave(slot);
      return true;
    }
    const label = this.#problem.images.labels[row]!;
    const size = this.#size;
    const gradient = answer.gradient.subarray(position * size, (position + 1) * size);
    const isFirst = state.taken === 0;
    // A ratio of logits is flat where the label has the third-largest logit, which does not indicate masked gradients.
    if (isFirst && !isReached && gradient.every((slope) => slope === 0))
      this.#problem.originals.markZeroGradient(row);
    const image = { row, label, isReached };
    const { loss, isBest, isDone } = judgePoint(state, this.#run, image, answer.logits, classes, position);
    if (isBest) {
      this.#best.set(this.#current.subarray(slot * size, (slot + 1) * size), slot * size);
      this.#bestGradient.set(gradient, slot * size);
    }
    if (this.#points !== undefined) {
      const point = this.#current.subarray(slot * size, (slot + 1) * size);
      const { isOutside: isElsewhere = false } = this.#run;
      this.#points.visit(row, point, answer.logits, position, { loss, isElsewhere });
    }
    if (isDone) {
      this.#leave(slot);
      return true;
    }
    if (this.#goesBack(slot, loss)) {
      this.#current.set(this.#best.subarray(slot * size, (slot + 1) * size), slot * size);
      gradient.set(this.#bestGradient.subarray(slot * size, (slot + 1) * size));
    }
    if (this.#run.norm === 'l1') this.#moveSparsely(slot, row, gradient);
    else this.#move(slot, row, gradient);
    return false;
  }

  /** Updates the length of the steps of the image in a slot; returns whether it goes on from its best point. */
  #goesBack(slot: number, loss: number): boolean {
    const state = this.#slots[slot]!;
    const { norm, steps, continues, radii } = this.#run;
    if (norm !== 'l1') return halveSteps(state, this.#run, loss);
    const movedIn = (points: Float32Array): number =>
      countMoved(
        this.#originalOf(this.#run.rows[state.index]!),
        points.subarray(slot * this.#size, (slot + 1) * this.#size),
      );
    if (state.taken === 0) {
      state.sparsity = new SparsitySchedule(steps, this.#size, continues ? movedIn(this.#current) : null);
      return false;
    }
    const goesBack = state.sparsity!.record(() => movedIn(this.#best));
    state.stepSize = state.sparsity!.stepSize * radii[state.index]!;
    return goesBack;
  }

  /** x ← P(x + η · step(g)), where P projects onto the L1 ball within the box. */
  #moveSparsely(slot: number, row: number, gradient: Float32Array): void {
    const state = this.#slots[slot]!;
    const original = this.#originalOf(row);
    const point = this.#current.subarray(slot * this.#size, (slot + 1) * this.#size);
    sparseSign(gradient, state.sparsity!.share);
    const delta = Float64Array.from(
      point,
      (value, at) => value - original[at]! + state.stepSize * gradient[at]!,
    );
    projectOntoBallInBox(delta, original, this.#run.radii[state.index]!);
    for (let at = 0; at < point.length; at++) point[at] = original[at]! + delta[at]!;
    clip(point, 0, point.length);
    state.taken++;
  }

  /**
   * z = P(x + η · step(g)), x ← P(x + α (z − x) + (1 − α) (x − x_previous)), where P projects onto the ball and then
   * clips; α is 1 in the first step.
   */
  #move(slot: number, row: number, gradient: Float32Array): void {
    const state = this.#slots[slot]!;
    const first = slot * this.#size;
    const alpha = state.taken === 0 ? 1 : share;
    this.#rule(this.#size)(gradient);
    const z = this.#current.slice(first, first + this.#size);
    for (let at = 0; at < z.length; at++) z[at]! += state.stepSize * gradient[at]!;
    this.#confine(z, state.index, row);
    for (let at = 0; at < z.length; at++) {
      const x = this.#current[first + at]!;
      z[at] = x + alpha * (z[at]! - x) + (1 - alpha) * (x - this.#previous[first + at]!);
      this.#previous[first + at] = x;
    }
    this.#confine(z, state.index, row);
    this.#current.set(z, first);
    state.taken++;
  }

  #confine(point: Float32Array, index: number, row: number): void {
    const { norm, radii } = this.#run;
    const size = this.#size;
    if (norm === 'l1') throw new RangeError('a point of the L1 ball is confined by moveSparsely');
    project(this.#problem.images.pixels, row * size, point, 0, size, radii[index]!, norm);
    clip(point, 0, size);
  }

  #originalOf(row: number): Float32Array {
    return this.#problem.images.pixels.subarray(row * this.#size, (row + 1) * this.#size);
  }

  #leave(slot: number): void {
    const state = this.#slots[slot]!;
    const size = this.#size;
    this.#found.pixels.set(this.#best.subarray(slot * size, (slot + 1) * size), state.index * size);
    noteFound(this.#found, state);
  }
}
