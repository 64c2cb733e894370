import type { Preprocessing } from '../values/model.ts';
import { displacementNorms, meanOf, perturbationNorms, ratios, referenceNorms } from './dissimilarity.ts';
import type { PreparedAttack } from './attack.ts';
import { type AttackInput, imageSize, takeRows } from './images.ts';
import { type KnobResult, type KnobSearch, searchKnob, UnreachableTargetError } from './search.ts';

/** How strong an attack is: its own knob, or a dissimilarity that the knob must reach. */
export type Strength = { readonly knob: number } | TargetStrength;

export interface TargetStrength {
  readonly dissimilarity: number;
  /** One knob for the mean over the set, or one for each image. */
  readonly per: 'set' | 'image';
  readonly tolerance: number;
  /** `pixelSpace`, or the preprocessing of the model. */
  readonly space: Preprocessing;
}

/** An attack seen from the search: the perturbed pixels of some rows at given knobs, one knob a row. */
export type Evaluate = (rows: Int32Array, knobs: Float64Array) => Promise<Float32Array>;

export interface SolveOptions {
  /** First guess: the knob relative to the one that reaches the target with `direction` alone, unclipped. */
  readonly guess: number;
  readonly maximum: number;
  readonly refinements: number;
  /** Evenly spaced images on which the first guess is made for a large set; 0 for none. */
  readonly pilot: number;
}

export interface Solved {
  readonly pixels: Float32Array;
  readonly knobs: Float64Array;
  readonly scaled: number;
}

/**
 * Perturbed images at a target dissimilarity, measured after clipping. Where the strength jumps over the target (signs flip as the knob
 * grows), the stronger perturbation is scaled down to the target. Throws `UnreachableTargetError`.
 */
export async function solveStrength(
  images: AttackInput,
  strength: TargetStrength,
  prepared: Pick<PreparedAttack, 'direction' | 'settled'>,
  evaluate: Evaluate,
  options: SolveOptions,
): Promise<Solved> {
  const references = referenceNorms(images, strength.space);
  const units = ratios(displacementNorms(prepared.direction, images.shape, strength.space), references);
  return strength.per === 'set'
    ? solveSet(images, strength, { references, units }, evaluate, options)
    : solveEach(images, strength, { references, units, settled: prepared.settled }, evaluate, options);
}

interface Norms {
  /** ‖x‖₂ of each image. */
  readonly references: Float64Array;
  /** Dissimilarity of each image at knob 1, unclipped: the strength is about proportional to the knob. */
  readonly units: Float64Array;
}

async function solveSet(
  images: AttackInput,
  strength: TargetStrength,
  { references, units }: Norms,
  evaluate: Evaluate,
  { guess, maximum, refinements, pilot }: SolveOptions,
): Promise<Solved> {
  const { dissimilarity: target, tolerance, space } = strength;
  const count = images.shape[0];
  let last: Float32Array = images.pixels;
  const searchOn = async (rows: Int32Array, start: number): Promise<KnobResult> => {
    const some = rows.length === count ? images : takeRows(images, rows);
    const norms = Float64Array.from(rows, (row) => references[row]!);
    const search = searchKnob({ target, tolerance, start, maximum, refinements });
    let step = search.next();
    while (step.done !== true) {
      last = await evaluate(rows, new Float64Array(rows.length).fill(step.value));
      step = search.next(meanOf(ratios(perturbationNorms(some, last, space), norms)));
    }
    return step.value;
  };
  let start = (guess * target) / meanOf(units);
  if (pilot > 0 && count >= 4 * pilot) {
    const found = await searchOn(evenlySpaced(count, pilot), start);
    if (found.status === 'reached') start = found.knob;
  }
  const all = evenlySpaced(count, count);
  const result = await searchOn(all, start);
  if (result.status === 'unreachable') throw new UnreachableTargetError(target, result.greatest, null);
  const knobs = new Float64Array(count).fill(result.knob);
  if (result.status === 'reached') return { pixels: last, knobs, scaled: 0 };
  const pixels = await evaluate(all, knobs);
  scaleRows(images.pixels, pixels, 0, pixels.length, target / result.strength);
  return { pixels, knobs, scaled: count };
}

/** `count` rows of `total`, in order. */
function evenlySpaced(total: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => Math.floor((index * total) / count));
}

/**
 * All searches advance together, so that each round is one batch of the images that are still searching. Settled images
 * stay as they are and are not held to the target.
 */
async function solveEach(
  images: AttackInput,
  strength: TargetStrength,
  { references, units, settled }: Norms & Pick<PreparedAttack, 'settled'>,
  evaluate: Evaluate,
  { guess, maximum, refinements }: SolveOptions,
): Promise<Solved> {
  const { dissimilarity: target, tolerance, space } = strength;
  const size = imageSize(images.shape);
  const [count, height, width, channels] = images.shape;
  const pixels = images.pixels.slice();
  const knobs = new Float64Array(count);
  const jumps = new Map<number, number>();
  // Each image by itself, so that its result does not depend on which others are here.
  const moving = Array.from({ length: count }, (_, row) => row).filter((row) => settled[row] === 0);
  let active = moving.map((row) => {
    const start = (guess * target) / units[row]!;
    const search = searchKnob({ target, tolerance, start, maximum, refinements });
    return { row, search, knob: search.next().value as number };
  });
  while (active.length > 0) {
    const rows = Int32Array.from(active, (item) => item.row);
    const tried = await evaluate(
      rows,
      Float64Array.from(active, (item) => item.knob),
    );
    const still: { row: number; search: KnobSearch; knob: number }[] = [];
    for (const [index, { row, search }] of active.entries()) {
      const perturbed = tried.subarray(index * size, (index + 1) * size);
      const original = images.pixels.subarray(row * size, (row + 1) * size);
      const single = { pixels: original, shape: [1, height, width, channels] as const };
      const [reached] = ratios(
        perturbationNorms(single, perturbed, space),
        references.subarray(row, row + 1),
      );
      const step = search.next(reached!);
      if (step.done === true) {
        knobs[row] = finalKnob(step.value, target, row, jumps);
        pixels.set(perturbed, row * size);
      } else {
        still.push({ row, search, knob: step.value });
      }
    }
    active = still;
  }
  if (jumps.size > 0) {
    const rows = Int32Array.from(jumps.keys());
    const stronger = await evaluate(
      rows,
      Float64Array.from(rows, (row) => knobs[row]!),
    );
    for (const [index, row] of rows.entries()) {
      pixels.set(stronger.subarray(index * size, (index + 1) * size), row * size);
      scaleRows(images.pixels, pixels, row * size, (row + 1) * size, target / jumps.get(row)!);
    }
  }
  return { pixels, knobs, scaled: jumps.size };
}

function finalKnob(result: KnobResult, target: number, row: number, jumps: Map<number, number>): number {
  if (result.status === 'unreachable') throw new UnreachableTargetError(target, result.greatest, row);
  if (result.status === 'jump') jumps.set(row, result.strength);
  return result.knob;
}

/** x + factor (x′ − x) in place for elements `first … end − 1`; a factor of at most 1 stays within [0, 1]. */
function scaleRows(
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
