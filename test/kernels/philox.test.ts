import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Dropout } from '../../src/kernels/philox/dropout.ts';
import { dropByDefinition } from '../../src/kernels/philox/reference.ts';
import { dropValues } from '../../src/kernels/philox/wasm.ts';
import { philox4x32, randomStream } from '../../src/tensors/random.ts';

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const dropouts: fc.Arbitrary<Dropout> = fc.record({
  seed: fc.tuple(word, word),
  counters: fc.tuple(word, word, word),
  keep: fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(0, 2 ** -33, 0.5, 1 - 2 ** -34, 1),
  ),
  group: fc.integer({ min: 1, max: 5 }),
});
const images = fc
  .array(
    fc.oneof(fc.float({ min: -2, max: 3, noNaN: true }), fc.constantFrom(-0, 0, 1, Infinity, -Infinity)),
    {
      maxLength: 200,
    },
  )
  .map((values) => Float32Array.from(values));

it('drops and cuts exactly the values that the definition does', () => {
  fc.assert(
    fc.property(images, dropouts, (image, dropout) => {
      const [expected, given] = [image.slice(), image.slice()];
      expect(dropByDefinition(expected, dropout)).toBe(true);
      expect(dropValues(given, dropout)).toBe(true);
      expect(new Uint32Array(given.buffer)).toEqual(new Uint32Array(expected.buffer));
    }),
    { numRuns: 500 },
  );
});

it('drops the same values of a large image as the definition, whatever the memory held before', () => {
  const image = new Float32Array(150_529);
  randomStream([1, 2]).fillUniform(image);
  for (const group of [1, 3]) {
    const dropout = { seed: [5, 6], counters: [7, 0xffffffff, 2], keep: 0.3, group } as const;
    const [expected, given] = [image.slice(), image.slice()];
    dropByDefinition(expected, dropout);
    dropValues(given, dropout);
    expect(Buffer.compare(Buffer.from(given.buffer), Buffer.from(expected.buffer))).toBe(0);
  }
});

it('says if any value is not a number, wherever it is and whatever follows the image', () => {
  for (const keep of [0, 0.5, 1]) {
    for (const group of [1, 3]) {
      const dropout = { seed: [1, 2], counters: [0, 0, 1], keep, group } as const;
      for (let index = 0; index < 37; index++) {
        const image = new Float32Array(37).fill(0.5);
        expect(dropValues(image.slice(), dropout)).toBe(true);
        image[index] = NaN;
        expect(dropByDefinition(image.slice(), dropout)).toBe(false);
        expect(dropValues(image, dropout)).toBe(false);
      }
    }
  }
});

it('has the words that the authors give for a counter and a key of zeros', () => {
  const block = new Uint32Array(4);
  philox4x32(block, 0, 0, 0, 0, 0, 0);
  const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
  expect([...block]).toEqual(words);
  const dropped = (keep: number): Float32Array => {
    const values = new Float32Array(4).fill(1);
    dropValues(values, { seed: [0, 0], counters: [0, 0, 0], keep, group: 1 });
    return values;
  };
  words.forEach((known, index) => {
    // A value is kept if its word is less than keep · 2³².
    expect(dropped(known / 2 ** 32)[index]).toBe(-1);
    expect(dropped((known + 1) / 2 ** 32)[index]).toBe(1);
  });
});
