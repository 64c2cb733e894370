import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PixelShape } from '../../src/defenses/defense.ts';
import { compressJpeg } from '../../src/defenses/jpeg.ts';
import { pullBackJpeg } from '../../src/defenses/jpeg-derivative.ts';
import type { JpegParameters } from '../../src/kernels/jpeg/problem.ts';
import type { Transform } from '../../src/values/transform.ts';
import { transformWithPullBack } from './opened.ts';
import { randomStream } from '../../src/tensors/random.ts';

function noise(count: number, seed: number, amplitude = 1): Float32Array {
  const stream = randomStream([seed, 1], 0, 0, 1);
  return Float32Array.from({ length: count }, () => amplitude * (2 * stream.uniform() - 1));
}

const inner = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, index) => sum + value * b[index]!, 0);

/** (J(x + d) − J(x − d)) / 2, in [0, 1] pixels. */
async function jpegDifference(
  pixels: Float32Array,
  change: Float32Array,
  shape: PixelShape,
  parameters: JpegParameters,
): Promise<Float32Array> {
  const at = (sign: number): Promise<Uint8Array> =>
    compressJpeg(
      pixels.map((value, index) => value + sign * change[index]!),
      shape,
      parameters,
    );
  const [up, down] = [await at(1), await at(-1)];
  return Float32Array.from(up, (value, index) => (value - down[index]!) / 510);
}

describe('the derivative of JPEG', () => {
  it.each([
    ['4:2:0', 3, 32, 32],
    ['4:4:4', 3, 32, 32],
    ['4:2:0', 3, 16, 22],
    ['4:2:0', 1, 24, 17],
  ] as const)(
    'is the transpose of what JPEG does to large changes: %s, %i channels, %i × %i',
    async (chroma, channels, height, width) => {
      // At quality 100 all quanta are 1, so that a large change passes as through a linear map. The stand-in jumps at half a quantum and so
      // has a mean slope of 1/4, and 0.01 by its definition.
      const shape = [1, height, width, channels] as const;
      const count = height * width * channels;
      const parameters = { quality: 100, chroma };
      const grey = new Float32Array(count).fill(0.5);
      const change = noise(count, 3, 0.2);
      const seen = await jpegDifference(grey, change, shape, parameters);
      const places = Array.from({ length: 24 }, (_, place) =>
        noise(count, 50 + place, 0.2).map((v) => 0.5 + v),
      );
      for (const direction of [seen, change]) {
        const pulled = places.map((place) =>
          inner(pullBackJpeg(direction, shape, parameters, place), change),
        );
        const mean = pulled.reduce((sum, value) => sum + value, 0) / places.length;
        expect(Math.abs(mean / inner(direction, seen) - 0.26)).toBeLessThan(0.006);
      }
    },
  );

  it('of grey blocks scales each frequency by the slope of the cubic at its coefficient', () => {
    // One frequency alone: its DCT coefficient is its amplitude. Luminance quantum of frequency (0, 1) at quality 50: 11.
    const wave = Float32Array.from(
      { length: 64 },
      (_, index) => (Math.SQRT1_2 / 2) * 0.5 * Math.cos(((2 * (index & 7) + 1) * Math.PI) / 16),
    );
    const shape = [1, 8, 8, 1] as const;
    const parameters = { quality: 50, chroma: '4:2:0' } as const;
    for (const [quanta, slope] of [
      [0, 0],
      [0.25, 3 / 16],
      [0.5, 0.75],
      [1.9, 0.03],
      [-3.5, 0.75],
    ] as const) {
      const pixels = wave.map((value) => 128 / 255 + (value * quanta * 11) / 255);
      const pulled = pullBackJpeg(wave, shape, parameters, pixels);
      pulled.forEach((value, index) => expect(value).toBeCloseTo(wave[index]! * (slope + 0.01), 5));
    }
  });

  it('takes several gradients an image, each as if it were alone, and images one by one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 1, max: 3 }),
        async (seed, copies) => {
          const size = 9 * 10 * 3;
          const parameters = { quality: 75, chroma: '4:2:0' } as const;
          const pixels = noise(2 * size, seed).map((value) => Math.abs(value));
          const gradient = noise(2 * copies * size, seed + 1);
          const recipe: Transform = { kind: 'transform', steps: [{ name: 'jpeg', params: parameters }] };
          const draw = { seed: [0, 0], draw: 0, ids: Int32Array.of(0, 1) } as const;
          const view = await transformWithPullBack(recipe, pixels, [2, 9, 10, 3], draw);
          const together = view.pullBack(gradient);
          for (let row = 0; row < 2 * copies; row++) {
            const image = Math.floor(row / copies);
            const alone = pullBackJpeg(
              gradient.slice(row * size, (row + 1) * size),
              [1, 9, 10, 3],
              parameters,
              pixels.slice(image * size, (image + 1) * size),
            );
            expect(together.slice(row * size, (row + 1) * size)).toEqual(alone);
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});
