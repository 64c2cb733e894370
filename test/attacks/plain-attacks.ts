import type { Attack } from '../../src/attacks/attack.ts';
import { fgsm } from '../../src/attacks/fgsm.ts';
import { iterativeFgsm, type IterativeFgsmOptions } from '../../src/attacks/i-fgsm.ts';

/** The goal of an untargeted attack on the cross-entropy. */
export const plainGoal = { loss: 'cross-entropy', seed: [1, 2] } as const;

export const plainFgsm: Attack = fgsm({ ...plainGoal, randomStart: 0 });

export function iterated(options: Partial<IterativeFgsmOptions>): Attack {
  return iterativeFgsm({ ...plainGoal, steps: 10, randomStart: 0, ...options });
}
