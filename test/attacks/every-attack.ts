import type { Attack } from '../../src/attacks/attack.ts';
import { carliniWagner, type CarliniWagnerOptions } from '../../src/attacks/cw-l2.ts';
import { deepFool, type DeepFoolOptions } from '../../src/attacks/deepfool.ts';
import { noise } from '../../src/attacks/noise.ts';
import { pgd, type PgdOptions } from '../../src/attacks/pgd.ts';
import { iterated, plainFgsm, plainGoal } from './plain-attacks.ts';

const seed = [1, 2] as const;

export function deepFoolWith(options: Partial<DeepFoolOptions> = {}): Attack {
  return deepFool({
    steps: 5,
    candidates: 'all',
    minimumDistance: 1e-4,
    addedDistance: 0,
    cumulative: false,
    ...options,
  });
}

export function carliniWagnerWith(options: Partial<CarliniWagnerOptions> = {}): Attack {
  return carliniWagner({
    kappa: 0,
    lambda: 10,
    steps: 100,
    learningRate: 0.001,
    variable: 'clip',
    shrink: 0.999999,
    searchSteps: 1,
    keep: 'best',
    otherwise: 'last',
    seed,
    ...options,
  });
}

export function pgdWith(options: Partial<PgdOptions> = {}): Attack {
  return pgd({
    ...plainGoal,
    norm: 'linf',
    steps: 10,
    stepSize: { relative: 0.25 },
    randomStart: true,
    restarts: 1,
    stopEarly: false,
    ...options,
  });
}

/** Each attack in a small form, with a strength for it. */
export const everyAttack: readonly (readonly [name: string, attack: Attack, strength: number])[] = [
  ['fgsm', plainFgsm, 0.1],
  ['i-fgsm', iterated({ steps: 4, epsilon: 0.1, randomStart: 0.05 }), 0.04],
  ['deepfool', deepFoolWith(), 1.02],
  ['deepfool like foolbox', deepFoolWith({ candidates: 3, addedDistance: 1e-4, cumulative: true }), 1.02],
  ['cw-l2', carliniWagnerWith({ steps: 12, learningRate: 0.01 }), 1.5],
  [
    'cw-l2 with search',
    carliniWagnerWith({
      steps: 10,
      learningRate: 0.02,
      lambda: 0.1,
      searchSteps: 3,
      stopAbove: 0.9999,
      variable: 'tanh',
    }),
    1,
  ],
  ['pgd', pgdWith({ restarts: 2 }), 0.05],
  ['pgd in L2, stopping early', pgdWith({ norm: 'l2', stopEarly: true, loss: 'dlr' }), 0.5],
  ['noise', noise({ distribution: 'gaussian', seed }), 0.1],
  ['uniform noise', noise({ distribution: 'uniform', seed }), 0.1],
];
