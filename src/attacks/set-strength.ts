import { probeSize } from './probe-size.ts';
import type { Preparation } from '../values/preparation.ts';
import type { Attack, TargetDissimilarity } from './attack.ts';
import { openAttack, perturbActive, type PreparedAttack, searchPlan, spreadEvenly } from './attack-images.ts';
import { displacementNorms, meanOf, perturbationNorms, ratios } from './dissimilarity.ts';
import { evenlySpaced, gatherRows, type ImageSet, type SetPart } from './image-set.ts';
import { allRows, type AttackHooks, type ImageBatch } from './images.ts';
import type { Queries } from './queries.ts';
import { isWithin, type SearchResult, searchStrength, UnreachableTargetError } from './search.ts';
import { stepAlong } from './step-along.ts';
import {
  farthest,
  requireReferences,
  type SearchProblem,
  searchTogether,
  type TriedStrength,
  tryTogether,
} from './target-strength.ts';

/**
 * The strength of a whole set. `factor` scales every perturbation down; it is 1 unless the dissimilarity jumps
 * over the target.
 */
export interface SetStrength {
  readonly strength: number;
  readonly factor: number;
}

/** Knowledge of the slope from earlier strengths. */
export interface SearchHistory {
  /** d log dissimilarity / d log strength. */
  readonly elasticity: number;
  /** The strength that was tried on all images before this one; null for the first. */
  readonly before: TriedStrength | null;
}

/** Relative tolerance for an attack with one direction, whose perturbations cost next to nothing to compute. */
const directionTolerance = 1e-4;

/**
 * Finds the strength at which an attack with one direction reaches the target in the mean over the set. Throws
 * `UnreachableTargetError`, and `UndefinedDissimilarityError` for an image whose norm is 0.
 */
export function directionStrength(
  set: Iterable<Required<SetPart>>,
  target: TargetDissimilarity,
  maximum: number,
): SetStrength {
  const { dissimilarity, space } = target;
  const references: Float64Array[] = [];
  const units: number[] = [];
  for (const { images, preparation } of set) {
    const own = requireReferences(images, space);
    references.push(own);
    units.push(...ratios(displacementNorms(preparation.displacement, images.shape, space), own));
  }
  const unit = meanOf(Float64Array.from(units));
  const meanAt = (strength: number): number => {
    const all: number[] = [];
    let part = 0;
    for (const { images, preparation } of set) {
      const rows = allRows(images.shape[0]);
      const strengths = new Float64Array(rows.length).fill(strength);
      const moved = stepAlong(images, preparation.displacement, rows, strengths);
      all.push(...ratios(perturbationNorms(images, moved, space), references[part++]!));
    }
    return meanOf(Float64Array.from(all));
  };
  const search = searchStrength({
    target: dissimilarity,
    tolerance: Math.min(target.tolerance, directionTolerance),
    start: dissimilarity / unit,
    maximum: Math.min(maximum, farthest / unit),
    refinements: 60,
  });
  let step = search.next();
  while (step.done !== true) step = search.next(meanAt(step.value));
  const result = step.value;
  if (result.status === 'unreachable') throw new UnreachableTargetError(dissimilarity, result.greatest, null);
  const factor = result.status === 'jump' ? dissimilarity / result.dissimilarity : 1;
  return { strength: result.strength, factor };
}

/**
 * Guesses the strength for a set from a few of its images, on which it searches. A set that is not larger is
 * searched itself. What is known of all images, the lengths of the images and of their first steps, corrects for
 * the choice of the few. Throws `UnreachableTargetError` for a small set, and `UndefinedDissimilarityError`.
 */
export async function probeStrength(
  attack: Attack,
  queries: Queries,
  set: ImageSet,
  target: TargetDissimilarity,
  hooks: AttackHooks = {},
): Promise<Probed> {
  const units: number[] = [];
  for (const { images, preparation } of set) units.push(...firstUnits(attack, images, preparation, target));
  const rows = evenlySpaced(units.length, probeSize(units.length));
  const { images, preparation } = gatherRows(set, rows);
  const prepared = await openAttack(attack, queries, images, {
    ...hooks,
    ...(preparation && { preparation }),
  });
  try {
    return await probeImages(prepared, images, rows, units, target);
  } finally {
    prepared.originals.release();
  }
}

