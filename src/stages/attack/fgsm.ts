import { attackStage } from './shared/attack-stage.ts';
import { goalOptions, goalParameters, randomStartParameter } from './shared/goal.ts';

/** Fast gradient sign method (Goodfellow et al. 2015; Guo et al. 2018, section 3). */
export const fgsmStage = attackStage({
  uses: 'attack/fgsm',
  version: 4,
  summary: 'Fast gradient sign method: one step of size epsilon along the sign of the loss gradient',
  strength: {
    name: 'epsilon',
    unit: 'pixel value',
    minimum: 0,
    maximum: 1,
    description: 'size of the step, in units of [0, 1] pixels (such as 8/255)',
  },
  presets:
    'foolbox, torchattacks, fb: the gradient of the cross-entropy rounded as PyTorch does (softmax − 1 in float32)',
  with: { ...goalParameters, ...randomStartParameter },
  example: { epsilon: 8 / 255 },
  draws: ({ randomStart }) => randomStart > 0,
  prepares: ({ randomStart }) => ({ what: randomStart > 0 ? 'first-step' : 'direction' }),
  attack: async (params, seed) => {
    const { fgsm } = await import('../../attacks/fgsm.ts');
    return fgsm({ ...goalOptions(params, seed), randomStart: params.randomStart });
  },
});
