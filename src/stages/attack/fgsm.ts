import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { attackShard, checkStrength, targetParameters } from './strength.ts';

/** Fast gradient sign method (Goodfellow et al. 2015; Guo et al. 2018, section 3). */
export const fgsm = defineStage({
  uses: 'attack/fgsm',
  version: 1,
  summary: 'Fast gradient sign method: one step of size epsilon along the sign of the loss gradient',
  with: Type.Object(
    {
      epsilon: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 1,
          description: 'size of the step, in units of [0, 1] pixels (8/255 say)',
        }),
      ),
      ...targetParameters,
    },
    { additionalProperties: false },
  ),
  in: {
    model: port('model', { description: 'the model whose gradient is followed' }),
    images: port('images', { description: 'originals, with their true labels' }),
  },
  out: {
    images: port('images', { description: 'float32 adversarial images in [0, 1], with their perturbation' }),
  },
  shard: attackShard,
  device: true,
  check: (params) => checkStrength(params, ['epsilon']),
  run: async (context) => {
    const { runFgsm } = await import('./run-fgsm.ts');
    return { images: await runFgsm(context) };
  },
});