/** A guess of the strength, its slope, and what it cost in evaluations of the whole set. */
interface Probed {
  readonly found: SetStrength;
  readonly elasticity: number;
  readonly tries: number;
}

/** Searches on the images that are the rows of a set, whose first steps have the lengths `units`. */
async function probeImages(
  prepared: PreparedAttack,
  images: ImageBatch,
  rows: Int32Array,
  units: readonly number[],
  target: TargetDissimilarity,
): Promise<Probed> {
  const isAll = rows.length === units.length;
  const unitOfAll = meanOf(Float64Array.from(units));
  const own = Float64Array.from(rows, (row) => units[row]!);
  const bias = meanOf(own) / unitOfAll;
  const goal = target.dissimilarity * (bias > 0 && bias < Infinity ? bias : 1);
  const plan = searchPlan(prepared, images, target.space);
  const references = requireReferences(images, target.space);
  const unit = meanOf(ratios(plan.displacements, references));
  const problem = {
    ...target,
    ...plan,
    maximum: Math.min(plan.maximum, farthest / unit),
    dissimilarity: goal,
    images,
    states: prepared.originals.states,
    perturb: perturbActive(prepared, images),
    references,
  };
  const start = (plan.guess * goal) / unit;
  const all = allRows(rows.length);
  if (isAll) {
    const { result, tried } = await searchFew(problem, all, start);
    if (result.status === 'unreachable')
      throw new UnreachableTargetError(target.dissimilarity, result.greatest, null);
    const factor = result.status === 'jump' ? goal / result.dissimilarity : 1;
    const elasticity = elasticityOf(tried, plan.elasticity);
    return { found: { strength: result.strength, factor }, elasticity, tries: tried.length };
  }
  const first = await searchRegion(problem, own, start);
  const { result, tried } = await searchFew(
    { ...problem, elasticity: first.elasticity, tolerance: Math.max(target.tolerance, probeTolerance) },
    all,
    first.strength,
  );
  const elasticity = elasticityOf(tried, first.elasticity);
  const strength =
    result.status === 'unreachable'
      ? problem.maximum
      : along(tried.at(-1)!, goal, elasticity, problem.maximum);
  const tries = (first.attacked + tried.length * rows.length) / units.length;
  return { found: { strength, factor: 1 }, elasticity, tries };
}

/**
 * Relative tolerance of the search on the probed images, and on the few of them with which it begins. What remains is
 * corrected by the slope, and the images differ by more than that correction errs.
 */
const [probeTolerance, regionTolerance] = [0.05, 0.1];

/** The share of the probed images with which a probe begins, because its first guess may be far off. */
const shareOfFew = 1 / 4;

/**
 * Finds the region of the strength on a few images that move. They count alike: each by how far it moves, relative to its
 * first step, because among few images one with a large first step would decide alone.
 */
async function searchRegion(
  problem: SearchProblem,
  units: Float64Array,
  start: number,
): Promise<{ readonly strength: number; readonly elasticity: number; readonly attacked: number }> {
  const moving = allRows(units.length).filter((row) => units[row]! > 0);
  const few = evenlySpaced(moving.length, Math.ceil(moving.length * shareOfFew)).map((at) => moving[at]!);
  if (few.length === 0) return { strength: start, elasticity: problem.elasticity, attacked: 0 };
  const unit = meanOf(units);
  const even = {
    ...problem,
    references: problem.references.map((reference, row) => (reference * units[row]!) / unit),
    tolerance: Math.max(problem.tolerance, regionTolerance),
  };
  const { tried } = await searchFew(even, few, start);
  const elasticity = elasticityOf(tried, problem.elasticity);
  const strength = along(tried.at(-1)!, problem.dissimilarity, elasticity, problem.maximum);
  return { strength, elasticity, attacked: tried.length * few.length };
}

