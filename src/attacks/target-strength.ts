import type { Preprocessing } from '../values/model.ts';
import type { Perturb, SearchOptions, TargetDissimilarity } from './attack.ts';
import { meanOf, perturbationNorms, ratios, referenceNorms } from './dissimilarity.ts';
import { evenlySpaced } from './image-set.ts';
import { allRows, type ImageBatch, imageSize, takeRows } from './images.ts';
import type { ImageState } from './originals.ts';
import {
  type SearchResult,
  searchStrength,
  type StrengthSearch,
  UndefinedDissimilarityError,
  UnreachableTargetError,
} from './search.ts';

export interface SearchPlan extends SearchOptions {
  readonly maximum: number;
  /**
   * L2 norm of each image's displacement by the first step at strength 1, before clipping, in the space of
   * the target, `[n]`.
   */
  readonly displacements: Float64Array;
}

export interface Reached {
  readonly pixels: Float32Array;
  /** The strength of each image, `[n]`. */
  readonly strengths: Float64Array;
  /** Number of images whose perturbation was scaled down to the target. */
  readonly scaled: number;
  /** Mean dissimilarity over all images. */
  readonly achieved: number;
}

/** The images, the target, and what every evaluation needs. */
export interface SearchProblem extends TargetDissimilarity, SearchPlan {
  readonly images: ImageBatch;
  readonly states: readonly ImageState[];
  readonly perturb: Perturb;
  /** ‖x‖₂ of each image. */
  readonly references: Float64Array;
}

/**
 * Perturbs the images to a target dissimilarity, measured after clipping. If the dissimilarity jumps over the
 * target (signs flip as the strength grows), the stronger perturbation is scaled down to the target. Throws
 * `UnreachableTargetError`, and `UndefinedDissimilarityError` for an image whose norm is 0.
 */
export async function reachDissimilarity(
  images: ImageBatch,
  target: TargetDissimilarity,
  states: readonly ImageState[],
  perturb: Perturb,
  plan: SearchPlan,
): Promise<Reached> {
  const references = requireReferences(images, target.space);
  const problem: SearchProblem = { ...target, ...plan, images, states, perturb, references };
  return target.per === 'set' ? reachBySet(problem) : reachByImage(problem);
}

/** ‖x‖₂ of each image in a space. Throws `UndefinedDissimilarityError` for an image whose norm is 0. */
export function requireReferences(images: ImageBatch, space: Preprocessing): Float64Array {
  const references = referenceNorms(images, space);
  const blank = references.indexOf(0);
  if (blank >= 0) throw new UndefinedDissimilarityError(images.ids[blank]!);
  return references;
}

/**
 * No search goes farther than a first step of this dissimilarity before clipping. This bounds the strength of
 * attacks that have no bound of their own, by the lengths of the image and of its first step.
 */
export const farthest = 1e4;

async function reachBySet(given: SearchProblem): Promise<Reached> {
  const { images, dissimilarity: target, guess, pilot, displacements, references, perturb } = given;
  const count = images.shape[0];
  const all = allRows(count);
  const unit = meanOf(ratios(displacements, references));
  const problem = { ...given, maximum: Math.min(given.maximum, farthest / unit) };
  let start = (guess * target) / unit;
  if (pilot > 0 && count >= 4 * pilot) {
    const { result } = await searchTogether(problem, evenlySpaced(count, pilot), start);
    if (result.status === 'reached') start = result.strength;
  }
  const { result, pixels, achieved } = await searchTogether(problem, all, start);
  if (result.status === 'unreachable') throw new UnreachableTargetError(target, result.greatest, null);
  const strengths = new Float64Array(count).fill(result.strength);
  if (result.status === 'reached') return { pixels, strengths, scaled: 0, achieved };
  const stronger = await perturb(all, strengths);
  scaleRows(images.pixels, stronger, 0, stronger.length, target / result.dissimilarity);
  const scaled = meanOf(dissimilarities(problem, all, stronger));
  return { pixels: stronger, strengths, scaled: count, achieved: scaled };
}

/** A strength that was tried, and the mean dissimilarity that it gave. */
export interface TriedStrength {
  readonly strength: number;
  readonly dissimilarity: number;
}

/**
 * Searches one strength for some rows. `pixels` and `achieved` are those of the last strength that was tried, and
 * `tried` are all of them in order.
 */
export async function searchTogether(
  problem: SearchProblem,
  rows: Int32Array,
  start: number,
): Promise<{
  readonly result: SearchResult;
  readonly pixels: Float32Array;
  readonly achieved: number;
  readonly tried: readonly TriedStrength[];
}> {
  const search = searchStrength({ ...problem, target: problem.dissimilarity, start });
  let pixels = problem.images.pixels;
  let achieved = 0;
  const tried: TriedStrength[] = [];
  let step = search.next();
  while (step.done !== true) {
    ({ pixels, dissimilarity: achieved } = await tryTogether(problem, rows, step.value));
    tried.push({ strength: step.value, dissimilarity: achieved });
    step = search.next(achieved);
  }
  return { result: step.value, pixels, achieved, tried };
}

