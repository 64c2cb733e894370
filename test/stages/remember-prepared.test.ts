import { describe, expect, it } from 'vitest';
import type { Attack } from '../../src/attacks/attack.ts';
import { attackImages } from '../../src/attacks/attack.ts';
import { rememberPrepared } from '../../src/stages/attack/remember-prepared.ts';
import type { Images } from '../../src/values/images.ts';
import { sliceValue } from '../../src/values/slices.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomImages, randomLinearModel } from '../attacks/linear-classifier.ts';

const { classifier } = randomLinearModel([2, 2, 1], 3);

/** An attack that moves every pixel by the knob and counts how often it is prepared. */
function countingAttack(): { readonly attack: Attack; readonly prepared: () => number } {
  let prepared = 0;
  return {
    prepared: () => prepared,
    attack: {
      search: { guess: 1, maximum: 1, refinements: 1, pilot: 0 },
      prepare: (_classifier, images) => {
        prepared++;
        const rows = images.shape[0];
        const direction = new Float32Array(images.pixels.length).fill(1);
        const initial = new Int32Array(rows);
        return Promise.resolve({ initial, settled: new Uint8Array(rows), zeroGradients: 0, direction });
      },
    },
  };
}

function imagesValue(seed: number): Images {
  const { pixels, shape, labels, ids } = randomImages(8, [2, 2, 1], 3, { seed });
  return { kind: 'images', pixels, shape, labels, ids, views: 1, classes: [] };
}

describe('rememberPrepared', () => {
  it('prepares once for all strengths on the same memory, whichever slice object it comes in', async () => {
    await openBackend('wasm');
    const { attack, prepared } = countingAttack();
    const images = imagesValue(1);
    const model = { kind: 'model' };
    for (const knob of [0.1, 0.2, 0.3]) {
      const shard = sliceValue(images, 0, 4);
      const pixels = shard.pixels as Float32Array;
      const remembered = rememberPrepared(attack, { model, images: shard }, 'same');
      const result = await attackImages(remembered, classifier, { ...shard, pixels }, { knob });
      expect(result.pixels).toEqual(pixels.map((value) => Math.min(1, value + knob)));
    }
    expect(prepared()).toBe(1);
  });

  it('prepares again for another shard, model, copy of the images or recipe', async () => {
    await openBackend('wasm');
    const { attack, prepared } = countingAttack();
    const images = imagesValue(2);
    const model = { kind: 'model' };
    const run = async (inputs: { readonly model: object; readonly images: Images }, recipe: string) => {
      const pixels = inputs.images.pixels as Float32Array;
      const given = { ...inputs.images, pixels };
      await attackImages(rememberPrepared(attack, inputs, recipe), classifier, given, { knob: 0.1 });
    };
    await run({ model, images: sliceValue(images, 0, 4) }, 'a');
    await run({ model, images: sliceValue(images, 4, 4) }, 'a');
    await run({ model: { kind: 'model' }, images: sliceValue(images, 0, 4) }, 'a');
    await run({ model, images: { ...images, pixels: images.pixels.slice(), shape: [8, 2, 2, 1] } }, 'a');
    await run({ model, images: sliceValue(images, 0, 4) }, 'b');
    expect(prepared()).toBe(5);
    await run({ model, images: sliceValue(images, 4, 4) }, 'a');
    expect(prepared()).toBe(5);
  });
});
