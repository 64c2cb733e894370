import { describe, expect, it } from 'vitest';
import { attackImages } from '../../src/attacks/attack-images.ts';
import type { Attack } from '../../src/attacks/attack.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import type { AttackInputs } from '../../src/stages/attack/shared/open-target.ts';
import { rememberPrepared } from '../../src/stages/attack/shared/remember-prepared.ts';
import type { Images } from '../../src/values/images.ts';
import type { Model } from '../../src/values/model.ts';
import { sliceValue } from '../../src/values/slices.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomImages, randomLinearModel } from '../attacks/linear-classifier.ts';
import { contextOf } from './run-stage.ts';

const { classifier } = randomLinearModel([2, 2, 1], 3);

/** An attack that moves every pixel by its strength and counts how often it is prepared. */
function countingAttack(): { readonly attack: Attack; readonly prepared: () => number } {
  let prepared = 0;
  return {
    prepared: () => prepared,
    attack: {
      kind: 'direction',
      maximum: 1,
      direction: ({ images }) => {
        prepared++;
        return Promise.resolve(new Float32Array(images.pixels.length).fill(1));
      },
    },
  };
}

function imagesValue(seed: number): Images {
  const { pixels, shape, labels, ids } = randomImages(8, [2, 2, 1], 3, { seed });
  return { kind: 'images', pixels, shape, labels, ids, views: 1, classes: [] };
}

/** Models are told apart by identity, so an empty one will do. */
function newModel(): Model {
  return { kind: 'model' } as Model;
}

async function run(
  attack: Attack,
  inputs: AttackInputs,
  { recipe = 'same', strength = 0.1 } = {},
): Promise<Float32Array> {
  await openBackend('wasm');
  const images = { ...inputs.images, pixels: inputs.images.pixels as Float32Array };
  const remember = rememberPrepared(
    contextOf('attack/fgsm', { epsilon: 0.1 }, { inputs: { ...inputs } }),
    recipe,
  );
  return (await attackImages(attack, openQueries(classifier), images, strength, { remember })).pixels;
}

describe('rememberPrepared', () => {
  it('prepares once for all strengths on the same memory, whichever slice object it comes in', async () => {
    const { attack, prepared } = countingAttack();
    const images = imagesValue(1);
    const model = newModel();
    for (const strength of [0.1, 0.2, 0.3]) {
      const shard = sliceValue(images, 0, 4);
      const pixels = shard.pixels as Float32Array;
      const moved = await run(attack, { model, images: shard }, { strength });
      expect(moved).toEqual(pixels.map((value) => Math.min(1, value + strength)));
    }
    expect(prepared()).toBe(1);
  });

  it('prepares again for another shard, model, copy of the images or recipe', async () => {
    const { attack, prepared } = countingAttack();
    const images = imagesValue(2);
    const model = newModel();
    await run(attack, { model, images: sliceValue(images, 0, 4) });
    await run(attack, { model, images: sliceValue(images, 4, 4) });
    await run(attack, { model: newModel(), images: sliceValue(images, 0, 4) });
    await run(attack, { model, images: { ...images, pixels: images.pixels.slice(), shape: [8, 2, 2, 1] } });
    await run(attack, { model, images: sliceValue(images, 0, 4) }, { recipe: 'another' });
    expect(prepared()).toBe(5);
    await run(attack, { model, images: sliceValue(images, 4, 4) });
    expect(prepared()).toBe(5);
  });
});
