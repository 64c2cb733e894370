import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';

/** No attack: the originals, in the form of the attacks beside it. */
export const noAttack = defineStage({
  uses: 'attack/none',
  version: 1,
  summary: 'No attack: the originals with a perturbation of zero and the classes that the model gives them',
  with: Type.Object({}, { additionalProperties: false }),
  in: {
    model: port('model', { description: 'the model that classifies the originals' }),
    images: port('images', { description: 'originals, with their true labels' }),
  },
  out: {
    images: port('images', { description: 'the originals as float32 in [0, 1]' }),
  },
  shard: 'images',
  device: true,
  run: async (context) => {
    const { runAttack } = await import('./run-attack.ts');
    const params = { space: 'pixel', per: 'set', tolerance: 0.01 } as const;
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
