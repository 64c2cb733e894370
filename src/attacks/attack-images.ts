import type { MemberOutcomes } from '../values/images.ts';
import type { Preprocessing } from '../values/model.ts';
import type { Preparation } from '../values/preparation.ts';
import { leftAlone } from '../values/seal.ts';
import { ValueError } from '../values/value-error.ts';
import type {
  Attack,
  DirectionAttack,
  IteratedAttack,
  Iteration,
  Perturb,
  SearchOptions,
  Strength,
  TargetDissimilarity,
} from './attack.ts';
import {
  checkAttack,
  checkDirection,
  checkIteration,
  checkOriginals,
  sealOriginals,
} from './checked-attack.ts';
import { displacementNorms } from './dissimilarity.ts';
import { chooseGoal, type GoalOptions } from './goal.ts';
import { type AttackHooks, allRows, type ImageBatch, imageSize } from './images.ts';
import { limitQueries } from './limit-queries.ts';
import type { DistanceNorm } from './norms.ts';
import {
  type AttackProblem,
  classifyOriginals,
  completeOriginals,
  type ImageState,
  openProblem,
  Originals,
} from './originals.ts';
import type { Queries } from './queries.ts';
import { stepAlong } from './step-along.ts';
import type { TraceRecorder } from './trace-recorder.ts';
import { reachDissimilarity, requireReferences, type SearchPlan } from './target-strength.ts';

/** Adversarial images and what the attack did. */
export interface AttackResult {
  /** Same layout as the input's pixels, in [0, 1]. */
  readonly pixels: Float32Array;
  /** Class that the model predicts for each original, `[n]`. */
  readonly initial: Int32Array;
  /** Class that a targeted attack aims at, `[n]`; absent if the attack has no target. */
  readonly target?: Int32Array;
  /** The attack's own strength for each image, `[n]`. */
  readonly strengths: Float64Array;
  readonly states: readonly ImageState[];
  /**
   * Number of images whose gradient is exactly zero at the start of the attack, a sign of masked gradients.
   */
  readonly zeroGradients: number;
  /**
   * Number of images whose final perturbation was scaled down, because no strength gives exactly the target.
   */
  readonly scaled: number;
  /** Number of images that ended because a query was refused; 0 without a limit. */
  readonly spent: number;
  /** Number of images that ended by the limit on steps, before they were misclassified; absent if the attack does not say. */
  readonly outOfSteps?: number;
  /** Mean dissimilarity over the images in the space of the target; null if the attack had no target. */
  readonly achieved: number | null;
  /** The outcomes of each attack, if the attack is made of several. */
  readonly members?: MemberOutcomes;
}

/** The identity: what every attack does at strength 0. */
export const identityAttack: Attack = identityTowards(undefined);

/** The identity, which records the targets of a targeted attack. */
function identityTowards(towards: AttackOptions['towards']): Attack {
  return {
    kind: 'direction',
    maximum: 0,
    async direction(problem) {
      if (towards !== undefined) await chooseGoal(problem, { loss: 'cross-entropy', ...towards });
      return new Int8Array(problem.images.pixels.length);
    },
  };
}

/** An attack prepared on given images, ready to run at any strength. */
export type PreparedAttack = { readonly originals: Originals } & (
  | (Pick<DirectionAttack, 'kind' | 'maximum'> & { readonly direction: Float32Array | Int8Array })
  | (Omit<IteratedAttack, 'prepare'> & Iteration)
);

export interface AttackOptions extends AttackHooks {
  /** Result of `prepareAttack` for the same attack, model and images; computed if absent. */
  readonly preparation?: Preparation;
  /**
   * Most passes of each image, forward and backward counted alike, from the first query of its original on. An image
   * whose passes are spent ends with the best that the attack has found. No limit if absent.
   */
  readonly limit?: number;
  /** Records the points that the attack visits, at the latest of several strengths. */
  readonly trace?: TraceRecorder;
  /** The targets of the attack, which are also recorded if no strength is above 0, so that the attack itself is not needed. */
  readonly towards?: Required<Pick<GoalOptions, 'targeted' | 'seed'>>;
}

/**
 * Runs the attack at one strength. Strength 0 is the identity and computes no gradient. Throws
 * `UnreachableTargetError` if the attack cannot reach a target dissimilarity, and
 * `UndefinedDissimilarityError` if an image has none.
 */
export async function attackImages(
  attack: Attack,
  queries: Queries,
  images: ImageBatch,
  strength: Strength,
  options: AttackOptions = {},
): Promise<AttackResult> {
  const [result] = await sweepStrengths(attack, queries, images, [strength], options);
  return result!;
}

/**
 * Runs the attack at several strengths and returns the results in their order. What they share is computed
 * once. Throws like `attackImages`, and `ValueError` for an attack that returns something else than it promises or
 * writes into the originals.
 */
