import { sumOfSquares } from './halving-sums.ts';

/**
 * How an iterated attack turns gradients into steps, as an optimizer does in training. A rule sees the
 * gradients of one image in turn, may remember them, and returns a step for each. Rules compose:
 * `momentum(1)` accumulates and lets `sign` make the step.
 */

/** Starts the rule for one image of `size` values. The result belongs to that image alone. */
export type StepRule = (size: number) => Stepper;

/** Replaces a gradient in place by the step to take at step size 1. A gradient of zeros adds no direction. */
export type Stepper = (gradient: Float32Array) => void;

/** sign g: a step of length 1 in L∞ (Goodfellow, Shlens and Szegedy 2015). */
export const sign: StepRule = () => (gradient) => {
  for (let at = 0; at < gradient.length; at++) gradient[at] = Math.sign(gradient[at]!);
};

/** g / ‖g‖₂: a step of length 1 in L2 (Madry et al. 2018). */
export const unitL2: StepRule = () => (gradient) => {
  const norm = Math.sqrt(sumOfSquares(gradient));
  if (norm > 0) for (let at = 0; at < gradient.length; at++) gradient[at]! /= norm;
};

/**
 * Momentum of gradients that are divided by their L1 norms: m ← decay · m + g / ‖g‖₁ (Dong et al. 2018,
 * "Boosting adversarial attacks with momentum", equation 6). `then` turns m into the step.
 */
export function momentum(decay: number, then: StepRule = sign): StepRule {
  return (size) => {
    const sum = new Float32Array(size);
    const step = then(size);
    return (gradient) => {
      const norm = gradient.reduce((total, value) => total + Math.abs(value), 0);
      const share = norm > 0 ? 1 / norm : 0;
      for (let at = 0; at < size; at++) sum[at] = decay * sum[at]! + share * gradient[at]!;
      gradient.set(sum);
      step(gradient);
    };
  };
}

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  /** Added to the square root of the second moment. */
  readonly floor?: number;
}

/** The constants of Adam's authors. */
export const adamDefaults = { beta1: 0.9, beta2: 0.999, floor: 1e-8 } as const;

/** The factor 1 / (1 − βᵗ) that corrects a moment of Adam after `steps` steps for its start at 0. */
export function unbiasing(beta: number, steps: number): number {
  return 1 / (1 - beta ** steps);
}

/**
 * m̂ / (√v̂ + floor), with m̂ and v̂ the bias-corrected moments of the gradient (Kingma and Ba 2015,
 * algorithm 1).
 */
export function adam({
  beta1 = adamDefaults.beta1,
  beta2 = adamDefaults.beta2,
  floor = adamDefaults.floor,
}: AdamOptions = {}): StepRule {
  return (size) => {
    const mean = new Float32Array(size);
    const variance = new Float32Array(size);
    let steps = 0;
    return (gradient) => {
      steps++;
      const meanShare = unbiasing(beta1, steps);
      const varianceShare = unbiasing(beta2, steps);
      for (let at = 0; at < size; at++) {
        const slope = gradient[at]!;
        mean[at] = beta1 * mean[at]! + (1 - beta1) * slope;
        variance[at] = beta2 * variance[at]! + (1 - beta2) * slope * slope;
        gradient[at] = (mean[at]! * meanShare) / (Math.sqrt(variance[at]! * varianceShare) + floor);
      }
    };
  };
}
