import { finiteProblem, nameOfType, pixelProblem, refuse } from '../values/array-problems.ts';
import { type Seal, sealOf } from '../values/seal.ts';
import { ValueError, WrittenInputError } from '../values/value-error.ts';
import type { Attack, Iteration, Perturb, SearchOptions } from './attack.ts';
import type { ImageBatch } from './images.ts';

/**
 * The engine believes an attack only what was checked here: pixels in [0, 1] and finite directions, one for each
 * image that was asked for. Throws `ValueError` for anything else, so that nothing is measured on it.
 */
export function checkAttack(attack: Attack): void {
  const { kind, maximum } = fieldsOf(attack, 'the attack');
  if (kind !== 'direction' && kind !== 'iterated') {
    throw new ValueError(
      `the kind of the attack is neither 'direction' nor 'iterated': it is ${typeof kind === 'string' ? `'${kind}'` : nameOfType(kind)}`,
      "return { kind: 'direction', maximum, direction } or { kind: 'iterated', maximum, prepare }",
    );
  }
  const needed = kind === 'direction' ? 'direction' : 'prepare';
  checkFunction(fieldsOf(attack, 'the attack')[needed], needed);
  if (!Number.isFinite(maximum) || Number(maximum) < 0) {
    throw new ValueError(
      `the attack's maximum is ${nameOrNumber(maximum)}`,
      'set maximum to the greatest strength that a search may try, such as 1',
    );
  }
  if (attack.kind === 'iterated') checkSearch(attack.search ?? {});
}

function checkSearch({
  guess = 1,
  elasticity = 1,
  refinements = 12,
  pilot = 0,
}: Partial<SearchOptions>): void {
  const wrong =
    ![guess, elasticity].every((value) => Number.isFinite(value) && value > 0) ||
    ![refinements, pilot].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (!wrong) return;
  throw new ValueError(
    `the attack's search is { guess: ${guess}, elasticity: ${elasticity}, refinements: ${refinements}, pilot: ${pilot} }`,
    'give a guess and an elasticity above 0, and whole numbers from 0 on',
  );
}

/** The same iteration, whose results are checked. It cannot change the rows and strengths of the engine. */
export function checkIteration(iteration: Iteration, images: ImageBatch): Iteration {
  const { perturb, firstStep } = fieldsOf(iteration, 'what prepare returned') as Partial<Iteration>;
  checkFunction(perturb, 'perturb');
  if (firstStep !== undefined) checkDirection(firstStep, images, 'the values of firstStep');
  return { ...iteration, perturb: checkPerturb(iteration, images) };
}

function checkPerturb(iteration: Iteration, images: ImageBatch): Perturb {
  const [, ...size] = images.shape;
  return async (rows, strengths) => {
    const pixels: unknown = await iteration.perturb(rows.slice(), strengths.slice());
    const ids = Int32Array.from(rows, (row) => images.ids[row]!);
    refuse(
      pixelProblem(pixels, { shape: [rows.length, ...size], ids }, 'floats'),
      'the pixels that perturb returned',
    );
    return apartFrom(images, pixels as Float32Array);
  };
}

/** A direction that the engine may write into. Throws `ValueError` unless it has a finite value for each pixel. */
export function checkDirection<D extends Float32Array | Int8Array>(
  direction: D,
  images: ImageBatch,
  subject: string,
): D {
  refuse(finiteProblem(direction, images, 'or-signs'), subject);
  return apartFrom(images, direction);
}

/** The array itself, unless it is the memory of the originals, into which the engine must not write. */
function apartFrom<A extends Float32Array | Int8Array>({ pixels }: ImageBatch, array: A): A {
  return array.buffer === pixels.buffer ? (array.slice() as A) : array;
}

/** Seals the originals, against which the engine measures. */
export function sealOriginals({ pixels, labels, ids }: ImageBatch): Seal {
  return sealOf({ pixels, labels, ids });
}

/** Throws `WrittenInputError` if the originals have changed since they were sealed. */
export function checkOriginals(seal: Seal, cause?: unknown): void {
  const changed = seal();
  if (changed === null) return;
  throw new WrittenInputError(
    `the attack wrote into ${changed} of problem.images, so its perturbation cannot be measured`,
    'write into the copies that takeRows and sliceRows make',
    cause,
  );
}

function checkFunction(value: unknown, name: string): void {
  if (typeof value === 'function') return;
  throw new ValueError(
    `${name} of the attack is ${nameOfType(value)}, not a function`,
    `give ${name} as in docs/plugin-reference.md`,
  );
}

function fieldsOf(value: unknown, subject: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  throw new ValueError(
    `${subject} is ${nameOfType(value)}, not an object`,
    'return an object as in docs/plugin-reference.md',
  );
}

function nameOrNumber(value: unknown): string {
  return typeof value === 'number' ? String(value) : nameOfType(value);
}
