import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { targetedParameter } from './shared/goal.ts';
import { foundScale, measureParameter } from './shared/minimum-norm.ts';

/** Fast minimum norm (Pintor et al. 2021). */
export const fmnStage = attackStage({
  uses: 'attack/fmn',
  version: 1,
  summary:
    'Fast minimum norm: the smallest perturbation in L∞, L2, L1 or L0, in a ball that shrinks and grows',
  strength: foundScale,
  with: {
    ...measureParameter,
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'points that are visited',
    }),
    firstStep: Type.Number({
      unit: 'pixel value',
      exclusiveMinimum: 0,
      default: 1,
      description: 'L2 length of the first step; the last one has a hundredth of it',
    }),
    firstGamma: Type.Number({
      unit: 'share',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.05,
      description: 'share by which the radius changes in the first step',
    }),
    lastGamma: Type.Number({
      unit: 'share',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.001,
      description: 'share by which the radius changes in the last step',
    }),
    ...targetedParameter,
  },
  example: { steps: 20 },
  draws: false,
  prepares: () => ({ what: 'direction' }),
  attack: async ({ norm, steps, firstStep, firstGamma, lastGamma, targeted }, seed) => {
    const { fmn } = await import('../../attacks/fmn.ts');
    const towards = targeted === undefined ? {} : { targeted };
    return fmn({ norm, steps, firstStep, firstGamma, lastGamma, seed, ...towards });
  },
});
