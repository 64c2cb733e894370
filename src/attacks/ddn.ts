import type { Attack } from './attack.ts';
import { type DescentPoint, normDescent, type NormDescentOptions } from './norm-descent.ts';
import { lengthOf } from './norms.ts';

export interface DdnOptions extends Omit<NormDescentOptions, 'norm'> {
  /** Factor by which the norm changes in a step, γ; 0.05 in the paper. */
  readonly gamma: number;
  /** First norm; 1 in the paper. */
  readonly firstNorm: number;
  /** Levels per channel to which the points are rounded, 256 in the paper; absent for none. */
  readonly levels?: number;
}

/**
 * Decoupled direction and norm (Rony, Hafemann, Oliveira, Ben Ayed, Sabourin and Granger 2019, "Decoupling direction
 * and norm for efficient gradient-based L2 adversarial attacks and defenses", algorithm 1): the perturbation takes a
 * step of length α along the unit gradient of the cross-entropy and is then scaled to the norm ε, which is multiplied
 * by 1 − γ after a misclassified point and by 1 + γ after any other. α falls from 1 to 0.01 along a cosine. An image
 * without a gradient steps in a random direction.
 */
export function ddn(options: DdnOptions): Attack {
  const { gamma, firstNorm, levels, steps, ...others } = options;
  return normDescent(
    {
      loss: 'cross-entropy',
      firstEpsilon: firstNorm,
      epsilonAfter: ({ epsilon, isReached }) => epsilon * (isReached ? 1 - gamma : 1 + gamma),
      move: (image, point, epsilon) => {
        const alpha = 0.01 + (0.99 * (1 + Math.cos((Math.PI * point.step) / steps))) / 2;
        stepAndScale(image, point, alpha, epsilon);
      },
      ...(levels !== undefined && { levels }),
    },
    { ...others, steps, norm: 'l2' },
  );
}

/** x ← x₀ + ε d / ‖d‖₂ with d = x − x₀ + α g / ‖g‖₂. */
function stepAndScale(
  image: Float32Array,
  { original, gradient, stream }: DescentPoint,
  alpha: number,
  epsilon: number,
): void {
  let length = lengthOf(gradient, 'l2');
  if (length === 0) {
    stream.fillNormal(gradient);
    length = lengthOf(gradient, 'l2');
  }
  const delta = Float64Array.from(
    image,
    (pixel, at) => pixel - original[at]! + (alpha * gradient[at]!) / length,
  );
  const factor = epsilon / Math.max(lengthOf(delta, 'l2'), 1e-12);
  for (let at = 0; at < image.length; at++) image[at] = original[at]! + factor * delta[at]!;
}
