import { argmaxRows } from '../metrics/classification.ts';
import { type ImageState, imageStates, type Preparation } from '../values/preparation.ts';
import { type AttackHooks, type ImageBatch, batchesOf, imageSize, sliceRows } from './images.ts';
import { isFiniteRow } from './logits.ts';
import { deviceLogits } from './on-device/device-queries.ts';
import { KeptOriginals } from './on-device/kept-originals.ts';
import type { Queries } from './queries.ts';
import type { TraceRecorder } from './trace-recorder.ts';

export type { ImageState };

/**
 * Predictions and states of the originals. They are recorded when the originals are queried, so that no
 * forward pass is made twice.
 */
export class Originals {
  /** Class that the model predicts for each original, `[n]`; −1 while it is unknown. */
  readonly initial: Int32Array;
  readonly states: ImageState[];
  /** 1 for an image whose gradient is exactly zero at the start of the attack, a sign of masked gradients. */
  readonly #flat: Uint8Array;
  /** Whether the latest answer for a row was refused, so that its gradient of zero says nothing. */
  #isRefused: (row: number) => boolean = () => false;
  /** Class that a targeted attack aims at, `[n]`; null if the attack has no target. */
  #targets: Int32Array | null = null;
  /** Logits of all originals, if they may stand for every query of them. */
  #logits: Float32Array | null = null;
  /** The originals on the device; null if they are not kept there. */
  #kept: KeptOriginals | null = null;

  constructor(rows: number) {
    this.initial = new Int32Array(rows).fill(-1);
    this.states = Array.from({ length: rows }, () => 'active');
    this.#flat = new Uint8Array(rows);
  }

  /** The originals as an earlier call of the attack left them. */
  static from({ initial, states, flat, target }: Preparation): Originals {
    const originals = new Originals(initial.length);
    originals.initial.set(initial);
    states.forEach((state, row) => {
      originals.states[row] = imageStates[state]!;
    });
    originals.#flat.set(flat);
    originals.#targets = target ?? null;
    return originals;
  }

  /** The same as plain arrays. */
  toArrays(): Pick<Preparation, 'initial' | 'states' | 'flat' | 'target'> {
    const states = Uint8Array.from(this.states, (state) => imageStates.indexOf(state));
    const target = this.#targets;
    return { initial: this.initial, states, flat: this.#flat, ...(target && { target }) };
  }

  /** Records the logits `[n, classes]` of the originals `first … first + n − 1`. */
  record(first: number, logits: Float32Array, classes: number): void {
    this.initial.set(argmaxRows(logits, classes), first);
    for (let row = 0; row < logits.length / classes; row++) {
      if (!isFiniteRow(logits, classes, row)) this.states[first + row] = 'non-finite';
    }
  }

  /** Records the classes `[n]` that a targeted attack aims at. */
  aimAt(targets: Int32Array): void {
    this.#targets = targets;
  }

  /** The classes that a targeted attack aims at, `[n]`; null if it has no target. */
  get targets(): Int32Array | null {
    return this.#targets;
  }

  /** Marks an active image whose original reaches the goal. */
  markAtGoal(row: number): void {
    if (this.isActive(row)) this.states[row] = 'at-goal';
  }

  /** Marks an image whose first gradient is exactly zero. */
  markZeroGradient(row: number): void {
    if (!this.#isRefused(row)) this.#flat[row] = 1;
  }

  /** Keeps originals that go to the device there, until `release`. */
  keepOnDevice(): void {
    this.#kept ??= new KeptOriginals();
  }

  /** The originals that are kept on the device; null if none are to be kept. */
  get kept(): KeptOriginals | null {
    return this.#kept;
  }

  /** Frees the originals on the device. */
  release(): void {
    this.#kept?.release();
    this.#kept = null;
  }

  /** Keeps the logits of all originals for the rest of the attack, whose queries may be refused. */
  limit(logits: Float32Array, isRefused: (row: number) => boolean): void {
    this.#logits = logits;
    this.#isRefused = isRefused;
  }

  /** Logits that were kept by `limit`; null if the originals are to be queried. */
  get logits(): Float32Array | null {
    return this.#logits;
  }

  /** The number of images whose first gradient is exactly zero. */
  get zeroGradients(): number {
    return this.#flat.reduce((sum, flat) => sum + flat, 0);
  }

  /** The number of images of which a query has been refused. */
  get refused(): number {
    return this.states.filter((_, row) => this.#isRefused(row)).length;
  }

  isActive(row: number): boolean {
    return this.states[row] === 'active';
  }
}

/**
 * Context of an attack on given images: the queries that it may make, the originals, and where it reports.
 */
export interface AttackProblem {
  readonly queries: Queries;
  readonly images: ImageBatch;
  readonly originals: Originals;
  readonly hooks: AttackHooks;
  /**
   * `firstStep` that `prepare` of the same attack gave for the same images, if that is known: the attack then need
   * not compute it again.
   */
  readonly firstStep?: Float32Array | Int8Array;
  /** Takes the points that the attack visits; absent unless `trace` asks for them. */
  readonly trace?: TraceRecorder;
}

export function openProblem(
  queries: Queries,
  images: ImageBatch,
  hooks: AttackHooks = {},
  known?: Preparation,
  trace?: TraceRecorder,
): AttackProblem {
  const common = { queries, images, hooks, ...(trace && { trace }) };
  if (known === undefined) return { ...common, originals: new Originals(images.shape[0]) };
  return { ...common, originals: Originals.from(known), firstStep: known.displacement };
}

/** The same problem without progress reports, for work that reports progress of its own. */
export function quietly(problem: AttackProblem): AttackProblem {
  return { ...problem, hooks: { ...problem.hooks, onProgress: () => {} } };
}

/** Computes and records the logits `[n, classes]` of all originals in one forward pass, or returns those that are kept. */
export async function classifyOriginals({
  queries,
  images,
  originals,
  hooks,
}: AttackProblem): Promise<Float32Array> {
  if (originals.logits !== null) return originals.logits;
  const { classes } = queries;
  const logits = new Float32Array(images.shape[0] * classes);
  for (const [first, end] of batchesOf(images.shape[0], imageSize(images.shape), hooks)) {
    const { kept } = originals;
    const onDevice = kept === null ? null : deviceLogits(queries);
    let some: Float32Array;
    if (kept === null || onDevice === null) some = await queries.logits(sliceRows(images, first, end));
    else {
      const pixels = kept.enter(images, first, end);
      some = await onDevice({ pixels, ids: images.ids.slice(first, end) });
      pixels.dispose();
    }
    originals.record(first, some, classes);
    logits.set(some, first * classes);
  }
  return logits;
}

/** Marks the originals that the model misclassifies as having reached the goal; they must have been classified. */
export function markMisclassified({ images, originals }: AttackProblem): void {
  for (const [row, label] of images.labels.entries())
    if (originals.initial[row] !== label) originals.markAtGoal(row);
}

/** Marks the originals that are already classified as their targets `[n]`; they must have been classified. */
export function markAtTargets({ originals }: AttackProblem, targets: Int32Array): void {
  for (const [row, target] of targets.entries())
    if (originals.initial[row] === target) originals.markAtGoal(row);
}

/** Classifies the originals, unless the attack has queried all of them already. */
export async function completeOriginals(problem: AttackProblem): Promise<void> {
  if (problem.originals.initial.includes(-1)) await classifyOriginals(problem);
}
