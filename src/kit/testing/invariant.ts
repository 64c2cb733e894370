import { deepStrictEqual } from 'node:assert';
import type { Images } from '../../values/images.ts';

/**
 * A property of every stage of a kind. A test runner takes one as a test: `for (const { name, check } of
 * attackInvariants(stage)) test(name, check)`.
 */
export interface Invariant {
  readonly name: string;
  /** Throws an `AssertionError` if it does not hold. */
  readonly check: () => Promise<void>;
}

export function invariant(name: string, check: () => Promise<void>): Invariant {
  return { name, check };
}

/** Calls `run`, and throws if it wrote to one of the arrays of `values`. */
export async function leavingAlone<R>(values: readonly object[], run: () => Promise<R>): Promise<R> {
  const before = structuredClone(values);
  const result = await run();
  deepStrictEqual(values, before, 'it wrote into its inputs');
  return result;
}

/** Pixels of the given rows of images with one view. */
export function pixelsOf({ pixels, shape }: Images, row: number, count = 1): Float32Array | Uint8Array {
  const size = shape[1] * shape[2] * shape[3];
  return pixels.slice(row * size, (row + count) * size);
}