/** Tries along a power law, which is nearly true, before the search that relies on a bracket alone. */
const triesAlong = 3;

async function searchFew(
  problem: SearchProblem,
  rows: Int32Array,
  start: number,
): Promise<{ readonly result: SearchResult; readonly tried: readonly TriedStrength[] }> {
  const { dissimilarity: goal, tolerance, maximum, elasticity } = problem;
  const tried: TriedStrength[] = [];
  let strength = start > 0 ? Math.min(start, maximum) : maximum;
  while (tried.length < triesAlong && tried.at(-1)?.strength !== strength) {
    const { dissimilarity } = await tryTogether(problem, rows, strength);
    const now = { strength, dissimilarity };
    tried.push(now);
    if (isWithin(dissimilarity, goal, tolerance)) return { result: { status: 'reached', strength }, tried };
    strength = along(now, goal, elasticityOf(tried, elasticity), maximum);
  }
  const { result, tried: more } = await searchTogether(problem, rows, strength);
  return { result, tried: [...tried, ...more] };
}

/**
 * Judges a strength by the mean dissimilarity that it gives over the set, and returns it again if that is within
 * the tolerance, with the same history, or else the next one to try. If the second try is not within the tolerance
 * either, the dissimilarity is not smooth, and the stronger perturbation is scaled down to the target. Throws
 * `UnreachableTargetError`.
 */
export function judgeStrength(
  tried: SetStrength,
  dissimilarity: number,
  history: SearchHistory,
  { dissimilarity: target, tolerance }: Pick<TargetDissimilarity, 'dissimilarity' | 'tolerance'>,
  maximum: number,
): { readonly next: SetStrength; readonly history: SearchHistory; readonly isReached: boolean } {
  if (isWithin(dissimilarity, target, tolerance)) return { next: tried, history, isReached: true };
  const { strength } = tried;
  if (dissimilarity < target && !(strength < maximum))
    throw new UnreachableTargetError(target, dissimilarity, null);
  const now = { strength, dissimilarity };
  const { before } = history;
  const elasticity = before === null ? history.elasticity : elasticityOf([before, now], history.elasticity);
  const above = [now, before].find((point) => point !== null && point.dissimilarity > target);
  const next =
    before !== null && above
      ? { strength: above.strength, factor: target / above.dissimilarity }
      : { strength: along(now, target, elasticity, maximum), factor: 1 };
  return { next, history: { elasticity, before: now }, isReached: false };
}

/** Slope of log dissimilarity over log strength by the last two points, or the usual one if they have none. */
function elasticityOf(points: readonly TriedStrength[], usual: number): number {
  const [before, last] = points.slice(-2);
  if (before === undefined || last === undefined) return usual;
  const slope =
    Math.log(last.dissimilarity / before.dissimilarity) / Math.log(last.strength / before.strength);
  return Number.isFinite(slope) ? Math.min(3, Math.max(1 / 3, slope)) : usual;
}

/** The strength at which a power law through a point reaches the target. */
function along(
  { strength, dissimilarity }: TriedStrength,
  target: number,
  elasticity: number,
  maximum: number,
): number {
  if (!(dissimilarity > 0)) return maximum;
  return Math.min(maximum, strength * (target / dissimilarity) ** (1 / elasticity));
}

/** Dissimilarity of the first step of each image at strength 1, before clipping. */
function firstUnits(
  attack: Attack,
  images: ImageBatch,
  preparation: Preparation | undefined,
  { space }: TargetDissimilarity,
): Float64Array {
  const norm = attack.kind === 'iterated' ? attack.norm : undefined;
  const displacements =
    preparation === undefined
      ? spreadEvenly(images.shape, norm, space)
      : displacementNorms(preparation.displacement, images.shape, space);
  return ratios(displacements, requireReferences(images, space));
}