export async function sweepStrengths(
  attack: Attack,
  queries: Queries,
  images: ImageBatch,
  strengths: readonly Strength[],
  options: AttackOptions = {},
): Promise<readonly AttackResult[]> {
  for (const strength of strengths) {
    if (typeof strength !== 'number' && !isZero(strength)) requireReferences(images, strength.space);
  }
  checkAttack(attack);
  const isNeeded = strengths.some((strength) => !isZero(strength));
  return guarded(images, async () => {
    const prepared = await openAttack(
      isNeeded ? attack : identityTowards(options.towards),
      queries,
      images,
      options,
    );
    try {
      const results: AttackResult[] = [];
      for (const strength of strengths) results.push(await attackAt(prepared, images, strength));
      return results;
    } finally {
      prepared.originals.release();
    }
  });
}

/**
 * Computes what the attack needs at every strength: its direction, or its first step. Throws `ValueError` for an
 * attack that has neither.
 */
export async function prepareAttack(
  attack: Attack,
  queries: Queries,
  images: ImageBatch,
  hooks: AttackHooks = {},
): Promise<Preparation> {
  checkAttack(attack);
  return guarded(images, async () => {
    const prepared = await openAttack(attack, queries, images, hooks);
    prepared.originals.release();
    const displacement = prepared.kind === 'direction' ? prepared.direction : prepared.firstStep;
    if (displacement === undefined)
      throw new ValueError(
        'the stage says that the attack prepares something, but the attack has no firstStep',
        "return firstStep from prepare, or leave 'prepares' out of the stage",
      );
    const { shape, ids } = images;
    return { kind: 'preparation', displacement, shape, ids, ...prepared.originals.toArrays() };
  });
}

/** Runs an attack with one direction, which has been prepared, without queries to the model. */
export async function attackAlong(
  { maximum }: Pick<DirectionAttack, 'maximum'>,
  preparation: Preparation,
  images: ImageBatch,
  strength: Strength,
): Promise<AttackResult> {
  if (typeof strength !== 'number' && !isZero(strength)) requireReferences(images, strength.space);
  const originals = Originals.from(preparation);
  const prepared = { kind: 'direction', maximum, direction: preparation.displacement, originals } as const;
  return attackAt(prepared, images, strength);
}

/** Runs `work`, and throws `WrittenInputError` if it wrote into the images. */
async function guarded<R>(images: ImageBatch, work: () => Promise<R>): Promise<R> {
  const seal = sealOriginals(images);
  return leftAlone((cause) => checkOriginals(seal, cause), work);
}

/**
 * Does all the work that is the same at every strength, apart from what is known already. The caller calls `release` of the
 * originals, which may be on the device.
 */
export async function openAttack(
  attack: Attack,
  queries: Queries,
  images: ImageBatch,
  options: AttackOptions,
): Promise<PreparedAttack> {
  const { preparation: known, trace, signal, onProgress, batchSizes } = options;
  const hooks = {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    ...(batchSizes && { batchSizes }),
  };
  const problem = openProblem(queries, images, hooks, known, trace);
  problem.originals.keepOnDevice();
  try {
    return await prepareProblem(attack, problem, options);
  } catch (error) {
    problem.originals.release();
    throw error;
  }
}

async function prepareProblem(
  attack: Attack,
  unlimited: AttackProblem,
  { preparation: known, limit, trace }: AttackOptions,
): Promise<PreparedAttack> {
  const { images } = unlimited;
  const problem = limit === undefined ? unlimited : await limitProblem(unlimited, limit);
  const { originals } = problem;
  if (attack.kind === 'iterated') {
    const iteration = checkIteration(await attack.prepare(problem), images);
    await completeOriginals(problem);
    if (trace === undefined) return { ...attack, ...iteration, originals };
    trace.markPrepared();
    const perturb: Perturb = (rows, strengths) => {
      trace.restart(rows);
      return iteration.perturb(rows, strengths);
    };
    return { ...attack, ...iteration, perturb, originals };
  }
  if (known !== undefined)
    return { kind: 'direction', maximum: attack.maximum, direction: known.displacement, originals };
  const subject = 'the values that direction returned';
  const direction = checkDirection(await attack.direction(problem), images, subject);
  await completeOriginals(problem);
  const size = imageSize(images.shape);
  originals.states.forEach((state, row) => {
    if (state !== 'active') direction.fill(0, row * size, (row + 1) * size);
  });
  return { kind: 'direction', maximum: attack.maximum, direction, originals };
}

/** The same problem with `limit` passes for each image, of which the classification of its original is the first. */
async function limitProblem(problem: AttackProblem, limit: number): Promise<AttackProblem> {
  const { images, originals } = problem;
  const logits = await classifyOriginals(problem);
  const queries = limitQueries(problem.queries, limit - 1, { ids: images.ids, logits });
  originals.limit(logits, (row) => queries.wasRefused(images.ids[row]!));
  return { ...problem, queries };
}

