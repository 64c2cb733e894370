import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { ballNormParameter, ballStrength, goalOptions, goalParameters } from './shared/goal.ts';

/** Step sizes of the libraries, if the user gives none. */
const stepSizes = {
  foolbox: { linf: { relative: 0.01 / 0.3 }, l2: { relative: 0.025 } },
  torchattacks: { linf: { absolute: 2 / 255 }, l2: { absolute: 0.2 } },
} as const;

/** Projected gradient descent (Madry et al. 2018). */
export const pgdStage = attackStage({
  uses: 'attack/pgd',
  version: 4,
  versionWith: ({ norm }) => (norm === 'l2' ? 5 : undefined),
  summary: 'Projected gradient descent in an L∞ or L2 ball, from random starts',
  strength: ballStrength,
  presets:
    'foolbox, torchattacks, fb: gradient rounded as PyTorch does; if no stepSize is given: foolbox 0.0333 × epsilon (L2 0.025 × epsilon), torchattacks 2/255 (L2 0.2)',
  with: {
    ...ballNormParameter,
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 40,
      description: 'steps of a run',
    }),
    stepSize: Type.Optional(
      Type.Number({
        unit: 'pixel value',
        exclusiveMinimum: 0,
        description: 'length of a step in the norm; 2.5 × epsilon / steps if absent',
      }),
    ),
    randomStart: Type.Boolean({
      default: true,
      description: 'start at a uniform draw from the ball, instead of at the original',
    }),
    restarts: Type.Integer({
      unit: 'runs',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'runs from different starts; an image that has been misclassified is not run again',
    }),
    stopEarly: Type.Boolean({
      default: false,
      description: 'end an image as soon as it is misclassified (or reaches its target)',
    }),
    ...goalParameters,
  },
  example: { epsilon: 8 / 255, steps: 10 },
  draws: ({ randomStart }) => randomStart,
  goFartherBy: ({ stopEarly }) => (stopEarly ? 'set stopEarly: false' : undefined),
  attack: async (params, seed) => {
    const { pgd } = await import('../../attacks/pgd.ts');
    const { norm, steps, stepSize, randomStart, restarts, stopEarly, like } = params;
    const library = like === 'foolbox' || like === 'torchattacks' ? stepSizes[like][norm] : undefined;
    return pgd({
      ...goalOptions(params, seed),
      norm,
      steps,
      stepSize: stepSize === undefined ? (library ?? { relative: 2.5 / steps }) : { absolute: stepSize },
      randomStart,
      restarts,
      stopEarly,
    });
  },
});
