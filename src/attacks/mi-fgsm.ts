import type { Attack } from './attack.ts';
import { type PgdOptions, pgd } from './pgd.ts';
import { momentum } from './step-rules.ts';

export interface MomentumFgsmOptions extends Omit<
  PgdOptions,
  'norm' | 'stepSize' | 'rule' | 'randomStart' | 'restarts' | 'stopEarly'
> {
  /** Factor μ on the accumulated gradient; 1 in the paper. */
  readonly decay: number;
}

/**
 * Momentum iterative FGSM (Dong et al. 2018, "Boosting adversarial attacks with momentum", algorithm 1): m ←
 * μ m + ∇ₓℓ / ‖∇ₓℓ‖₁ and x ← clip(x + (ε / steps) sign m, 0, 1), which stays in the L∞ ball of radius ε. The
 * strength is ε.
 */
export function momentumFgsm({ decay, ...options }: MomentumFgsmOptions): Attack {
  return pgd({
    ...options,
    norm: 'linf',
    rule: momentum(decay),
    stepSize: { relative: 1 / options.steps },
    randomStart: false,
    restarts: 1,
    stopEarly: false,
  });
}
