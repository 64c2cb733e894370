import { describe, expect, it } from 'vitest';
import { openMatrixSearch } from '../../src/kernels/patch-search/matrix-search.ts';
import { searchByMeasuringAll } from '../../src/kernels/patch-search/reference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';
import { patchesOf, queriesOf } from './patches.ts';

describe.each(readyBackends)('openMatrixSearch on %s', (backend) => {
  it.each([
    { count: 20_000, size: 3, channels: 1, noise: 40, neighbors: 3 },
    { count: 1000, size: 5, channels: 3, noise: 70, neighbors: 10 },
    { count: 300, size: 9, channels: 3, noise: 70, neighbors: 1 },
    // Fewer patches than candidates.
    { count: 7, size: 5, channels: 1, noise: 70, neighbors: 7 },
    // More equal patches than candidates: the certificate fails, and all are measured.
    { count: 400, size: 3, channels: 1, noise: 1, neighbors: 5 },
  ])('finds what measuring all finds: $count patches of $size×$size×$channels', async (given) => {
    await openBackend(backend);
    const patches = patchesOf(given.count, given.size, given.channels, given.noise);
    const [whole, noisy] = queriesOf(patches, 6) as [Float32Array, Float32Array];
    const before = tf.memory().numTensors;
    const search = openMatrixSearch(patches);
    for (const queries of [whole, noisy]) {
      expect(await search.nearest(queries, given.neighbors)).toEqual(
        searchByMeasuringAll(patches, queries, given.neighbors),
      );
    }
    await expect(
      search.nearest(
        whole.map(() => NaN),
        1,
      ),
    ).rejects.toThrow('NaN');
    search.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
