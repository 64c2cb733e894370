import { Type } from '@sinclair/typebox';
import { apgdLosses, apgdTargets, runsOf } from './shared/apgd-parameters.ts';
import { attackStage } from './shared/attack-stage.ts';
import { anyBallNormParameter, ballStrength } from './shared/goal.ts';

/** Auto-PGD (Croce and Hein 2020). */
export const apgdStage = attackStage({
  uses: 'attack/apgd',
  version: 1,
  versionWith: ({ norm }) => (norm === 'l2' ? 2 : undefined),
  summary: 'Auto-PGD: ascent in an L∞, L2 or L1 ball that chooses its own step sizes',
  strength: ballStrength,
  with: {
    ...anyBallNormParameter,
    loss: Type.Union(apgdLosses, {
      default: 'cross-entropy',
      description:
        'loss to maximise: cross-entropy, the margin max Z_k − Z_y, the difference-of-logits ratio (at least 3 classes), or that ratio towards one wrong class after another (at least 4 classes)',
    }),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'steps of a run; the checkpoints at which the step may be halved follow from them',
    }),
    restarts: Type.Integer({
      unit: 'runs',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description:
        'runs from different starts (for each target); an image that has been misclassified is not run again',
    }),
    targets: apgdTargets,
    largerEpsilons: Type.Boolean({
      default: false,
      description:
        'in L1: spend 30 % of the steps in a ball of three times the radius and 30 % in one of twice the radius first, as AutoAttack does',
    }),
    stopEarly: Type.Boolean({
      default: true,
      description:
        'end an image as soon as it is misclassified; otherwise the result is the point with the highest loss of all runs',
    }),
  },
  example: { epsilon: 8 / 255, steps: 10 },
  check: ({ norm, largerEpsilons }) =>
    largerEpsilons && norm !== 'l1'
      ? [
          {
            path: ['largerEpsilons'],
            message: `largerEpsilons is for norm l1, but the norm is ${norm}`,
            fix: 'remove largerEpsilons, or set norm: l1',
          },
        ]
      : [],
  effort: (params, classes) => ({
    steps: (params.steps + 1) * runsOf(params, classes),
    gradientsPerStep: 1,
  }),
  goFartherBy: ({ stopEarly }) => (stopEarly ? 'set stopEarly: false' : undefined),
  attack: async (params, seed) => {
    const { apgd } = await import('../../attacks/apgd.ts');
    return apgd({ ...params, seed });
  },
});
