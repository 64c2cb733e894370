/** Norms of the balls onto which `project` projects. */
export type Norm = 'linf' | 'l2';

/** Norms in which a perturbation is measured. */
export type DistanceNorm = Norm | 'l1';

/** The same, and the number of values that changed, which is not a norm. */
export type Measure = DistanceNorm | 'l0';

/** ‖x′ − x‖ of two images, summed in float64. */
export function distanceBetween(x: Float32Array, y: Float32Array, norm: Measure): number {
  let sum = 0;
  for (let at = 0; at < x.length; at++) {
    const difference = Math.abs(y[at]! - x[at]!);
    if (norm === 'linf') sum = Math.max(sum, difference);
    else if (norm === 'l0') sum += difference === 0 ? 0 : 1;
    else sum += norm === 'l2' ? difference * difference : difference;
  }
  return norm === 'l2' ? Math.sqrt(sum) : sum;
}

/** ‖v‖, summed in float64. */
export function lengthOf(vector: ArrayLike<number>, norm: Measure): number {
  let sum = 0;
  for (let at = 0; at < vector.length; at++) {
    const value = Math.abs(vector[at]!);
    if (norm === 'linf') sum = Math.max(sum, value);
    else if (norm === 'l0') sum += value === 0 ? 0 : 1;
    else sum += norm === 'l2' ? value * value : value;
  }
  return norm === 'l2' ? Math.sqrt(sum) : sum;
}

/** The norm in which slopes are measured: |w · d| ≤ ‖w‖ ‖d‖ with the one in the other. */
export const dualNorm = { linf: 'l1', l2: 'l2', l1: 'linf' } as const satisfies Record<
  DistanceNorm,
  DistanceNorm
>;
