import { randomStream } from '../../tensors/random.ts';
import type { Dropout } from './dropout.ts';

/**
 * The definition of dropout: cuts the values to [0, 1], in place, and makes those that are not kept −1. Nothing
 * is drawn if all are kept. Returns whether all values are numbers.
 */
export function dropByDefinition(values: Float32Array, { seed, counters, keep, group }: Dropout): boolean {
  const random = randomStream(seed, ...counters);
  for (let first = 0; first < values.length; first += group) {
    const isKept = keep >= 1 || random.bernoulli(keep);
    for (let index = first; index < Math.min(values.length, first + group); index++) {
      const value = values[index]!;
      if (value !== value) return false;
      values[index] = isKept ? Math.min(1, Math.max(0, value)) : -1;
    }
  }
  return true;
}
