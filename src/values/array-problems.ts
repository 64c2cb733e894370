/** Judges the arrays that foreign code returns. */
import { ValueError } from './value-error.ts';
import { elementCount } from './element-count.ts';

/** `are`: the end of a sentence that begins with the name of the array, in the plural; then what to do. */
export interface ArrayProblem {
  readonly are: string;
  readonly fix: string;
}

/** Throws `ValueError` for a problem; `subject` names the array, in the plural. */
export function refuse(problem: ArrayProblem | null, subject: string): void {
  if (problem !== null) throw new ValueError(`${subject} ${problem.are}`, problem.fix);
}

/**
 * Sums of weights that are 1 in exact arithmetic round to slightly more. Values so near to [0, 1] are taken as
 * they are.
 */
const rounding = 1e-5;

/** The images that an array holds, for messages and for its length. */
export interface PixelLayout {
  readonly shape: readonly number[];
  /** Number of consecutive rows that one image has; 1 if absent. */
  readonly views?: number;
  /** Index in the dataset of each image, if it is known. */
  readonly ids?: ArrayLike<number>;
}

/** Why these are not pixels: floats in [0, 1], or bytes if `bytes` allows them. Null if they are. */
export function pixelProblem(
  values: unknown,
  layout: PixelLayout,
  bytes: 'or-bytes' | 'floats',
): ArrayProblem | null {
  if (bytes === 'or-bytes' && values instanceof Uint8Array) return lengthProblem(values, layout);
  if (!(values instanceof Float32Array)) {
    const allowed = bytes === 'or-bytes' ? 'a Float32Array or a Uint8Array' : 'a Float32Array';
    return {
      are: `are ${nameOfType(values)}, not ${allowed}`,
      fix:
        bytes === 'or-bytes'
          ? 'return a Float32Array with values in [0, 1], or a Uint8Array, whose bytes stand for value / 255'
          : 'return a Float32Array with values in [0, 1]',
    };
  }
  return lengthProblem(values, layout) ?? rangeProblem(values, layout);
}

/** Why these are not finite float32 numbers, or whole ones if `signs` allows an Int8Array. Null if they are. */
export function finiteProblem(
  values: unknown,
  layout: PixelLayout,
  signs: 'or-signs' | 'floats' = 'floats',
): ArrayProblem | null {
  if (signs === 'or-signs' && values instanceof Int8Array) return lengthProblem(values, layout);
  if (!(values instanceof Float32Array)) {
    const allowed = signs === 'or-signs' ? 'a Float32Array or an Int8Array' : 'a Float32Array';
    return { are: `are ${nameOfType(values)}, not ${allowed}`, fix: `return ${allowed}` };
  }
  const problem = lengthProblem(values, layout);
  if (problem !== null || areFinite(values)) return problem;
  const at = values.findIndex((value) => !Number.isFinite(value));
  return {
    are: `are not finite: they hold ${values[at]!} in ${imageAt(at, layout)}`,
    fix: 'look for a division by zero, or a logarithm or root of a negative number',
  };
}

export function areFinite(values: Float32Array): boolean {
  // x − x is 0 for finite x and NaN for the rest, which takes one addition a value instead of a call.
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]! - values[index]!;
  return sum === 0;
}

/** Index of the first value outside of [0, 1], or that is not a number; −1 if there is none. */
export function firstOutside(values: Float32Array): number {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    // Negated, so that NaN counts as wrong.
    if (!(value >= -rounding && value <= 1 + rounding)) return index;
  }
  return -1;
}

/** The type of a value for messages: `a Float64Array`, `a plain array`, `undefined`. */
export function nameOfType(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'a plain array';
  if (ArrayBuffer.isView(value))
    return `${/^[AEIOU](?!int)/.test(value.constructor.name) ? 'an' : 'a'} ${value.constructor.name}`;
  if (value instanceof Promise) return 'a promise';
  if (typeof value === 'string') return 'a text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function lengthProblem(values: ArrayLike<number>, { shape }: PixelLayout): ArrayProblem | null {
  const [rows, ...size] = shape;
  const needed = elementCount(shape);
  if (values.length === needed) return null;
  return {
    are: `are ${values.length} values, not ${needed} (${rows} × ${size.join(' × ')})`,
    fix: 'return one value for each value of the images, in the same layout',
  };
}

function rangeProblem(values: Float32Array, layout: PixelLayout): ArrayProblem | null {
  const wrong = firstOutside(values);
  if (wrong < 0) return null;
  const value = values[wrong]!;
  if (!Number.isFinite(value)) {
    return {
      are: `are not finite: they hold ${value} in ${imageAt(wrong, layout)}`,
      fix: 'look for a division by zero, or a logarithm or root of a negative number, and for NaN in the inputs',
    };
  }
  return {
    are: `are not all in [0, 1]: they hold ${value} in ${imageAt(wrong, layout)}`,
    fix: 'clip them to [0, 1], or divide bytes by 255',
  };
}

/** The image that a value belongs to, by its position and its id. */
function imageAt(index: number, { shape, views = 1, ids }: PixelLayout): string {
  const size = elementCount(shape.slice(1));
  const image = Math.floor(index / size / views);
  const id = ids?.[image];
  return id === undefined ? `image ${image}` : `image ${image} (id ${id})`;
}

/** Index of the first number that was there before; −1 if all differ. */
export function firstRepeated(values: ArrayLike<number>): number {
  const seen = new Set<number>();
  for (let index = 0; index < values.length; index++) {
    if (seen.has(values[index]!)) return index;
    seen.add(values[index]!);
  }
  return -1;
}
