import type { LookAheadRule } from './gradient-steps.ts';
import { momentum, sign, type StepRule } from './step-rules.ts';

/**
 * Momentum whose gradient is taken where the momentum leads, at x + α · decay · m (Lin et al. 2020, "Nesterov
 * accelerated gradient and scale invariance for adversarial attacks", equations 6 to 8), with α the step size
 * and m as in `momentum`. `then` turns m into the step.
 *
 * m is a sum of gradients over their L1 norms, as the equation has it, so that the look-ahead is a small part of a step. With
 * `scale: 'mean'` it is one over their mean absolute values, as in the authors' code: the look-ahead is then as long as
 * a step. The steps of `sign` are the same in both.
 */
export function nesterov(
  decay: number,
  then: StepRule = sign,
  { scale = 'sum' }: { readonly scale?: 'sum' | 'mean' } = {},
): LookAheadRule {
  return (size) => {
    const lookAhead = new Float32Array(size);
    const step = then(size);
    const factor = scale === 'mean' ? decay * size : decay;
    const accumulate = momentum(decay, () => (sum) => {
      for (let at = 0; at < size; at++) lookAhead[at] = factor * sum[at]!;
      step(sum);
    })(size);
    return Object.assign(accumulate, { lookAhead });
  };
}
