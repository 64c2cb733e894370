import { describe, expect, it } from 'vitest';
import { mostNeighbors, searchByMeasuringAll } from '../../src/kernels/patch-search/reference.ts';
import { openWebGpuSearch } from '../../src/kernels/patch-search/webgpu.ts';
import { hasWebgpu } from '../tensors/backends.ts';
import { patchesOf, queriesOf } from './patches.ts';

describe.runIf(hasWebgpu)('the search in WGSL', () => {
  it.each([
    { count: 20_000, size: 3, channels: 1, noise: 40, neighbors: 3, queries: 6 },
    // More than a workgroup of queries.
    { count: 1000, size: 5, channels: 3, noise: 70, neighbors: 10, queries: 70 },
    { count: 300, size: 7, channels: 3, noise: 70, neighbors: 16, queries: 6 },
    // The largest patches: five bits of fraction, and tiles of 20 patches.
    { count: 100, size: 16, channels: 3, noise: 70, neighbors: 3, queries: 4 },
    // Fewer patches than candidates.
    { count: 7, size: 5, channels: 1, noise: 70, neighbors: 7, queries: 3 },
    // Equal patches only, in two slices: ties go by index, and with fractions the tree is asked.
    { count: 17_000, size: 3, channels: 1, noise: 1, neighbors: 5, queries: 6 },
  ])('finds what measuring all finds: $count patches of $size×$size×$channels', async (given) => {
    const patches = patchesOf(given.count, given.size, given.channels, given.noise);
    const search = await openWebGpuSearch(patches);
    for (const queries of queriesOf(patches, given.queries)) {
      expect(await search.nearest(queries, given.neighbors)).toEqual(
        searchByMeasuringAll(patches, queries, given.neighbors),
      );
    }
    search.dispose();
  });

  it('orders black and white patches, whose scores are the largest', async () => {
    const patches = patchesOf(64, 16, 3, 1);
    patches.pixels.fill(0, 0, 32 * 768).fill(255, 32 * 768);
    const queries = new Float32Array(3 * 768).fill(255, 768, 2 * 768).fill(254.99, 2 * 768);
    const search = await openWebGpuSearch(patches);
    expect(await search.nearest(queries, 3)).toEqual(searchByMeasuringAll(patches, queries, 3));
    search.dispose();
  });

  it('refuses what it cannot find', async () => {
    const patches = patchesOf(30, 3, 1, 40);
    const search = await openWebGpuSearch(patches);
    const query = new Float32Array(9);
    await expect(search.nearest(query.fill(NaN), 1)).rejects.toThrow('NaN');
    await expect(search.nearest(query.fill(0), mostNeighbors + 1)).rejects.toThrow('at most 16 neighbours');
    await expect(search.nearest(query, 31)).rejects.toThrow(
      'asked for 31 nearest patches, but the database has 30',
    );
    await expect(openWebGpuSearch({ ...patches, shape: [0, 3, 3, 1] })).rejects.toThrow('is empty');
    search.dispose();
  });
});
