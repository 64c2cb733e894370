import type { LookAheadRule } from './gradient-steps.ts';
import { momentum, sign, type StepRule } from './step-rules.ts';

/**
 * Momentum whose gradient is taken where the momentum leads, at x + α · decay · m (Lin et al. 2020, "Nesterov
 * accelerated gradient and scale invariance for adversarial attacks", equations 6 to 8), with α the step size
 * and m as in `momentum`. `then` turns m into the step.
 */
export function nesterov(decay: number, then: StepRule = sign): LookAheadRule {
  return (size) => {
    const lookAhead = new Float32Array(size);
    const step = then(size);
    const accumulate = momentum(decay, () => (sum) => {
      for (let at = 0; at < size; at++) lookAhead[at] = decay * sum[at]!;
      step(sum);
    })(size);
    return Object.assign(accumulate, { lookAhead });
  };
}