/** Perturbs some rows at one strength, and measures their mean dissimilarity. */
export async function tryTogether(
  problem: SearchProblem,
  rows: Int32Array,
  strength: number,
): Promise<{ readonly pixels: Float32Array; readonly dissimilarity: number }> {
  const pixels = await problem.perturb(rows, new Float64Array(rows.length).fill(strength));
  return { pixels, dissimilarity: meanOf(dissimilarities(problem, rows, pixels)) };
}

/** ‖x′ − x‖₂ / ‖x‖₂ of some rows, whose perturbed images are given side by side. */
function dissimilarities(
  { images, references, space }: SearchProblem,
  rows: Int32Array,
  perturbed: Float32Array,
): Float64Array {
  const isAll = rows.length === images.shape[0];
  const norms = perturbationNorms(isAll ? images : takeRows(images, rows), perturbed, space);
  return ratios(norms, isAll ? references : Float64Array.from(rows, (row) => references[row]!));
}

/** An image that is still searched, and the strength to try next. */
interface Searching {
  readonly row: number;
  readonly search: StrengthSearch;
  readonly strength: number;
}

/**
 * Searches a strength for each image. All searches advance together: each round is one batch of the images
 * that are still searched. Images that are not active are left unchanged and need not reach the target.
 */
async function reachByImage(problem: SearchProblem): Promise<Reached> {
  const {
    images,
    dissimilarity: target,
    states,
    guess,
    maximum,
    displacements,
    references,
    perturb,
  } = problem;
  const size = imageSize(images.shape);
  const count = images.shape[0];
  const pixels = images.pixels.slice();
  const strengths = new Float64Array(count);
  const units = ratios(displacements, references);
  /** Dissimilarity of each row that jumps over the target. */
  const jumps = new Map<number, number>();
  const finish = (row: number, result: SearchResult, perturbed: Float32Array): void => {
    if (result.status === 'unreachable')
      throw new UnreachableTargetError(target, result.greatest, images.ids[row]!);
    if (result.status === 'jump') jumps.set(row, result.dissimilarity);
    strengths[row] = result.strength;
    pixels.set(perturbed, row * size);
  };
  // The first guess for an image uses that image alone, so its result does not depend on the other images.
  let searching = Array.from(allRows(count))
    .filter((row) => states[row] === 'active')
    .map((row): Searching => {
      const most = Math.min(maximum, farthest / units[row]!);
      const search = searchStrength({
        ...problem,
        target,
        start: (guess * target) / units[row]!,
        maximum: most,
      });
      return { row, search, strength: search.next().value as number };
    });
  while (searching.length > 0) {
    const rows = Int32Array.from(searching, ({ row }) => row);
    const tried = await perturb(
      rows,
      Float64Array.from(searching, ({ strength }) => strength),
    );
    const reached = dissimilarities(problem, rows, tried);
    searching = searching.flatMap(({ row, search }, index) => {
      const step = search.next(reached[index]!);
      if (step.done !== true) return [{ row, search, strength: step.value }];
      finish(row, step.value, tried.subarray(index * size, (index + 1) * size));
      return [];
    });
  }
  await scaleJumps(problem, pixels, strengths, jumps);
  return {
    pixels,
    strengths,
    scaled: jumps.size,
    achieved: meanOf(dissimilarities(problem, allRows(count), pixels)),
  };
}

/** Replaces the rows that jump over the target by the stronger perturbation, scaled down to the target. */
async function scaleJumps(
  { images, dissimilarity: target, perturb }: SearchProblem,
  pixels: Float32Array,
  strengths: Float64Array,
  jumps: ReadonlyMap<number, number>,
): Promise<void> {
  if (jumps.size === 0) return;
  const size = imageSize(images.shape);
  const rows = Int32Array.from(jumps.keys());
  const stronger = await perturb(
    rows,
    Float64Array.from(rows, (row) => strengths[row]!),
  );
  for (const [index, row] of rows.entries()) {
    pixels.set(stronger.subarray(index * size, (index + 1) * size), row * size);
    scaleRows(images.pixels, pixels, row * size, (row + 1) * size, target / jumps.get(row)!);
  }
}

/**
 * x + factor (x′ − x) in place for elements `first … end − 1`. With a factor of at most 1, it stays within
 * [0, 1].
 */
export function scaleRows(
  originals: Float32Array,
  perturbed: Float32Array,
  first: number,
  end: number,
  factor: number,
): void {
  for (let at = first; at < end; at++) {
    perturbed[at] = originals[at]! + factor * (perturbed[at]! - originals[at]!);
  }
}
