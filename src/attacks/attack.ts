import type { Classifier } from '../models/classifier.ts';
import {
  type AttackHooks,
  type AttackInput,
  type AttackResult,
  allRows,
  batchesOf,
  takeRows,
} from './images.ts';
import { imageSize } from './images.ts';
import { argmaxRows, isFiniteRow, queryLogits } from './query.ts';
import { type Evaluate, type SolveOptions, solveStrength, type Strength } from './strength.ts';

/** An attack with its options, apart from a model, images and a strength. */
export interface Attack {
  /** How its knob is searched for a target dissimilarity. */
  readonly search: SolveOptions;
  /** Does all the work that is the same at every strength. */
  readonly prepare: (
    classifier: Classifier,
    images: AttackInput,
    hooks: AttackHooks,
  ) => Promise<PreparedAttack>;
}

/** An attack on certain images, ready to be evaluated at any strength. */
export interface PreparedAttack extends Pick<AttackResult, 'initial' | 'settled' | 'zeroGradients'> {
  /** Displacement of each pixel at knob 1, before clipping; of the first step where there are several. As the pixels. */
  readonly direction: Float32Array | Int8Array;
  /** Perturbed pixels at given knobs. Absent where they are clip(x + knob · direction, 0, 1), which costs next to nothing. */
  readonly evaluate?: Evaluate;
}

/** No attack: what strength 0 makes of every attack. */
export const identityAttack: Attack = {
  search: { guess: 1, maximum: 0, refinements: 0, pilot: 0 },
  prepare: async (classifier, images, hooks) => ({
    ...(await classifyOriginals(classifier, images, hooks)),
    zeroGradients: 0,
    direction: new Int8Array(images.pixels.length),
  }),
};

/** The attack at one strength; 0 is the identity and asks for no gradient. Throws `UnreachableTargetError`. */
export async function attackImages(
  attack: Attack,
  classifier: Classifier,
  images: AttackInput,
  strength: Strength,
  hooks: AttackHooks = {},
): Promise<AttackResult> {
  if (targetOf(strength) === 0) return identity(classifier, images, hooks);
  const prepared = await attack.prepare(classifier, images, hooks);
  return attackAt(attack, prepared, images, strength);
}

/** The attack at several strengths, for which all that they share is computed once. Results in their order. */
export async function sweepStrengths(
  attack: Attack,
  classifier: Classifier,
  images: AttackInput,
  strengths: readonly Strength[],
  hooks: AttackHooks = {},
): Promise<readonly AttackResult[]> {
  const prepared = strengths.some((strength) => targetOf(strength) !== 0)
    ? await attack.prepare(classifier, images, hooks)
    : null;
  const results: AttackResult[] = [];
  for (const strength of strengths) {
    results.push(
      prepared === null || targetOf(strength) === 0
        ? await identity(classifier, images, hooks)
        : await attackAt(attack, prepared, images, strength),
    );
  }
  return results;
}

/** A prepared attack at a strength above 0. */
export async function attackAt(
  attack: Attack,
  prepared: PreparedAttack,
  images: AttackInput,
  strength: Strength,
): Promise<AttackResult> {
  const { initial, settled, zeroGradients, direction } = prepared;
  const evaluate: Evaluate =
    prepared.evaluate ?? ((rows, knobs) => Promise.resolve(stepAlong(images, direction, rows, knobs)));
  const found = { initial, settled, zeroGradients };
  if ('knob' in strength) {
    const rows = images.shape[0];
    const knobs = new Float64Array(rows).fill(strength.knob);
    return { ...found, pixels: await evaluate(allRows(rows), knobs), knobs, scaled: 0 };
  }
  // Where another knob costs nothing, come closer than asked.
  const tolerance = prepared.evaluate === undefined ? Math.min(strength.tolerance, 1e-4) : strength.tolerance;
  const solved = await solveStrength(images, { ...strength, tolerance }, prepared, evaluate, attack.search);
  return { ...found, ...solved };
}

/** clip(x + knob · direction, 0, 1) for the given rows, each with its own knob, rounded to float32 once. */
export function stepAlong(
  images: AttackInput,
  direction: Float32Array | Int8Array,
  rows: Int32Array,
  knobs: Float64Array,
): Float32Array {
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  for (let index = 0; index < rows.length; index++) {
    const knob = knobs[index]!;
    const from = rows[index]! * size;
    for (let offset = 0; offset < size; offset++) {
      const value = images.pixels[from + offset]! + knob * direction[from + offset]!;
      result[index * size + offset] = Math.min(1, Math.max(0, value));
    }
  }
  return result;
}

/** What the model says of the originals. */
export interface Originals {
  /** `[n, classes]`. */
  readonly logits: Float32Array;
  readonly initial: Int32Array;
  /** 2 where the logits are not finite, 0 elsewhere. */
  readonly settled: Uint8Array;
}

/** One forward pass over the originals, in batches. */
export async function classifyOriginals(
  classifier: Classifier,
  images: AttackInput,
  hooks: AttackHooks,
): Promise<Originals> {
  const rows = images.shape[0];
  const { classes } = classifier;
  const logits = new Float32Array(rows * classes);
  for (const [first, end] of batchesOf(rows, imageSize(images.shape))) {
    hooks.signal?.throwIfAborted();
    logits.set(await queryLogits(classifier, sliceRows(images, first, end)), first * classes);
  }
  const settled = Uint8Array.from({ length: rows }, (_, row) => (isFiniteRow(logits, classes, row) ? 0 : 2));
  return { logits, initial: argmaxRows(logits, classes), settled };
}

/** Rows `first … end − 1`. */
export function sliceRows(images: AttackInput, first: number, end: number): AttackInput {
  return takeRows(
    images,
    Int32Array.from({ length: end - first }, (_, index) => first + index),
  );
}

function targetOf(strength: Strength): number {
  return 'knob' in strength ? strength.knob : strength.dissimilarity;
}

async function identity(
  classifier: Classifier,
  images: AttackInput,
  hooks: AttackHooks,
): Promise<AttackResult> {
  const { initial, settled } = await classifyOriginals(classifier, images, hooks);
  const rows = images.shape[0];
  return {
    pixels: images.pixels.slice(),
    initial,
    settled,
    knobs: new Float64Array(rows),
    zeroGradients: 0,
    scaled: 0,
  };
}
