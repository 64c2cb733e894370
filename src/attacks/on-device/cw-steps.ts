import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { argmaxRows } from '../../metrics/classification.ts';
import { tf } from '../../tensors/tf.ts';
import { runActiveSet } from '../active-set.ts';
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
} from '../cw-state.ts';
import type { Goal } from '../goal.ts';
import { batchCapacity, imageSize } from '../images.ts';
import { isFiniteRow } from '../logits.ts';
import type { AttackProblem } from '../originals.ts';
import { adamDefaults, unbiasing } from '../step-rules.ts';
import { chooseRows, type CwPoints, moveByAdam, pixelsOf } from './cw-moves.ts';
import {
  appendOnDevice,
  type DeviceGradient,
  disposeTensors,
  mapTensors,
  takeOnDevice,
} from './device-queries.ts';
import { readSquaredDistances } from './euclid.ts';
import { rowFlags, rowNumbers } from './functions.ts';
import { originalsOnDevice } from './kept-originals.ts';
import { areFlat } from './moves.ts';

interface Moving {
  readonly slot: number;
  readonly state: CwState;
}

/** The images that are moving, one row each. */
interface DeviceState extends CwPoints {
  readonly originals: Tensor4D;
  /** Values of the variable at the start of each λ. */
  readonly starts: Tensor4D;
  readonly best: Tensor4D;
}

/** The step of an image from its point, or its end there. */
interface Fate {
  readonly answer: CwAnswer;
  /** `stays`: it ends where it is; `leaves`: it ends without a perturbation. */
  readonly outcome: 'goes-on' | 'restarts' | 'ends' | 'stays' | 'leaves';
  readonly isNearest: boolean;
  readonly weight: number;
  readonly steps: number;
}

/** Tensors for the images that are moving now, which others replace when these change. */
interface Settings {
  readonly labels: Tensor1D;
  readonly learningRates: Tensor;
  readonly radii: Tensor | null;
}

/**
 * Minimises with the images, Adam's moments and the best images on the device, and returns x′ − x of all images. The passes,
 * the batches and all bits are those of the minimisation with plain arrays.
 */
export async function carliniWagnerOnDevice(
  problem: AttackProblem,
  goal: Goal,
  options: CarliniWagnerOptions,
  gradientOf: DeviceGradient,
): Promise<Float32Array> {
  const { images, hooks } = problem;
  const run = new DeviceMinimisation(problem, goal, options, gradientOf);
  const rows = images.shape[0];
  const capacity = Math.min(rows, batchCapacity(imageSize(images.shape), hooks));
  try {
    const enter = (slot: number, row: number): void => run.enter(slot, row);
    await runActiveSet(rows, capacity, { enter, step: () => run.step() }, hooks);
    return run.direction;
  } finally {
    run.dispose();
  }
}

class DeviceMinimisation {
  readonly direction: Float32Array;
  readonly #problem: AttackProblem;
  readonly #goal: Goal;
  readonly #options: CarliniWagnerOptions;
  readonly #gradientOf: DeviceGradient;
  readonly #size: number;
  #device: DeviceState | null = null;
  #moving: readonly Moving[] = [];
  #entering: Moving[] = [];
  #settings: Settings | null = null;

  constructor(problem: AttackProblem, goal: Goal, options: CarliniWagnerOptions, gradientOf: DeviceGradient) {
    this.#problem = problem;
    this.#goal = goal;
    this.#options = options;
    this.#gradientOf = gradientOf;
    this.#size = imageSize(problem.images.shape);
    this.direction = new Float32Array(problem.images.pixels.length);
  }

  enter(slot: number, row: number): void {
    this.#entering.push({ slot, state: startOf(row, this.#options) });
  }

