import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { targetedParameter } from './shared/goal.ts';
import { foundScale } from './shared/minimum-norm.ts';

/** Decoupled direction and norm (Rony et al. 2019). */
export const ddnStage = attackStage({
  uses: 'attack/ddn',
  version: 1,
  summary:
    'Decoupled direction and norm: the smallest L2 perturbation, whose norm shrinks and grows step by step',
  strength: foundScale,
  with: {
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'points that are visited',
    }),
    gamma: Type.Number({
      unit: 'share',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.05,
      description: 'share by which the norm changes in a step',
    }),
    firstNorm: Type.Number({
      unit: 'pixel value',
      exclusiveMinimum: 0,
      default: 1,
      description: 'norm of the first perturbation, in units of [0, 1] pixels of the whole image',
    }),
    levels: Type.Optional(
      Type.Integer({
        unit: 'levels',
        minimum: 2,
        maximum: 65_536,
        description: 'levels per channel to which the points are rounded; 256 in the paper, none if absent',
      }),
    ),
    ...targetedParameter,
  },
  example: { steps: 20 },
  prepares: () => ({ what: 'direction' }),
  attack: async (params, seed) => {
    const { ddn } = await import('../../attacks/ddn.ts');
    const { steps, gamma, firstNorm, levels, targeted } = params;
    return ddn({
      steps,
      gamma,
      firstNorm,
      seed,
      ...(levels !== undefined && { levels }),
      ...(targeted !== undefined && { targeted }),
    });
  },
});
