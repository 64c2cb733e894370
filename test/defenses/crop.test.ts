import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { opened, transformImages, transformOnce, transformWithPullBack } from './opened.ts';
import type { Draw, PixelShape } from '../../src/defenses/defense.ts';
import { cropAndResize, pullBackCrop } from '../../src/defenses/crop.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { Images } from '../../src/values/images.ts';
import type { Transform } from '../../src/values/transform.ts';

interface Case {
  readonly height: number;
  readonly width: number;
  readonly size: number;
  readonly down: number;
  readonly across: number;
  readonly resized: readonly number[];
}
const { cases } = JSON.parse(readFileSync(new URL('../reference/crop.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};

function noise(length: number, id: number): Float32Array {
  const values = new Float32Array(length);
  randomStream([4, 4], id).fillUniform(values);
  return values;
}

function drawOf(ids: readonly number[], draw = 0): Draw {
  return { seed: [1, 2], draw, ids: Int32Array.from(ids) };
}

/** A draw whose crop lies at the given place. */
function drawAt({ height, width, size, down, across }: Case): Draw {
  const shape: PixelShape = [1, height, width, 2];
  const places = Float32Array.from({ length: height * width * 2 }, (_, index) =>
    index % 2 === 0 ? Math.floor(index / 2 / width) : Math.floor(index / 2) % width,
  );
  for (let draw = 0; draw < 5000; draw++) {
    // The first pixel of the result is the upper left corner of the crop.
    const [y, x] = cropAndResize(places, shape, { crops: 1, size }, drawOf([0], draw));
    if (y === down && x === across) return drawOf([0], draw);
  }
  throw new Error(`no draw has its crop at ${down}, ${across}`);
}

describe('crops', () => {
  it.each(cases)('of $size from $height×$width equal those of torch', (reference) => {
    const { height, width, size } = reference;
    const pixels = Float32Array.from({ length: height * width * 3 }, (_, index) => {
      const [y, x, c] = [Math.floor(index / 3 / width), Math.floor(index / 3) % width, index % 3];
      return ((37 * y + 91 * x + 13 * c) % 256) / 255;
    });
    const out = cropAndResize(pixels, [1, height, width, 3], { crops: 1, size }, drawAt(reference));
    const worst = Math.max(...out.map((value, index) => Math.abs(value - reference.resized[index]!)));
    expect(worst).toBeLessThan(1e-6);
  });

  it('lie at every place where they fit, each as often', () => {
    const place = Float32Array.from({ length: 16 }, (_, index) => index);
    const counts = new Map<number, number>();
    for (let draw = 0; draw < 1800; draw++) {
      const [corner] = cropAndResize(place, [1, 4, 4, 1], { crops: 1, size: 2 }, drawOf([7], draw));
      counts.set(corner!, (counts.get(corner!) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10]);
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    // The 99.9 % quantile at 8 degrees of freedom.
    expect(chiSquared).toBeLessThan(26.1);
  });

  it('of one image are the same in any batch', () => {
    const size = 6 * 5 * 3;
    const pixels = noise(3 * size, 0);
    const params = { crops: 1, size: 3 };
    const together = cropAndResize(pixels, [3, 6, 5, 3], params, drawOf([9, 4, 70], 2));
    const alone = cropAndResize(pixels.slice(size, 2 * size), [1, 6, 5, 3], params, drawOf([4], 2));
    expect(alone).toEqual(together.slice(size, 2 * size));
  });

  it('refuse a size that does not fit', () => {
    expect(() =>
      cropAndResize(new Float32Array(12), [1, 4, 3, 1], { crops: 1, size: 4 }, drawOf([0])),
    ).toThrow('a crop of 4 pixels does not fit into 4×3');
  });

  it('have an exact adjoint: ⟨crop(x), y⟩ = ⟨x, pullBack(y)⟩', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat({ max: 100 }),
        fc.nat({ max: 100 }),
        (height, width, channels, draw, smaller) => {
          const size = 1 + (smaller % Math.min(height, width));
          const shape: PixelShape = [2, height, width, channels];
          const [x, y] = [noise(2 * height * width * channels, 1), noise(2 * height * width * channels, 2)];
          const dot = (a: Float32Array, b: Float32Array): number =>
            a.reduce((sum, value, index) => sum + value * b[index]!, 0);
          const params = { crops: 1, size };
          const drawn = drawOf([3, 8], draw);
          const left = dot(cropAndResize(x, shape, params, drawn), y);
          const right = dot(x, pullBackCrop(y, shape, params, drawn));
          expect(Math.abs(left - right)).toBeLessThan(1e-5 * Math.max(1, Math.abs(left)));
        },
      ),
      { seed: 1 },
    );
  });
});

describe('a randomised transform', () => {
  const crops: Transform = {
    kind: 'transform',
    steps: [{ name: 'crop', params: { crops: 3, size: 3 } }],
    seed: [5, 6],
  };
  const images = (views: number): Images => ({
    kind: 'images',
    pixels: noise(2 * views * 25, 3),
    shape: [2 * views, 5, 5, 1],
    views,
    labels: Int32Array.of(0, 1),
    ids: Int32Array.of(11, 12),
    classes: [],
  });
  const seed = crops.seed!;

  it('gives view v of an image by draw v, the views of one image together', async () => {
    const given = images(1);
    const all = await transformImages(crops, given);
    expect(all).toMatchObject({ views: 3, shape: [6, 5, 5, 1], ids: given.ids, labels: given.labels });
    for (const view of [0, 1, 2]) {
      const once = await transformOnce(crops, given.pixels, given.shape, {
        seed,
        draw: view,
        ids: given.ids,
      });
      for (const image of [0, 1]) {
        const row = image * 3 + view;
        expect(all.pixels.slice(row * 25, (row + 1) * 25)).toEqual(once.slice(image * 25, (image + 1) * 25));
      }
    }
  });

  it('gives each former view draws of its own', async () => {
    const given = images(2);
    const all = await transformImages(crops, given);
    expect(all).toMatchObject({ views: 6, shape: [12, 5, 5, 1] });
    // Image 1, former view 1 is row 3; its views are rows 9 to 11, by the draws 3 to 5.
    const row = given.pixels.slice(75, 100);
    for (const draw of [3, 4, 5]) {
      const once = await transformOnce(crops, row, [1, 5, 5, 1], { seed, draw, ids: Int32Array.of(12) });
      const at = 6 + draw;
      expect(all.pixels.slice(at * 25, (at + 1) * 25)).toEqual(once);
    }
  });

  it('has other draws for an attack and for training than for the defender', async () => {
    const { evaluationSeed, seedFor } = await opened(crops);
    const seeds = [
      evaluationSeed,
      seedFor('attack', [1, 2]),
      seedFor('attack', [1, 3]),
      seedFor('attack', [2, 2]),
      seedFor('training', [1, 2]),
    ];
    expect(new Set(seeds.map(String)).size).toBe(5);
    expect(evaluationSeed).toEqual([5, 6]);
  });

  it('pulls gradients back step by step, steps without a derivative as the identity', async () => {
    const shape: PixelShape = [1, 5, 5, 1];
    const gradient = noise(25, 5);
    const draw = drawOf([3], 1);
    const both: Transform = {
      ...crops,
      steps: [{ name: 'bit-depth', params: { bits: 3, compat: 'paper' } }, ...crops.steps],
    };
    const view = await transformWithPullBack(both, noise(25, 6), shape, draw);
    expect(view.pullBack(gradient)).toEqual(pullBackCrop(gradient, shape, { crops: 3, size: 3 }, draw));
    expect(view.pixels).toEqual(await transformOnce(both, noise(25, 6), shape, draw));
    const none = await transformWithPullBack({ kind: 'transform', steps: [] }, noise(25, 6), shape, draw);
    expect(none.pullBack(gradient)).toBe(gradient);
  });
});
