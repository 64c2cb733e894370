import { apgd, type ApgdOptions } from '../../src/attacks/apgd.ts';
import { apgdMinimal, type ApgdMinimalOptions } from '../../src/attacks/apgd-minimal.ts';
import type { Attack } from '../../src/attacks/attack.ts';
import { autoAttack, type AutoAttackOptions, members } from '../../src/attacks/auto-attack.ts';
import { carliniWagner, type CarliniWagnerOptions } from '../../src/attacks/cw-l2.ts';
import { ddn, type DdnOptions } from '../../src/attacks/ddn.ts';
import { deepFool, type DeepFoolOptions } from '../../src/attacks/deepfool.ts';
import { fab, type FabOptions } from '../../src/attacks/fab.ts';
import { fmn, type FmnOptions } from '../../src/attacks/fmn.ts';
import { hopSkipJump, type HopSkipJumpOptions } from '../../src/attacks/hop-skip-jump.ts';
import { adaptiveAscent } from '../../src/attacks/adaptive.ts';
import { momentumFgsm } from '../../src/attacks/mi-fgsm.ts';
import { noise } from '../../src/attacks/noise.ts';
import { pgd, type PgdOptions } from '../../src/attacks/pgd.ts';
import { spsa, type SpsaOptions } from '../../src/attacks/spsa.ts';
import { square, type SquareOptions } from '../../src/attacks/square.ts';
import { transferAttack, type TransferOptions } from '../../src/attacks/transfer.ts';
import { iterated, plainFgsm, plainGoal } from './plain-attacks.ts';

const seed = [1, 2] as const;

export function deepFoolWith(options: Partial<DeepFoolOptions> = {}): Attack {
  return deepFool({
    steps: 5,
    candidates: 'all',
    minimumDistance: 1e-4,
    addedDistance: 0,
    cumulative: false,
    seed,
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

export function apgdWith(options: Partial<ApgdOptions> = {}): Attack {
  return apgd({
    norm: 'linf',
    loss: 'cross-entropy',
    steps: 12,
    restarts: 1,
    targets: 9,
    stopEarly: true,
    seed,
    ...options,
  });
}

export function apgdMinimalWith(options: Partial<ApgdMinimalOptions> = {}): Attack {
  return apgdMinimal({
    norm: 'l2',
    loss: 'margin',
    steps: 8,
    searchSteps: 5,
    firstRadius: 0.5,
    restarts: 1,
    targets: 9,
    seed,
    ...options,
  });
}

export function squareWith(options: Partial<SquareOptions> = {}): Attack {
  return square({ norm: 'linf', queries: 30, initialShare: 0.8, restarts: 1, seed, ...options });
}

export function fabWith(options: Partial<FabOptions> = {}): Attack {
  return fab({
    norm: 'linf',
    steps: 8,
    targets: null,
    restarts: 1,
    startRadius: 0.3,
    alphaMax: 0.1,
    overshoot: 1.05,
    backStep: 0.9,
    seed,
    ...options,
  });
}

export function autoAttackWith(options: Partial<AutoAttackOptions> = {}): Attack {
  const attacks = members(1, 'apgd-ce', 'apgd-t', 'fab-t', 'square');
  return autoAttack({
    norm: 'linf',
    members: attacks,
    steps: 6,
    targets: 3,
    queries: 15,
    draws: 4,
    seed,
    ...options,
  });
}

export function ddnWith(options: Partial<DdnOptions> = {}): Attack {
  return ddn({ steps: 12, gamma: 0.05, firstNorm: 1, seed, ...options });
}

export function fmnWith(options: Partial<FmnOptions> = {}): Attack {
  return fmn({ norm: 'l2', steps: 12, firstStep: 1, firstGamma: 0.05, lastGamma: 0.001, seed, ...options });
}

export function transferWith(options: Partial<TransferOptions> = {}): Attack {
  return transferAttack({ ...plainGoal, steps: 4, decay: 1, nesterov: false, clipped: true, ...options });
}

export function spsaWith(options: Partial<SpsaOptions> = {}): Attack {
  return spsa({
    ...plainGoal,
    loss: 'margin',
    directions: 'signs',
    samples: 6,
    delta: 0.01,
    learningRate: 0.05,
    steps: 6,
    stopEarly: false,
    ...options,
  });
}

export function hopSkipJumpWith(options: Partial<HopSkipJumpOptions> = {}): Attack {
  return hopSkipJump({
    norm: 'l2',
    steps: 3,
    firstSamples: 12,
    mostSamples: 20,
    starts: 30,
    seed,
    ...options,
  });
}

/** All ideas of transfer attacks together. */
export const everyIdea = {
  nesterov: true,
  diversity: { probability: 0.7, smallest: 0.5 },
  kernel: 3,
  variance: { samples: 2, range: 1.5 },
} as const;

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
  ['apgd', apgdWith({ restarts: 2 }), 0.05],
  ['apgd in L2', apgdWith({ norm: 'l2', loss: 'targeted-dlr', stopEarly: false }), 0.5],
  ['apgd in L1', apgdWith({ norm: 'l1', steps: 12, largerEpsilons: true, restarts: 2 }), 2],
  ['minimal apgd', apgdMinimalWith(), 1.5],
  ['square in L1', squareWith({ norm: 'l1', rescaled: true }), 3],
  ['deepfool to a class', deepFoolWith({ targeted: 'random' }), 1.02],
  ['cw-l2 in a ball', carliniWagnerWith({ steps: 12, learningRate: 0.05, radius: 0.3 }), 1],
  ['ddn to a class', ddnWith({ targeted: 'random' }), 1.5],
  ['fmn in L0', fmnWith({ norm: 'l0' }), 1.5],
  ['fmn to a random class', fmnWith({ norm: 'l1', targeted: 'random' }), 1.5],
  ['square', squareWith({ restarts: 2 }), 0.1],
  ['square in L2', squareWith({ norm: 'l2' }), 1],
  ['fab', fabWith({ restarts: 2 }), 1.5],
  ['fab-t in L2', fabWith({ norm: 'l2', targets: 3 }), 1.5],
  ['ddn', ddnWith({ levels: 256 }), 1.5],
  ['fmn', fmnWith(), 1.5],
  ['fmn in L∞', fmnWith({ norm: 'linf', steps: 10 }), 1.5],
  ['auto-attack', autoAttackWith(), 0.05],
  ['mi-fgsm', momentumFgsm({ ...plainGoal, steps: 5, decay: 1 }), 0.05],
  ['adaptive', adaptiveAscent({ ...plainGoal, steps: 5, learningRate: 0.1 }), 0.1],
  ['transfer', transferWith(everyIdea), 0.05],
  ['spsa', spsaWith(), 0.05],
  ['spsa like nes', spsaWith({ directions: 'normal' }), 0.05],
  ['hop-skip-jump', hopSkipJumpWith(), 1],
  ['hop-skip-jump in L∞', hopSkipJumpWith({ norm: 'linf' }), 1],
  ['hop-skip-jump to a class', hopSkipJumpWith({ targeted: 'random' }), 1],
  ['noise', noise({ distribution: 'gaussian', seed }), 0.1],
  ['uniform noise', noise({ distribution: 'uniform', seed }), 0.1],
];
