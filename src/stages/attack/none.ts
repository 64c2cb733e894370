import { Type } from '@sinclair/typebox';
import { defineStage } from '../../runtime/stage.ts';
import { attackOutline } from './shared/attack-outline.ts';
import { storageOf, storageParameters } from './shared/storage.ts';
import { adversarialPort, targetPorts, throughPort } from './shared/target.ts';

/** No attack: the originals, in the form in which attacks return images. */
export const noAttackStage = defineStage({
  uses: 'attack/none',
  version: 1,
  summary: 'No attack: the originals with a perturbation of zero and the classes that the model gives them',
  with: Type.Object(storageParameters, { additionalProperties: false }),
  in: { ...targetPorts, through: throughPort },
  out: { images: adversarialPort },
  shard: 'images',
  randomness: (_, drawsAt) => drawsAt('through'),
  device: true,
  outline: (context) =>
    attackOutline(context, { steps: 0, prepared: null, isIdentity: true, searchesImages: false }),
  run: async (context) => {
    const { identityAttack } = await import('../../attacks/attack-images.ts');
    const { runAttack } = await import('./shared/run-attack.ts');
    const through = { eot: 1, average: 'logits', backward: 'identity' } as const;
    const run = { name: 'strength', strength: 0, through, ...storageOf(context.params) };
    return { images: await runAttack(context, run, identityAttack) };
  },
});
