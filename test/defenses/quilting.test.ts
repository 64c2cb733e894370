import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { samplePatches } from '../../src/defenses/quilting/patch-database.ts';
import { eigenvectors, principalAxes } from '../../src/defenses/quilting/principal-axes.ts';
import {
  type QuiltingParameters,
  quiltImages,
  tileQueries,
  tilesOf,
} from '../../src/defenses/quilting/quilt.ts';
import { tileStarts } from '../../src/defenses/quilting/tiles.ts';
import { searchFormFor } from '../../src/kernels/patch-search/forms.ts';
import { searchByMeasuringAll } from '../../src/kernels/patch-search/reference.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { Patches } from '../../src/values/patches.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { hasWebgpu, readyBackends } from '../tensors/backends.ts';

type Shape = readonly [rows: number, height: number, width: number, channels: number];
const paper: QuiltingParameters = {
  draws: 1,
  neighbors: 1,
  overlap: 2,
  seam: 'graph-cut',
  compat: 'paper',
  search: 'auto',
};

function randomImages(shape: Shape, seed: number): Uint8Array {
  const stream = randomStream([seed, 7]);
  return Uint8Array.from({ length: shape.reduce((a, b) => a * b) }, () => stream.integer(256));
}

const floats = (bytes: Uint8Array): Float32Array => Float32Array.from(bytes, (byte) => byte / 255);

/** The tiles of an image as a database. */
function tilesAsPatches(image: Uint8Array, shape: Shape, size: number, overlap: number): Patches {
  const [, height, width, channels] = shape;
  const tiles = tilesOf(height, width, { shape: [0, size, size, channels] }, { overlap, compat: 'paper' });
  const pixels = Uint8Array.from(tileQueries(floats(image), width, tiles, [0, size, size, channels]));
  return {
    kind: 'patches',
    pixels,
    shape: [tiles.length, size, size, channels],
    ...principalAxes(pixels, size * size * channels),
  };
}

const drawOf = (ids: readonly number[], draw = 0) => ({
  seed: [1, 2] as const,
  draw,
  ids: Int32Array.from(ids),
});

describe('searchFormFor', () => {
  const on = (name: string, kind: 'gpu' | 'cpu' | 'software', neighbors = 1) =>
    searchFormFor({ name, device: { kind, name: '', memory: null, threads: 'one' } }, neighbors);

  it('computes on the device where that is a GPU, and looks through the tree elsewhere', () => {
    expect([on('webgpu', 'gpu'), on('webgpu', 'gpu', 16), on('webgpu', 'gpu', 17)]).toEqual([
      'webgpu',
      'webgpu',
      'matrix',
    ]);
    expect([on('tensorflow', 'gpu'), on('tensorflow', 'cpu'), on('webgpu', 'software')]).toEqual([
      'matrix',
      'tree',
      'tree',
    ]);
    expect([searchFormFor(null, 1), searchFormFor({ name: 'wasm', device: null }, 1)]).toEqual([
      'tree',
      'tree',
    ]);
  });

  it('computes with TensorFlow on a CPU if a variable is set', () => {
    const device = { kind: 'cpu', name: '', memory: null, threads: 'one' } as const;
    const variables = { RAVELIN_TENSORFLOW_KERNELS: '1' };
    expect([
      searchFormFor({ name: 'tensorflow', device }, 1, variables),
      searchFormFor({ name: 'wasm', device }, 1, variables),
    ]).toEqual(['matrix', 'tree']);
  });

  it('gives the same images by functions of TensorFlow as by the tree', async ({ skip }) => {
    skip(!readyBackends.includes('tensorflow'), 'TensorFlow is not ready here');
    await openBackend('tensorflow');
    const image = randomImages([2, 24, 23, 3], 5);
    const patches = samplePatches(
      { pixels: randomImages([2, 30, 30, 3], 6), shape: [2, 30, 30, 3] },
      { count: 800, size: 5 },
      [1, 2],
    );
    for (const neighbors of [1, 10]) {
      const quilt = (search: 'tree' | 'matrix') =>
        quiltImages(floats(image), [2, 24, 23, 3], { ...paper, neighbors, search }, patches, drawOf([3, 4]));
      expect(await quilt('matrix')).toEqual(await quilt('tree'));
    }
  });

  it('gives the same images by WGSL as by the tree', async ({ skip }) => {
    skip(!hasWebgpu, 'WebGPU is not ready here');
    const image = randomImages([1, 24, 23, 3], 5);
    const patches = samplePatches(
      { pixels: randomImages([2, 30, 30, 3], 6), shape: [2, 30, 30, 3] },
      { count: 800, size: 5 },
      [1, 2],
    );
    const quilt = (search: 'tree' | 'webgpu') =>
      quiltImages(floats(image), [1, 24, 23, 3], { ...paper, neighbors: 10, search }, patches, drawOf([3]));
    expect(await quilt('webgpu')).toEqual(await quilt('tree'));
  });
});

