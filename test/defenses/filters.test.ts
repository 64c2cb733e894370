import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PixelShape } from '../../src/defenses/defense.ts';
import { medianFilter } from '../../src/defenses/median.ts';
import { denoiseByNonLocalMeans } from '../../src/defenses/non-local-means.ts';
import { randomStream } from '../../src/tensors/random.ts';

interface Case {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly result: readonly number[];
}
interface Reference {
  readonly median: readonly (Case & { readonly size: number })[];
  readonly means: readonly (Case & {
    readonly patch: number;
    readonly distance: number;
    readonly h: number;
    readonly skimage: readonly number[];
  })[];
}
const reference = JSON.parse(
  readFileSync(new URL('../reference/filters.json', import.meta.url), 'utf8'),
) as Reference;

/** The image of test/reference/filters.py. */
function image({ height, width, channels }: Case): Float32Array {
  return Float32Array.from({ length: height * width * channels }, (_, index) => {
    const [place, c] = [Math.floor(index / channels), index % channels];
    const [y, x] = [Math.floor(place / width), place % width];
    const wave = 0.3 * Math.sin(x / 3 + c) * Math.cos(y / 4);
    return 0.5 + wave + 0.1 * (((37 * y + 91 * x + 13 * c) % 16) / 15 - 0.5);
  });
}

function worst(a: Float32Array, b: ArrayLike<number>): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

function noise(length: number, id = 0): Float32Array {
  const values = new Float32Array(length);
  randomStream([9, 9], id).fillUniform(values);
  return values;
}

describe('medianFilter', () => {
  it.each(reference.median)('of $size × $size on $height×$width×$channels equals that of scipy', (entry) => {
    const { height, width, channels, size } = entry;
    const result = medianFilter(image(entry), [1, height, width, channels], { size });
    expect(worst(result, entry.result)).toBeLessThan(1e-6);
  });

  it('of any size is the middle of the sorted, mirrored window', () => {
    const mirror = (index: number, length: number): number =>
      index < 0
        ? mirror(-1 - index, length)
        : index >= length
          ? mirror(2 * length - 1 - index, length)
          : index;
    fc.assert(
      fc.property(
        ...[fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.constantFrom(1, 2, 3)],
        fc.constantFrom(1, 3, 5, 7),
        fc.nat(),
        (height, width, channels, size, id) => {
          const pixels = noise(height * width * channels, id).map((value) => Math.round(value * 8) / 8);
          const result = medianFilter(pixels, [1, height, width, channels], { size });
          const radius = (size - 1) / 2;
          for (let index = 0; index < pixels.length; index++) {
            const [place, c] = [Math.floor(index / channels), index % channels];
            const [y, x] = [Math.floor(place / width), place % width];
            const window: number[] = [];
            for (let dy = -radius; dy <= radius; dy++) {
              for (let dx = -radius; dx <= radius; dx++) {
                const at = mirror(y + dy, height) * width + mirror(x + dx, width);
                window.push(pixels[at * channels + c]!);
              }
            }
            expect(result[index]).toBe(window.sort((a, b) => a - b)[(window.length - 1) / 2]);
          }
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('removes a single wrong pixel and keeps a straight edge', () => {
    const edge = Float32Array.from({ length: 64 }, (_, index) => (index % 8 < 4 ? 0 : 1));
    const spoilt = edge.slice();
    spoilt[3 * 8 + 1] = 1;
    expect(medianFilter(spoilt, [1, 8, 8, 1], { size: 3 })).toEqual(edge);
  });
});

describe('denoiseByNonLocalMeans', () => {
  it.each(reference.means)(
    'with patches of $patch, distance $distance equals its definition and scikit-image',
    (entry) => {
      const { height, width, channels, patch, distance, h } = entry;
      const result = denoiseByNonLocalMeans(image(entry), [1, height, width, channels], {
        patch,
        distance,
        h,
      });
      expect(worst(result, entry.result)).toBeLessThan(2e-6);
      // It drops weights below e⁻⁵ and approximates the others.
      expect(worst(result, entry.skimage)).toBeLessThan(2e-3);
    },
  );

  it('keeps a flat image, and every image as h goes to 0', () => {
    const flat = new Float32Array(2 * 5 * 6 * 3).fill(0.3);
    const shape: PixelShape = [2, 5, 6, 3];
    expect(worst(denoiseByNonLocalMeans(flat, shape, { patch: 3, distance: 5, h: 0.1 }), flat)).toBeLessThan(
      1e-6,
    );
    const pixels = noise(180);
    expect(denoiseByNonLocalMeans(pixels, shape, { patch: 3, distance: 5, h: 1e-3 })).toEqual(pixels);
  });

  it('lies between the least and the greatest value of the image', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(3, 5),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (height, width, patch, distance, h) => {
          const pixels = noise(height * width, height);
          const result = denoiseByNonLocalMeans(pixels, [1, height, width, 1], { patch, distance, h });
          expect(Math.min(...result)).toBeGreaterThanOrEqual(Math.min(...pixels) - 1e-6);
          expect(Math.max(...result)).toBeLessThanOrEqual(Math.max(...pixels) + 1e-6);
        },
      ),
      { seed: 1 },
    );
  });

  it('brings a noisy image closer to the clean one', () => {
    const clean = Float32Array.from({ length: 32 * 32 }, (_, index) => (index % 32 < 16 ? 0.2 : 0.7));
    const noisy = clean.map((value, index) => value + 0.1 * (noise(1024)[index]! - 0.5));
    const error = (pixels: Float32Array): number =>
      pixels.reduce((sum, value, index) => sum + (value - clean[index]!) ** 2, 0);
    const result = denoiseByNonLocalMeans(noisy, [1, 32, 32, 1], { patch: 3, distance: 5, h: 0.06 });
    expect(error(result)).toBeLessThan(0.3 * error(noisy));
  });
});

describe.each([
  ['median', (pixels: Float32Array, shape: PixelShape) => medianFilter(pixels, shape, { size: 5 })],
  [
    'non-local means',
    (pixels: Float32Array, shape: PixelShape) =>
      denoiseByNonLocalMeans(pixels, shape, { patch: 3, distance: 2, h: 0.3 }),
  ],
] as const)('%s', (_, filter) => {
  it('treats each image of a batch by itself', () => {
    const pixels = noise(3 * 30);
    const together = filter(pixels, [3, 5, 6, 1]);
    for (let row = 0; row < 3; row++) {
      const [from, to] = [row * 30, (row + 1) * 30];
      expect(filter(pixels.slice(from, to), [1, 5, 6, 1])).toEqual(together.slice(from, to));
    }
  });
});
