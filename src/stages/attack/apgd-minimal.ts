import { Type } from '@sinclair/typebox';
import { apgdLosses, apgdTargets, runsOf } from './shared/apgd-parameters.ts';
import { attackStage } from './shared/attack-stage.ts';
import { anyBallNormParameter } from './shared/goal.ts';
import { foundScale } from './shared/minimum-norm.ts';

/** APGD (Croce and Hein 2020) with a search over the radius of its ball. */
export const apgdMinimalStage = attackStage({
  uses: 'attack/apgd-minimal',
  version: 1,
  versionWith: ({ norm }) => (norm === 'l2' ? 2 : undefined),
  summary: 'APGD by search: the smallest ball in which APGD misclassifies an image, by bisection',
  strength: foundScale,
  with: {
    ...anyBallNormParameter,
    loss: Type.Union(apgdLosses, { default: 'dlr', description: 'loss to maximise, as in attack/apgd' }),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'steps of a run',
    }),
    searchSteps: Type.Integer({
      unit: 'radii',
      minimum: 1,
      maximum: 100,
      default: 12,
      description: 'radii that are tried for each image: doubled until one succeeds, then bisected',
    }),
    firstRadius: Type.Optional(
      Type.Number({
        unit: 'pixel value',
        exclusiveMinimum: 0,
        description: 'the first radius that is tried; 8/255 in L∞, 1 in L2 and 12 in L1 if absent',
      }),
    ),
    restarts: Type.Integer({
      unit: 'runs',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'runs from different starts at each radius (for each target)',
    }),
    targets: apgdTargets,
  },
  example: { steps: 10, searchSteps: 4 },
  prepares: () => ({ what: 'direction' }),
  // A run that succeeds ends after a few steps; about half of the runs fail.
  effort: (params, classes) => ({
    steps: (params.steps * runsOf(params, classes) * params.searchSteps) / 2,
    gradientsPerStep: 1,
  }),
  attack: async ({ firstRadius, ...params }, seed) => {
    const { apgdMinimal } = await import('../../attacks/apgd-minimal.ts');
    const first = firstRadius ?? { linf: 8 / 255, l2: 1, l1: 12 }[params.norm];
    return apgdMinimal({ ...params, firstRadius: first, seed });
  },
});
