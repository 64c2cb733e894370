import { describe, expect, it } from 'vitest';
import { principalAxes } from '../../src/defenses/quilting/principal-axes.ts';
import { openMatrixSearch } from '../../src/kernels/patch-search/matrix-search.ts';
import { searchByMeasuringAll } from '../../src/kernels/patch-search/reference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { Patches } from '../../src/values/patches.ts';
import { readyBackends } from '../tensors/backends.ts';

/** Patches around a few levels: near each other, and some of them equal. */
function patchesOf(count: number, size: number, channels: number, noise: number): Patches {
  const dimensions = size * size * channels;
  const stream = randomStream([count, size]);
  const pixels = new Uint8Array(count * dimensions);
  for (let patch = 0; patch < count; patch++) {
    const level = stream.integer(4) * 60;
    for (let index = 0; index < dimensions; index++)
      pixels[patch * dimensions + index] = level + stream.integer(noise);
  }
  const axes = principalAxes(new Uint8Array(dimensions), dimensions);
  return { kind: 'patches', pixels, shape: [count, size, size, channels], ...axes };
}

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
    const dimensions = given.size ** 2 * given.channels;
    const stream = randomStream([3, 3]);
    const whole = Float32Array.from(patches.pixels.subarray(0, 6 * dimensions));
    const noisy = whole.map((value) => Math.min(255, Math.max(0, value + 16 * stream.uniform() - 8)));
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
