import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { distanceNormParameter, foundScale } from './shared/minimum-norm.ts';

/** The fast adaptive boundary attack (Croce and Hein 2020). */
export const fabStage = attackStage({
  uses: 'attack/fab',
  version: 1,
  summary:
    'Fast adaptive boundary attack: the smallest perturbation in L∞, L2 or L1, by projections onto boundaries',
  strength: foundScale,
  with: {
    ...distanceNormParameter,
    targeted: Type.Boolean({
      default: false,
      description:
        'FAB-T: go to the boundaries of the most likely wrong classes one after another, which takes one gradient in a step; otherwise to the nearest of all boundaries, which takes one for each class',
    }),
    targets: Type.Integer({
      unit: 'classes',
      minimum: 1,
      maximum: 1000,
      default: 9,
      description: 'with targeted: wrong classes to go to, from the most likely one at the original',
    }),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'steps of a run',
    }),
    restarts: Type.Integer({
      unit: 'runs',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'runs (for each target): the first from the original, the others from random points',
    }),
    startRadius: Type.Optional(
      Type.Number({
        unit: 'pixel value',
        exclusiveMinimum: 0,
        description:
          'random starts are at half this distance, or at half the distance found so far; 0.3 in L∞, 1 in L2 and 5 in L1 if absent',
      }),
    ),
    alphaMax: Type.Number({
      unit: 'share',
      minimum: 0,
      maximum: 1,
      default: 0.1,
      description: 'largest weight of the original in a step',
    }),
    overshoot: Type.Number({
      unit: 'factor',
      minimum: 1,
      maximum: 10,
      default: 1.05,
      description: 'factor on the steps to a boundary',
    }),
    backStep: Type.Number({
      unit: 'share',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.9,
      description: 'share of the perturbation that is kept after a misclassified point',
    }),
  },
  example: { steps: 10 },
  draws: ({ restarts }) => restarts > 1,
  prepares: () => ({ what: 'direction' }),
  effort: ({ steps, restarts, targeted, targets }, classes) => {
    const each = targeted ? Math.min(targets, Math.max(1, classes - 1)) : 1;
    return { steps: steps * restarts * each, gradientsPerStep: targeted ? 4 / 3 : (1 + classes) / 2 };
  },
  attack: async (params, seed) => {
    const { fab } = await import('../../attacks/fab.ts');
    const { targeted, targets, startRadius, ...others } = params;
    const radius = startRadius ?? { linf: 0.3, l2: 1, l1: 5 }[params.norm];
    return fab({ ...others, targets: targeted ? targets : null, startRadius: radius, seed });
  },
});
