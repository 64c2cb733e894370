import fc from 'fast-check';
import { expect, it } from 'vitest';
import { reduceByDefinition } from '../../src/kernels/bit-depth/reference.ts';
import { reduceInSteps } from '../../src/kernels/bit-depth/wasm.ts';
import { randomStream } from '../../src/tensors/random.ts';

/** The numbers of steps of 1 to 8 bits, of the paper and of the authors' code. */
const allSteps = Array.from({ length: 8 }, (_, index) => 2 ** (index + 1)).flatMap((levels) => [
  levels - 1,
  levels,
]);

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer);

it('gives the levels of the definition for values in [0, 1], bit for bit', () => {
  const value = fc.oneof(
    fc.float({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 255 }).map((byte) => byte / 255),
    fc.constantFrom(-0, 0, 0.5, 1, 1 + 2 ** -23, -1e-5),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 300 }), fc.constantFrom(...allSteps), (values, steps) => {
      const pixels = Float32Array.from(values);
      expect(bitsOf(reduceInSteps(pixels, steps))).toEqual(bitsOf(reduceByDefinition(pixels, steps)));
    }),
    { numRuns: 500 },
  );
});

it.each(allSteps)(
  'of %d steps puts every value around the middle of two levels where the definition does',
  (steps) => {
    const values: number[] = [];
    const word = new Int32Array(1);
    const float = new Float32Array(word.buffer);
    for (let level = 1; level <= steps; level++) {
      for (let away = -4; away <= 4; away++) {
        float[0] = (level - 0.5) / steps;
        word[0]! += away;
        values.push(float[0]);
      }
    }
    const pixels = Float32Array.from(values);
    expect(bitsOf(reduceInSteps(pixels, steps))).toEqual(bitsOf(reduceByDefinition(pixels, steps)));
  },
);

it('takes images of several chunks, and leaves them as they are', () => {
  const pixels = new Float32Array(9001);
  randomStream([1, 2]).fillUniform(pixels);
  const before = pixels.slice();
  expect(reduceInSteps(pixels, 7)).toEqual(reduceByDefinition(pixels, 7));
  expect(pixels).toEqual(before);
});
