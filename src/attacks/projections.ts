/** Norm balls around an image, and projections onto them. */
import { squaredDistance } from './halving-sums.ts';
import type { DistanceNorm, Norm } from './norms.ts';

export type { Norm };

/** The largest radius of a ball that a search tries, in units of [0, 1] pixels: no pixel can move further in L∞. */
export function largestRadius(norm: DistanceNorm): number {
  return { linf: 1, l2: 1e3, l1: 1e6 }[norm];
}

/**
 * Moves the perturbed image at `at` in place to the nearest point of the ball of a radius around the original
 * at `from`. `size` is the number of values of an image.
 */
export function project(
  originals: Float32Array,
  from: number,
  perturbed: Float32Array,
  at: number,
  size: number,
  radius: number,
  norm: Norm,
): void {
  if (norm === 'linf') {
    for (let offset = 0; offset < size; offset++) {
      const original = originals[from + offset]!;
      perturbed[at + offset] = Math.min(
        original + radius,
        Math.max(original - radius, perturbed[at + offset]!),
      );
    }
    return;
  }
  const length = Math.sqrt(squaredDistance(originals, from, perturbed, at, size));
  if (length <= radius) return;
  const factor = radius / length;
  for (let offset = 0; offset < size; offset++) {
    const original = originals[from + offset]!;
    perturbed[at + offset] = original + factor * (perturbed[at + offset]! - original);
  }
}

/** Clips `count` values from `first` to [0, 1], in place. */
export function clip(values: Float32Array, first: number, count: number): void {
  for (let at = first; at < first + count; at++) values[at] = Math.min(1, Math.max(0, values[at]!));
}
