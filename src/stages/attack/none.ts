import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { targetPorts, throughPort } from './target.ts';

/** No attack: the originals, in the form of the attacks beside it. */
export const noAttack = defineStage({
  uses: 'attack/none',
  version: 1,
  summary: 'No attack: the originals with a perturbation of zero and the classes that the model gives them',
  with: Type.Object({}, { additionalProperties: false }),
  in: { ...targetPorts, through: throughPort },
  out: {
    images: port('images', { description: 'the originals as float32 in [0, 1]' }),
  },
  shard: 'images',
  device: true,
  run: async (context) => {
    const { runAttack } = await import('./run-attack.ts');
    const strength = { space: 'pixel', per: 'set', tolerance: 0.01 } as const;
    const params = { ...strength, eot: 1, average: 'logits', backward: 'identity' } as const;
    const { identityAttack } = await import('../../attacks/attack.ts');
    return {
      images: await runAttack(
        { ...context, params },
        { uses: 'attack/none', name: 'strength', value: 0 },
        identityAttack,
      ),
    };
  },
});