  dispose(): void {
    disposeTensors(this.#device);
    this.#device = null;
    this.#forgetSettings();
  }

  /** Takes one step for all images that are moving, and returns the slots of those that are done. */
  async step(): Promise<readonly number[]> {
    this.#admit();
    const { images, queries } = this.#problem;
    const before = this.#device!;
    const { labels } = this.#currentSettings();
    const ids = Int32Array.from(this.#moving, ({ state }) => images.ids[state.row]!);
    const answer = await this.#gradientOf({ pixels: before.pixels, labels, ids }, 'margin');
    const { gradient, logits } = answer;
    const fates = await this.#judge(before, gradient, logits, queries.classes);
    const best = this.#keepBest(before, fates);
    const points = this.#move(before, gradient, fates);
    gradient.dispose();
    await this.#leave({ ...before, best }, points, fates);
    tf.dispose([before.current, before.pixels, before.mean, before.variance, before.best]);
    this.#device = { ...points, best, originals: before.originals, starts: before.starts };
    const isDone = fates.map(({ outcome }) => outcome !== 'goes-on' && outcome !== 'restarts');
    const done = this.#moving.filter((_, position) => isDone[position]);
    if (done.length > 0) this.#keepOnly([...isDone.keys()].filter((position) => !isDone[position]));
    return done.map(({ slot }) => slot);
  }

  /** Decides what becomes of each image, and counts its step. */
  async #judge(
    { pixels, originals: centres }: DeviceState,
    gradient: Tensor4D,
    logits: Float32Array,
    classes: number,
  ): Promise<readonly Fate[]> {
    const { originals } = this.#problem;
    const options = this.#options;
    const predicted = argmaxRows(logits, classes);
    const answers = this.#moving.map(({ state }, position) => {
      const own = { label: this.#goal.labels[state.row]!, predicted: predicted[position]! };
      return answerOf(logits, classes, position, own, this.#goal, options);
    });
    const isFinite = answers.map((_, position) => isFiniteRow(logits, classes, position));
    const isFirst = this.#moving.map(({ state }) => isFirstPoint(state));
    const flat = isFirst.includes(true) ? await areFlat(gradient) : [];
    const isIdle = (position: number): boolean =>
      isFirst[position]! && (answers[position]!.isAdversarial || flat[position]!);
    const needs = this.#moving.some(
      ({ state }, position) =>
        isFinite[position]! && !isIdle(position) && needsSquares(state, answers[position]!, options),
    );
    const squares = needs ? await readSquaredDistances(centres, pixels) : null;
    return this.#moving.map(({ state }, position): Fate => {
      const answer = answers[position]!;
      const still = { answer, isNearest: false, weight: 0, steps: 1 };
      if (!isFinite[position]!) return { ...still, outcome: isFirst[position]! ? 'leaves' : 'stays' };
      if (isIdle(position)) {
        if (answer.isAdversarial) originals.markAtGoal(state.row);
        else originals.markZeroGradient(state.row);
        return { ...still, outcome: 'leaves' };
      }
      const own = squares?.[position] ?? 0;
      const nearest = isNearest(state, answer, own);
      const weight = weightOf(state, answer, this.#goal, options.kappa);
      const steps = state.steps + 1;
      return { answer, isNearest: nearest, weight, steps, outcome: countStep(state, answer, own, options) };
    });
  }

  /** The best images with those of this step. */
  #keepBest({ best, pixels }: DeviceState, fates: readonly Fate[]): Tensor4D {
    const flags = fates.map((fate) => fate.isNearest);
    if (!flags.includes(true)) return tf.clone(best);
    if (!flags.includes(false)) return tf.clone(pixels);
    const isNew = rowFlags(flags);
    const chosen = chooseRows(isNew, pixels, best);
    isNew.dispose();
    return chosen;
  }

  /** The points after a step; those whose next λ begins are at their start again. */
  #move(before: DeviceState, gradient: Tensor4D, fates: readonly Fate[]): CwPoints {
    const { variable } = this.#options;
    const own = {
      weights: rowNumbers(fates.map(({ weight }) => weight)),
      meanShares: rowNumbers(fates.map(({ steps }) => unbiasing(adamDefaults.beta1, steps))),
      varianceShares: rowNumbers(fates.map(({ steps }) => unbiasing(adamDefaults.beta2, steps))),
    };
    const settings = { ...own, ...this.#currentSettings() };
    const moved = moveByAdam(before, before.originals, gradient, variable, settings);
    tf.dispose(Object.values(own));
    const flags = fates.map(({ outcome }) => outcome === 'restarts');
    if (!flags.includes(true)) return moved;
    const isAgain = rowFlags(flags);
    const zeros = tf.zerosLike(before.starts);
    const current = chooseRows(isAgain, before.starts, moved.current);
    const restarted: CwPoints = {
      current,
      pixels: variable === 'tanh' ? pixelsOf(current) : tf.clone(current),
      mean: chooseRows(isAgain, zeros, moved.mean),
      variance: chooseRows(isAgain, zeros, moved.variance),
    };
    tf.dispose([isAgain, zeros, moved.current, moved.pixels, moved.mean, moved.variance]);
    return restarted;
  }

  /** Writes the perturbations of the images that are done. */
  async #leave(
    { best, pixels }: Pick<DeviceState, 'best' | 'pixels'>,
    points: CwPoints,
    fates: readonly Fate[],
  ): Promise<void> {
    const ends = fates.map(({ outcome }, position) => {
      if (outcome !== 'ends' && outcome !== 'stays') return null;
      const end = endOf(this.#moving[position]!.state, this.#options);
      return end === 'last' ? outcome : end;
    });
    await this.#write(best, ends, 'best');
    await this.#write(pixels, ends, 'stays');
    await this.#write(points.pixels, ends, 'ends');
  }

  async #write(from: Tensor4D, ends: readonly (string | null)[], which: string): Promise<void> {
    const positions = [...ends.keys()].filter((position) => ends[position] === which);
    if (positions.length === 0) return;
    const some = positions.length === ends.length ? tf.clone(from) : takeOnDevice(from, positions);
    const values = (await some.data()) as Float32Array;
    some.dispose();
    const { pixels: originals } = this.#problem.images;
    const size = this.#size;
    for (const [at, position] of positions.entries()) {
      const first = this.#moving[position]!.state.row * size;
      for (let offset = 0; offset < size; offset++)
        this.direction[first + offset] = values[at * size + offset]! - originals[first + offset]!;
    }
  }

  /** Puts the images that start behind those that are moving. */
  #admit(): void {
    if (this.#entering.length === 0) return;
    const { images, originals } = this.#problem;
    const { variable } = this.#options;
    const rows = this.#entering.map(({ state }) => state.row);
    const centres = originalsOnDevice(originals.kept, images, rows);
    const starts = variable === 'clip' ? tf.clone(centres) : this.#uploadStarts(rows);
    const zeros = (): Tensor4D => tf.zerosLike(centres);
    const entered: DeviceState = {
      current: tf.clone(starts),
      pixels: variable === 'clip' ? tf.clone(centres) : pixelsOf(starts),
      mean: zeros(),
      variance: zeros(),
      originals: centres,
      starts,
      best: tf.clone(centres),
    };
    const old = this.#device;
    this.#device =
      old === null ? entered : mapTensors(old, (tensor, name) => appendOnDevice(tensor, entered[name]));
    this.#moving = [...this.#moving, ...this.#entering];
    this.#entering = [];
    this.#forgetSettings();
  }

  #uploadStarts(rows: readonly number[]): Tensor4D {
    const { pixels, shape } = this.#problem.images;
    const size = this.#size;
    const values = new Float32Array(rows.length * size);
    for (const [at, row] of rows.entries())
      values.set(startValues(pixels.subarray(row * size, (row + 1) * size), this.#options), at * size);
    return tf.tensor4d(values, [rows.length, shape[1], shape[2], shape[3]]);
  }

  #keepOnly(positions: readonly number[]): void {
    const old = this.#device!;
    this.#device =
      positions.length === 0 ? null : mapTensors(old, (tensor) => takeOnDevice(tensor, positions));
    disposeTensors(old);
    this.#moving = positions.map((position) => this.#moving[position]!);
    this.#forgetSettings();
  }

  #currentSettings(): Settings {
    const { learningRate, radius } = this.#options;
    const forAll = (value: number): Tensor => rowNumbers(this.#moving.map(() => value));
    this.#settings ??= {
      labels: tf.tensor1d(
        this.#moving.map(({ state }) => this.#goal.labels[state.row]!),
        'int32',
      ),
      learningRates: forAll(learningRate),
      radii: radius === undefined ? null : forAll(radius),
    };
    return this.#settings;
  }

  #forgetSettings(): void {
    if (this.#settings === null) return;
    const { labels, learningRates, radii } = this.#settings;
    tf.dispose([labels, learningRates]);
    radii?.dispose();
    this.#settings = null;
  }
}
