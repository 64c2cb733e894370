import { Type } from '@sinclair/typebox';
import { linfProblems } from '../shared/linf-problems.ts';
import { attackStage } from './shared/attack-stage.ts';
import { goalOptions, goalParameters, randomStartParameter } from './shared/goal.ts';

/** Iterated FGSM (Kurakin et al. 2016; Guo et al. 2018, section 3: ten steps, no projection). */
export const iFgsmStage = attackStage({
  uses: 'attack/i-fgsm',
  version: 5,
  summary: 'Iterated fast gradient sign method: several small steps, each clipped to [0, 1]',
  strength: {
    name: 'stepSize',
    unit: 'pixel value',
    minimum: 0,
    maximum: 1,
    description: 'size of one step, in units of [0, 1] pixels; epsilon / steps if only epsilon is given',
  },
  presets:
    'foolbox, torchattacks, fb: gradient rounded as PyTorch does; if no stepSize is given but epsilon is: foolbox 0.2 × epsilon, torchattacks 2/255',
  with: {
    epsilon: Type.Optional(
      Type.Number({
        unit: 'pixel value',
        minimum: 0,
        maximum: 1,
        description:
          'radius of the L∞ ball around the original to which each step is projected; no ball if absent',
      }),
    ),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 10_000,
      default: 10,
      description: 'number of steps',
    }),
    ...goalParameters,
    ...randomStartParameter,
  },
  // The smallest step that can reach the edge of the ball.
  derived: {
    from: ['epsilon'],
    strength: ({ epsilon, steps, like }) => {
      if (epsilon === undefined) return undefined;
      if (like === 'foolbox') return 0.2 * epsilon;
      return like === 'torchattacks' ? 2 / 255 : epsilon / steps;
    },
  },
  check: (params) => linfProblems(params, ['epsilon', 'stepSize']),
  example: { stepSize: 2 / 255, steps: 5 },
  draws: ({ randomStart }) => randomStart > 0,
  prepares: () => ({ what: 'first-step', without: { steps: 1, epsilon: undefined } }),
  attack: async (params, seed) => {
    const { iterativeFgsm } = await import('../../attacks/i-fgsm.ts');
    const { epsilon, steps, randomStart } = params;
    const ball = epsilon === undefined ? {} : { epsilon };
    return iterativeFgsm({ ...goalOptions(params, seed), steps, randomStart, ...ball });
  },
});