/** Runs a prepared attack at one strength. */
async function attackAt(
  prepared: PreparedAttack,
  images: ImageBatch,
  strength: Strength,
): Promise<AttackResult> {
  const { originals } = prepared;
  const { initial, states, targets: target } = originals;
  const count = images.shape[0];
  if (isZero(strength)) {
    const achieved = typeof strength === 'number' ? null : 0;
    const strengths = new Float64Array(count);
    return {
      initial,
      states,
      pixels: images.pixels.slice(),
      strengths,
      zeroGradients: 0,
      scaled: 0,
      spent: 0,
      achieved,
      ...(target && { target }),
    };
  }
  const perturb = perturbActive(prepared, images);
  const found =
    typeof strength === 'number'
      ? await perturbAt(perturb, new Float64Array(count).fill(strength))
      : await reachDissimilarity(
          images,
          closer(prepared, strength),
          states,
          perturb,
          searchPlan(prepared, images, strength.space),
        );
  const iteration = prepared.kind === 'iterated' ? prepared : undefined;
  const members = iteration?.members?.();
  const outOfSteps = iteration?.outOfSteps?.();
  return {
    initial,
    states,
    ...found,
    zeroGradients: originals.zeroGradients,
    spent: originals.refused,
    ...(target && { target }),
    ...(members && { members }),
    ...(outOfSteps !== undefined && { outOfSteps }),
  };
}

async function perturbAt(
  perturb: Perturb,
  strengths: Float64Array,
): Promise<Pick<AttackResult, 'pixels' | 'strengths' | 'scaled' | 'achieved'>> {
  return {
    pixels: await perturb(allRows(strengths.length), strengths),
    strengths,
    scaled: 0,
    achieved: null,
  };
}

/**
 * Tightens the tolerance of an attack with one direction, because its perturbation costs next to nothing to
 * compute.
 */
function closer({ kind }: PreparedAttack, target: TargetDissimilarity): TargetDissimilarity {
  return kind === 'direction' ? { ...target, tolerance: Math.min(target.tolerance, 1e-4) } : target;
}

const searchDefaults: Readonly<Record<Attack['kind'], SearchOptions>> = {
  direction: { guess: 1, elasticity: 1, refinements: 60, pilot: 0 },
  iterated: { guess: 1, elasticity: 1, refinements: 12, pilot: 64 },
};

/** How a strength is searched for with a prepared attack. */
export function searchPlan(
  prepared: PreparedAttack,
  { shape }: ImageBatch,
  space: Preprocessing,
): SearchPlan {
  const { maximum, kind } = prepared;
  const first = kind === 'direction' ? prepared.direction : prepared.firstStep;
  const displacements =
    first === undefined
      ? spreadEvenly(shape, prepared.kind === 'iterated' ? prepared.norm : undefined, space)
      : displacementNorms(first, shape, space);
  const own = prepared.kind === 'iterated' ? prepared.search : undefined;
  return { ...searchDefaults[kind], ...own, maximum, displacements };
}

/**
 * Norm in `space`, for each image, of a step of length 1 (in `norm`) that moves every pixel by the same
 * amount.
 */
export function spreadEvenly(
  shape: ImageBatch['shape'],
  norm: DistanceNorm = 'linf',
  space: Preprocessing,
): Float64Array {
  const size = imageSize(shape);
  const [rows, ...image] = shape;
  const step = new Float32Array(size).fill({ linf: 1, l2: 1 / Math.sqrt(size), l1: 1 / size }[norm]);
  const [length] = displacementNorms(step, [1, ...image], space);
  return new Float64Array(rows).fill(length!);
}

/** Returns the attack as a function of rows and strengths. Images that are not active are left unchanged. */
export function perturbActive(prepared: PreparedAttack, images: ImageBatch): Perturb {
  if (prepared.kind === 'direction') {
    const { direction } = prepared;
    return (rows, strengths) => Promise.resolve(stepAlong(images, direction, rows, strengths));
  }
  const { originals, perturb } = prepared;
  const size = imageSize(images.shape);
  return async (rows, strengths) => {
    const active = rows.filter((row) => originals.isActive(row));
    if (active.length === rows.length) return perturb(rows, strengths);
    const moved = await perturb(
      active,
      strengths.filter((_, index) => originals.isActive(rows[index]!)),
    );
    const result = new Float32Array(rows.length * size);
    let next = 0;
    for (const [index, row] of rows.entries()) {
      const [source, from] = originals.isActive(row) ? [moved, next++] : [images.pixels, row];
      result.set(source.subarray(from * size, (from + 1) * size), index * size);
    }
    return result;
  };
}

function isZero(strength: Strength): boolean {
  return (typeof strength === 'number' ? strength : strength.dissimilarity) === 0;
}
