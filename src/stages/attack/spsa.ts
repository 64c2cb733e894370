import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { goalOptions, goalParameters, linfBallStrength } from './shared/goal.ts';

/** SPSA (Uesato et al. 2018) and NES (Ilyas et al. 2018). */
export const spsaStage = attackStage({
  uses: 'attack/spsa',
  version: 1,
  summary: 'SPSA or NES: ascent in an L∞ ball along gradients that are estimated from logits alone',
  strength: linfBallStrength,
  with: {
    estimator: Type.Union([Type.Literal('spsa'), Type.Literal('nes')], {
      default: 'spsa',
      description:
        'spsa: random signs as directions, and steps of Adam; nes: normal directions, and steps along the sign',
    }),
    samples: Type.Integer({
      unit: 'directions',
      minimum: 1,
      maximum: 1_000_000,
      default: 128,
      description: 'directions for each estimate; each costs two queries',
    }),
    delta: Type.Number({
      unit: 'pixel value',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.01,
      description:
        'how far from the image the loss is queried; a defense that rounds needs more than what it rounds to',
    }),
    learningRate: Type.Number({
      unit: 'pixel value',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.01,
      description: 'length of a step in each pixel',
    }),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'number of steps',
    }),
    stopEarly: Type.Boolean({
      default: true,
      description: 'end an image as soon as it is misclassified (or reaches its target)',
    }),
    ...goalParameters,
    loss: { ...goalParameters.loss, default: 'margin' },
  },
  example: { epsilon: 8 / 255, steps: 3, samples: 8, learningRate: 0.1 },
  // A forward pass costs about a third of a gradient.
  effort: ({ steps, samples }) => ({ steps: steps * (2 * samples + 1), gradientsPerStep: 1 / 3 }),
  attack: async (params, seed) => {
    const { spsa } = await import('../../attacks/spsa.ts');
    const { estimator, samples, delta, learningRate, steps, stopEarly } = params;
    const directions = estimator === 'nes' ? 'normal' : 'signs';
    return spsa({ ...goalOptions(params, seed), directions, samples, delta, learningRate, steps, stopEarly });
  },
});
