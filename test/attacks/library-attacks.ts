/** The attacks of test/reference/attacks.py, as the stages set them up for `like:`. */
import type { Attack } from '../../src/attacks/attack.ts';
import { carliniWagner, type CarliniWagnerOptions } from '../../src/attacks/cw-l2.ts';
import { deepFool } from '../../src/attacks/deepfool.ts';
import { fgsm } from '../../src/attacks/fgsm.ts';
import { iterativeFgsm } from '../../src/attacks/i-fgsm.ts';

interface AtKnob {
  readonly attack: Attack;
  readonly knob: number;
}

const goal = { loss: 'cross-entropy', rounded: true, seed: [1, 2] } as const;

const gradientAttacks = {
  fgsm: { attack: fgsm({ ...goal, randomStart: 0 }), knob: 8 / 255 },
  bim: {
    attack: iterativeFgsm({ ...goal, randomStart: 0, steps: 10, epsilon: 8 / 255 }),
    knob: 2 / 255,
  },
} as const;

const cw: Omit<CarliniWagnerOptions, 'shrink' | 'stopAbove'> = {
  kappa: 0,
  lambda: 10,
  steps: 100,
  learningRate: 0.001,
  variable: 'tanh',
  searchSteps: 1,
  keep: 'best',
  otherwise: 'original',
  seed: [1, 2],
};

export const libraryAttacks = {
  foolbox: {
    ...gradientAttacks,
    deepfool: {
      attack: deepFool({
        steps: 50,
        candidates: 10,
        cumulative: true,
        minimumDistance: 0,
        addedDistance: 1e-4,
      }),
      knob: 1.02,
    },
    'cw-l2': { attack: carliniWagner({ ...cw, shrink: 0.999999, stopAbove: 0.9999 }), knob: 1 },
  },
  torchattacks: {
    ...gradientAttacks,
    deepfool: {
      attack: deepFool({
        steps: 50,
        candidates: 'all',
        cumulative: false,
        minimumDistance: 0,
        addedDistance: 0,
      }),
      knob: 1.02,
    },
    'cw-l2': { attack: carliniWagner({ ...cw, shrink: 1, stopAbove: 1 }), knob: 1 },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, AtKnob>>>>;
