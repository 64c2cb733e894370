import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { goalOptions, goalParameters, linfBallStrength } from './shared/goal.ts';

/** The transfer attacks of the field, which combine: MI, NI, DI, TI and VMI-FGSM. */
export const transferStage = attackStage({
  uses: 'attack/transfer',
  version: 1,
  summary:
    'Iterated FGSM for networks that it does not see: momentum (MI), look-ahead (NI), input diversity (DI), smoothed gradients (TI) and variance tuning (VMI), which combine',
  strength: linfBallStrength,
  with: {
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 10_000,
      default: 10,
      description: 'number of steps',
    }),
    stepSize: Type.Optional(
      Type.Number({
        unit: 'pixel value',
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'length of a step; epsilon / steps if absent',
      }),
    ),
    decay: Type.Number({
      unit: 'factor',
      minimum: 0,
      maximum: 10,
      default: 1,
      description: 'MI: factor on the accumulated gradient; 0 for no momentum',
    }),
    nesterov: Type.Boolean({
      default: false,
      description: 'NI: take the gradient where the momentum leads, as far ahead as a step',
    }),
    diversity: Type.Number({
      unit: 'probability',
      minimum: 0,
      maximum: 1,
      default: 0,
      description:
        'DI: probability with which the image is made smaller and put somewhere on black before each gradient; 0.5 in the paper',
    }),
    smallest: Type.Number({
      unit: 'share',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.9,
      description: 'with diversity: the smallest size, as a share of the side',
    }),
    kernel: Type.Integer({
      unit: 'px',
      minimum: 1,
      maximum: 255,
      default: 1,
      description:
        'TI: side of the Gaussian kernel (of ± 3 standard deviations) that smooths the gradients, odd; 15 in the paper for sides of 299, 1 for none',
    }),
    neighbours: Type.Integer({
      unit: 'points',
      minimum: 0,
      maximum: 10_000,
      default: 0,
      description:
        'VMI: random points around the image at which each step takes a further gradient, to correct the next one; 20 in the paper, 0 for none',
    }),
    range: Type.Number({
      unit: 'multiple of epsilon',
      exclusiveMinimum: 0,
      maximum: 100,
      default: 1.5,
      description: 'with neighbours: how far away they are, as a multiple of epsilon',
    }),
    ...goalParameters,
  },
  example: { epsilon: 8 / 255, steps: 5, nesterov: true, diversity: 0.5 },
  check: ({ kernel }) =>
    kernel % 2 === 1
      ? []
      : [
          {
            path: ['kernel'],
            message: `kernel must be odd, got ${kernel}`,
            fix: `set ${kernel - 1} or ${kernel + 1}`,
          },
        ],
  draws: ({ diversity, neighbours }) => diversity > 0 || neighbours > 0,
  effort: ({ steps, neighbours }) => ({ steps: steps * (1 + neighbours), gradientsPerStep: 1 }),
  attack: async (params, seed) => {
    const { transferAttack } = await import('../../attacks/transfer.ts');
    const { steps, stepSize, decay, nesterov, diversity, smallest, kernel, neighbours, range } = params;
    return transferAttack({
      ...goalOptions(params, seed),
      steps,
      decay,
      nesterov,
      clipped: true,
      ...(stepSize !== undefined && { stepSize }),
      ...(diversity > 0 && { diversity: { probability: diversity, smallest } }),
      ...(kernel > 1 && { kernel }),
      ...(neighbours > 0 && { variance: { samples: neighbours, range } }),
    });
  },
});
