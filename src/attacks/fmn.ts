import type { Attack } from './attack.ts';
import { normDescent, type NormDescentOptions } from './norm-descent.ts';
import { dualNorm, lengthOf, type Measure } from './norms.ts';

export interface FmnOptions extends NormDescentOptions {
  /** Length of the first step in L2; it falls to a hundredth along a cosine. 1 in the paper. */
  readonly firstStep: number;
  /** Factor by which ε changes in the first and in the last step, γ; 0.05 and 0.001 in the paper. */
  readonly firstGamma: number;
  readonly lastGamma: number;
}

/** Share by which the estimated distance of the boundary is exceeded. */
const overshoot = 1e-4;

/**
 * Fast minimum norm (Pintor, Roli, Brendel and Biggio 2021, "Fast minimum-norm adversarial attacks through adaptive
 * norm constraints", algorithm 1), in L∞, L2, L1 or L0: a step along the unit gradient of the margin, projected onto the
 * ball of radius ε around the original. Until a point is misclassified, ε is the estimated distance of the boundary,
 * ‖δ‖ + |m| / ‖∇m‖ with the dual norm; after that it is multiplied by 1 − γ after a misclassified point, but is at
 * most the smallest distance found, and by 1 + γ after any other. The estimate is exceeded by a ten-thousandth, because
 * on a linear model it would end on the boundary itself.
 *
 * In L0, ε is the number of values that may differ from the original, 1 at first. It falls by γ, and at least by 1, after
 * a misclassified point, and rises in the same way after any other.
 */
export function fmn(options: FmnOptions): Attack {
  const { norm, steps, firstStep, firstGamma, lastGamma } = options;
  const cosine = (step: number): number => (1 + Math.cos((Math.PI * step) / steps)) / 2;
  return normDescent(
    {
      loss: 'margin',
      firstEpsilon: norm === 'l0' ? 1 : Infinity,
      epsilonAfter: ({ step, gradient, margin, isReached, hasFound, distance, bestDistance, epsilon }) => {
        const gamma = lastGamma + (firstGamma - lastGamma) * cosine(step);
        if (norm === 'l0') {
          return isReached
            ? Math.max(1, Math.min(epsilon - 1, Math.floor(epsilon * (1 - gamma)), bestDistance))
            : Math.max(epsilon + 1, Math.floor(epsilon * (1 + gamma)));
        }
        if (isReached) return Math.min(epsilon * (1 - gamma), bestDistance);
        if (hasFound) return epsilon * (1 + gamma);
        const estimate = distance + Math.abs(margin) / Math.max(lengthOf(gradient, dualNorm[norm]), 1e-12);
        return estimate * (1 + overshoot);
      },
      move: (image, { step, original, gradient }, epsilon) => {
        const length = firstStep * (0.01 + 0.99 * cosine(step));
        const factor = length / Math.max(lengthOf(gradient, 'l2'), 1e-12);
        const delta = Float64Array.from(image, (pixel, at) => pixel - original[at]! + factor * gradient[at]!);
        shrink(delta, epsilon, norm);
        for (let at = 0; at < image.length; at++) image[at] = original[at]! + delta[at]!;
      },
    },
    options,
  );
}

/** Moves a vector in place to the nearest point of the ball of radius `epsilon` around 0. */
export function shrink(delta: Float64Array, epsilon: number, norm: Measure): void {
  if (lengthOf(delta, norm) <= epsilon) return;
  if (norm === 'l0') {
    keepLargest(delta, epsilon);
    return;
  }
  if (norm === 'linf') {
    for (let at = 0; at < delta.length; at++) delta[at] = Math.min(epsilon, Math.max(-epsilon, delta[at]!));
    return;
  }
  if (norm === 'l2') {
    const factor = epsilon / lengthOf(delta, 'l2');
    for (let at = 0; at < delta.length; at++) delta[at]! *= factor;
    return;
  }
  const threshold = softThreshold(delta, epsilon);
  for (let at = 0; at < delta.length; at++)
    delta[at] = Math.sign(delta[at]!) * Math.max(0, Math.abs(delta[at]!) - threshold);
}

/**
 * The θ with Σ max(|δ_i| − θ, 0) = ε. The sum is convex and piecewise linear in θ, so Newton's method from 0 reaches
 * it from below in finitely many steps.
 */
function softThreshold(delta: Float64Array, epsilon: number): number {
  let threshold = 0;
  for (let round = 0; round <= delta.length; round++) {
    let sum = 0;
    let count = 0;
    for (const value of delta) {
      if (Math.abs(value) <= threshold) continue;
      sum += Math.abs(value);
      count++;
    }
    const next = (sum - epsilon) / Math.max(1, count);
    if (!(next > threshold)) break;
    threshold = next;
  }
  return threshold;
}

/** Sets all but the `count` largest values to 0; of equal ones the first are kept. */
function keepLargest(delta: Float64Array, count: number): void {
  const sizes = delta.map(Math.abs).sort();
  const least = sizes[sizes.length - count]!;
  let spare = count - sizes.reduce((larger, size) => larger + (size > least ? 1 : 0), 0);
  for (let at = 0; at < delta.length; at++) {
    const size = Math.abs(delta[at]!);
    if (size > least || (size === least && spare-- > 0)) continue;
    delta[at] = 0;
  }
}