describe('tileStarts', () => {
  it('covers every pixel of any side, each start no further than size − overlap from the last', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 3, max: 9 })
          .chain((size) =>
            fc.tuple(
              fc.constant(size),
              fc.integer({ min: 0, max: size - 1 }),
              fc.integer({ min: size, max: 60 }),
            ),
          ),
        ([size, overlap, length]) => {
          const starts = tileStarts(length, size, overlap, 'paper');
          expect(starts[0]).toBe(0);
          expect(starts.at(-1)).toBe(length - size);
          for (let index = 1; index < starts.length; index++) {
            expect(starts[index]! - starts[index - 1]!).toBeGreaterThan(0);
            expect(starts[index]! - starts[index - 1]!).toBeLessThanOrEqual(size - overlap);
          }
        },
      ),
      { seed: 1 },
    );
  });

  it('has 74 tiles of 5 across 224 pixels, and one less in the released code', () => {
    expect(tileStarts(224, 5, 2, 'paper')).toHaveLength(74);
    expect(tileStarts(224, 5, 2, 'fb')).toHaveLength(73);
    expect(tileStarts(224, 5, 2, 'fb').at(-1)! + 5).toBe(221);
  });
});

describe('quiltImages', () => {
  it('gives an image of database patches back exactly, whatever the seams', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.integer({ min: 3, max: 6 }),
          more: fc.tuple(fc.nat(9), fc.nat(9)),
          channels: fc.constantFrom(1, 3),
          overlap: fc.integer({ min: 0, max: 2 }),
          seam: fc.constantFrom('graph-cut' as const, 'none' as const),
          seed: fc.nat(99),
        }),
        async ({ size, more, channels, overlap, seam, seed }) => {
          const shape = [1, size + more[0], size + more[1], channels] as const;
          const image = randomImages(shape, seed);
          const patches = tilesAsPatches(image, shape, size, overlap);
          const out = await quiltImages(
            floats(image),
            shape,
            { ...paper, overlap, seam },
            patches,
            drawOf([3]),
          );
          expect(out).toEqual(image);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('shows at each pixel what the chosen patch of one of its tiles has there', async () => {
    const shape = [1, 19, 23, 3] as const;
    const patches = samplePatches(
      { pixels: randomImages([2, 20, 20, 3], 1), shape: [2, 20, 20, 3] },
      { count: 300, size: 5 },
      [1, 2],
    );
    const image = floats(randomImages(shape, 2));
    const tiles = tilesOf(19, 23, patches, paper);
    const { ids } = searchByMeasuringAll(patches, tileQueries(image, 23, tiles, patches.shape), 1);
    const out = await quiltImages(image, shape, paper, patches, drawOf([0]));
    for (let y = 0; y < 19; y++) {
      for (let x = 0; x < 23; x++) {
        const possible = tiles.flatMap((tile, index) => {
          const [dy, dx] = [y - tile.y, x - tile.x];
          if (dy < 0 || dx < 0 || dy >= 5 || dx >= 5) return [];
          return [
            patches.pixels
              .subarray(ids[index]! * 75 + (dy * 5 + dx) * 3)
              .subarray(0, 3)
              .join(),
          ];
        });
        expect(possible).toContain(out.subarray((y * 23 + x) * 3, (y * 23 + x) * 3 + 3).join());
      }
    }
  });

  it('picks each of the K nearest equally often, and depends on seed, draw and image alone', async () => {
    const shape = [1, 5, 5, 1] as const;
    const pixels = Uint8Array.from({ length: 40 * 25 }, (_, at) => Math.floor(at / 25) * 6);
    const patches: Patches = { kind: 'patches', pixels, shape: [40, 5, 5, 1], ...principalAxes(pixels, 25) };
    const params = { ...paper, neighbors: 4 };
    // 60 lies between nothing: its nearest are 60, 54, 66 and, by index, 48.
    const image = new Float32Array(25).fill(60 / 255);
    const counts = new Map<number, number>();
    for (let draw = 0; draw < 2000; draw++) {
      const out = await quiltImages(image, shape, params, patches, drawOf([5], draw));
      counts.set(out[0]!, (counts.get(out[0]!) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([48, 54, 60, 66]);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
    // The 0.999 quantile of χ² with 3 degrees of freedom.
    expect(chiSquare).toBeLessThan(16.27);
  });

  it('gives the same bytes for images one by one as for all at once', async () => {
    const shape = [4, 12, 14, 3] as const;
    const images = floats(randomImages(shape, 3));
    const patches = samplePatches(
      { pixels: randomImages([1, 30, 30, 3], 4), shape: [1, 30, 30, 3] },
      { count: 500, size: 5 },
      [1, 2],
    );
    const params = { ...paper, neighbors: 5 };
    const together = await quiltImages(images, shape, params, patches, drawOf([8, 6, 7, 5]));
    const size = 12 * 14 * 3;
    for (const [row, id] of [8, 6, 7, 5].entries()) {
      const one = images.slice(row * size, (row + 1) * size);
      expect(await quiltImages(one, [1, 12, 14, 3], params, patches, drawOf([id]))).toEqual(
        together.slice(row * size, (row + 1) * size),
      );
    }
    expect(await quiltImages(images, shape, params, patches, drawOf([8, 6, 7, 5], 1))).not.toEqual(together);
  });

  it('leaves the last rows and columns black as the released code, and overwrites', async () => {
    const shape = [1, 11, 11, 1] as const;
    const pixels = Uint8Array.from({ length: 50 }, (_, at) => (at < 25 ? 100 : 200));
    const patches: Patches = { kind: 'patches', pixels, shape: [2, 5, 5, 1], ...principalAxes(pixels, 25) };
    const image = new Float32Array(121).fill(0.9);
    const out = await quiltImages(image, shape, { ...paper, compat: 'fb' }, patches, drawOf([0]));
    for (let at = 0; at < 121; at++) expect(out[at]).toBe(at % 11 < 8 && at < 88 ? 200 : 0);
  });

  it('clips to [0, 1] and refuses NaN', async () => {
    const shape = [1, 5, 5, 1] as const;
    const pixels = new Uint8Array(50).fill(255, 25);
    const patches: Patches = { kind: 'patches', pixels, shape: [2, 5, 5, 1], ...principalAxes(pixels, 25) };
    const image = new Float32Array(25).fill(1.5);
    expect([...(await quiltImages(image, shape, paper, patches, drawOf([0])))]).toEqual(Array(25).fill(255));
    await expect(quiltImages(image.fill(NaN), shape, paper, patches, drawOf([0]))).rejects.toThrow('NaN');
  });
});

describe('samplePatches', () => {
  const shape = [3, 6, 7, 1] as const;
  const pixels = Uint8Array.from({ length: 126 }, (_, at) => at);

  it('takes every place once when as many patches as places are asked for, in order', () => {
    const { pixels: all, shape: taken } = samplePatches({ pixels, shape }, { count: 60, size: 3 }, [1, 2]);
    expect(taken).toEqual([60, 3, 3, 1]);
    const first = Array.from({ length: 60 }, (_, patch) => all[patch * 9]!);
    expect(first).toEqual(
      [0, 1, 2].flatMap((row) =>
        [0, 1, 2, 3].flatMap((y) => [0, 1, 2, 3, 4].map((x) => row * 42 + y * 7 + x)),
      ),
    );
    expect([...all.subarray(0, 9)]).toEqual([0, 1, 2, 7, 8, 9, 14, 15, 16]);
  });

  it('takes different places, each equally often over seeds', () => {
    const counts = new Float64Array(60);
    const places = new Map(
      Array.from({ length: 60 }, (_, place): [number, number] => {
        const [row, y, x] = [Math.floor(place / 20), Math.floor(place / 5) % 4, place % 5];
        return [row * 42 + y * 7 + x, place];
      }),
    );
    for (let seed = 0; seed < 400; seed++) {
      const sample = samplePatches({ pixels, shape }, { count: 15, size: 3 }, [seed, 0]);
      const taken = Array.from({ length: 15 }, (_, patch) => places.get(sample.pixels[patch * 9]!)!);
      expect(new Set(taken).size).toBe(15);
      for (const place of taken) counts[place]!++;
    }
    // 100 of 400 on average; the standard deviation is √(400 · ¼ · ¾) = 8.7.
    expect(Math.max(...counts)).toBeLessThan(100 + 4 * 8.7);
    expect(Math.min(...counts)).toBeGreaterThan(100 - 4 * 8.7);
  });

  it('rounds float pixels to bytes', () => {
    const one = samplePatches(
      { pixels: Float32Array.from({ length: 9 }, () => 0.5), shape: [1, 3, 3, 1] },
      { count: 1, size: 3 },
      [1, 2],
    );
    expect([...one.pixels]).toEqual(Array(9).fill(128));
    expect(() => samplePatches({ pixels, shape }, { count: 61, size: 3 }, [1, 2])).toThrow(RangeError);
  });
});

describe('principalAxes', () => {
  it('are orthonormal, by falling variance, and turn the covariance diagonal', () => {
    const stream = randomStream([9, 9]);
    const n = 12;
    const factors = Float64Array.from({ length: n * n }, () => stream.normal());
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < n; k++) matrix[i * n + j]! += factors[i * n + k]! * factors[j * n + k]!;
    const vectors = eigenvectors(matrix.slice(), n);
    let last = Infinity;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let product = 0;
        let form = 0;
        for (let k = 0; k < n; k++) {
          product += vectors[i * n + k]! * vectors[j * n + k]!;
          for (let l = 0; l < n; l++) form += vectors[i * n + k]! * matrix[k * n + l]! * vectors[j * n + l]!;
        }
        expect(product).toBeCloseTo(i === j ? 1 : 0, 10);
        if (i !== j) expect(form).toBeCloseTo(0, 9);
        else {
          expect(form).toBeLessThanOrEqual(last);
          last = form;
        }
      }
    }
  });

  it('of equal patches are those of the coordinates', () => {
    const { mean, basis } = principalAxes(new Uint8Array(90).fill(3), 9);
    expect([...mean]).toEqual(Array(9).fill(3));
    expect([...basis]).toEqual(Array.from({ length: 81 }, (_, at) => (at % 10 === 0 ? 1 : 0)));
  });
});
