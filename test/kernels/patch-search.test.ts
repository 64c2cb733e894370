import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { principalAxes } from '../../src/defenses/quilting/principal-axes.ts';
import { samplePatches } from '../../src/defenses/quilting/patch-database.ts';
import { openPatchSearch } from '../../src/kernels/patch-search/wasm.ts';
import { searchByMeasuringAll } from '../../src/kernels/patch-search/reference.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { Patches } from '../../src/values/patches.ts';
import { photographs } from '../defenses/photographs.ts';

/** Patches of few levels have many duplicates and ties. */
function randomPatches(count: number, size: number, channels: number, levels: number, seed: number): Patches {
  const stream = randomStream([seed, 1]);
  const dimensions = size * size * channels;
  const pixels = Uint8Array.from({ length: count * dimensions }, () => {
    return levels === 1 ? 128 : Math.round((stream.integer(levels) * 255) / (levels - 1));
  });
  return {
    kind: 'patches',
    pixels,
    shape: [count, size, size, channels],
    // Any basis is exact, and that of large patches takes a second to find.
    ...(dimensions < 30 ? principalAxes(pixels, dimensions) : coordinates(dimensions)),
  };
}

function coordinates(dimensions: number): Pick<Patches, 'mean' | 'basis'> {
  const basis = new Float32Array(dimensions ** 2);
  for (let index = 0; index < dimensions; index++) basis[index * (dimensions + 1)] = 1;
  return { mean: new Float32Array(dimensions).fill(100), basis };
}

function randomQueries(patches: Patches, count: number, seed: number): Float32Array {
  const stream = randomStream([seed, 2]);
  const [length, size, , channels] = patches.shape;
  const dimensions = size * size * channels;
  const queries = new Float32Array(count * dimensions);
  for (let query = 0; query < count; query++) {
    const from = stream.integer(length) * dimensions;
    // A patch itself, one with noise as an attack adds it, or nothing like a patch.
    const reach = [0, 8, 400][query % 3]!;
    for (let index = 0; index < dimensions; index++) {
      const value = patches.pixels[from + index]! + reach * (stream.uniform() - 0.5);
      queries[query * dimensions + index] = Math.min(255, Math.max(0, value));
    }
  }
  return queries;
}

describe('the patch search', () => {
  it('finds what measuring every patch finds, bit for bit, ties by index, at any size', () => {
    fc.assert(
      fc.property(
        fc.record({
          count: fc.integer({ min: 1, max: 700 }),
          size: fc.integer({ min: 3, max: 9 }),
          channels: fc.constantFrom(1, 3),
          levels: fc.constantFrom(1, 2, 4, 256),
          neighbors: fc.integer({ min: 1, max: 10 }),
          seed: fc.nat(1000),
        }),
        ({ count, size, channels, levels, neighbors, seed }) => {
          const patches = randomPatches(count, size, channels, levels, seed);
          const queries = randomQueries(patches, 9, seed);
          const k = Math.min(neighbors, count);
          expect(openPatchSearch(patches).nearest(queries, k)).toEqual(
            searchByMeasuringAll(patches, queries, k),
          );
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  it('finds them in a tree of several levels', () => {
    const patches = randomPatches(20_000, 3, 1, 16, 5);
    const queries = randomQueries(patches, 60, 5);
    const search = openPatchSearch(patches);
    for (const neighbors of [1, 7, 100]) {
      expect(search.nearest(queries, neighbors)).toEqual(searchByMeasuringAll(patches, queries, neighbors));
    }
  });

  it('gives the lowest index among equal patches', () => {
    const pixels = new Uint8Array(500 * 9).fill(7);
    const patches: Patches = { kind: 'patches', pixels, shape: [500, 3, 3, 1], ...principalAxes(pixels, 9) };
    const { ids, distances } = openPatchSearch(patches).nearest(new Float32Array(9).fill(9), 3);
    expect([...ids]).toEqual([0, 1, 2]);
    expect([...distances]).toEqual([36, 36, 36]);
  });

  it('needs no particular basis to be exact', () => {
    const patches = randomPatches(3000, 5, 1, 256, 3);
    const queries = randomQueries(patches, 30, 3);
    const unturned = { ...patches, ...coordinates(25) };
    expect(openPatchSearch(unturned).nearest(queries, 4)).toEqual(
      openPatchSearch(patches).nearest(queries, 4),
    );
  });

  it('answers alike however the queries are divided', () => {
    const patches = randomPatches(2000, 5, 3, 256, 4);
    const queries = randomQueries(patches, 20, 4);
    const search = openPatchSearch(patches);
    const together = search.nearest(queries, 3);
    for (let query = 0; query < 20; query++) {
      const { ids } = search.nearest(queries.slice(query * 75, (query + 1) * 75), 3);
      expect(ids).toEqual(together.ids.slice(query * 3, (query + 1) * 3));
    }
    expect(search.nearest(new Float32Array(0), 3).ids).toHaveLength(0);
  });

  it('refuses an empty database, more neighbours than patches, NaN and values outside [0, 255]', () => {
    const patches = randomPatches(10, 3, 1, 256, 6);
    const search = openPatchSearch(patches);
    expect(() => openPatchSearch({ ...patches, pixels: new Uint8Array(), shape: [0, 3, 3, 1] })).toThrow(
      RangeError,
    );
    for (const neighbors of [0, 11, 1.5, NaN]) {
      expect(() => search.nearest(new Float32Array(9), neighbors)).toThrow(RangeError);
    }
    for (const value of [NaN, -1, 256, Infinity]) {
      expect(() => search.nearest(new Float32Array(9).fill(value), 1)).toThrow('[0, 255]');
    }
    expect(() => search.nearest(new Float32Array(10), 1)).toThrow(RangeError);
  });
});

describe('the patch search on photographs', () => {
  let images: Awaited<ReturnType<typeof photographs>> = null;
  beforeAll(async () => {
    images = await photographs(12);
  });

  it('finds the true neighbours of clean and adversarial tiles among real patches', (context) => {
    if (images === null) return context.skip();
    const patches = samplePatches(images, { count: 20_000, size: 5 }, [1, 2]);
    const other = samplePatches(images, { count: 40, size: 5 }, [3, 4]);
    const stream = randomStream([5, 6]);
    const clean = Float32Array.from(other.pixels);
    const adversarial = clean.map((value) =>
      Math.min(255, Math.max(0, value + (stream.bernoulli(0.5) ? 8 : -8.3))),
    );
    const search = openPatchSearch(patches);
    for (const queries of [clean, adversarial]) {
      for (const neighbors of [1, 10]) {
        expect(search.nearest(queries, neighbors)).toEqual(searchByMeasuringAll(patches, queries, neighbors));
      }
    }
  });
});
