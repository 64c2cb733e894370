import { Type } from '@sinclair/typebox';
import { attackStage } from './shared/attack-stage.ts';
import { goalOptions, goalParameters, linfBallStrength } from './shared/goal.ts';

/** Momentum iterative FGSM (Dong et al. 2018). */
export const miFgsmStage = attackStage({
  uses: 'attack/mi-fgsm',
  version: 3,
  summary: 'Momentum iterative FGSM: steps along the sign of the accumulated gradient, which transfer better',
  strength: linfBallStrength,
  with: {
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 10_000,
      default: 10,
      description: 'steps of epsilon / steps',
    }),
    decay: Type.Number({
      unit: 'factor',
      minimum: 0,
      maximum: 10,
      default: 1,
      description: 'factor on the accumulated gradient',
    }),
    ...goalParameters,
  },
  example: { epsilon: 8 / 255, steps: 5 },
  draws: false,
  attack: async ({ steps, decay, ...params }, seed) => {
    const { momentumFgsm } = await import('../../attacks/mi-fgsm.ts');
    return momentumFgsm({ ...goalOptions(params, seed), steps, decay });
  },
});
