import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { attackShard, checkStrength, targetParameters } from './strength.ts';

/** Iterated FGSM (Kurakin et al. 2016; Guo et al. 2018, section 3: ten steps, no projection). */
export const iFgsm = defineStage({
  uses: 'attack/i-fgsm',
  version: 1,
  summary: 'Iterated fast gradient sign method: several small steps, each clipped to [0, 1]',
  with: Type.Object(
    {
      stepSize: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 1,
          description:
            'size of one step, in units of [0, 1] pixels; epsilon / steps where only epsilon is given',
        }),
      ),
      epsilon: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 1,
          description:
            'radius of the L∞ ball around the original to which each step is projected; no ball where absent',
        }),
      ),
      steps: Type.Integer({ minimum: 1, maximum: 10_000, default: 10, description: 'number of steps' }),
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
  check: (params) => checkStrength(params, ['stepSize', 'epsilon']),
  run: async (context) => {
    const { runIterativeFgsm } = await import('./run-i-fgsm.ts');
    return { images: await runIterativeFgsm(context) };
  },
});
