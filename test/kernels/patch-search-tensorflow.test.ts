/** The patch search as functions of TensorFlow, on its build for the CPU if there is no GPU. */
import { beforeAll, describe, expect, it } from 'vitest';
import { searchByMeasuringAll } from '../../src/kernels/patch-search/reference.ts';
import { openTensorflowSearch } from '../../src/kernels/patch-search/tensorflow.ts';
import { openPatchSearch } from '../../src/kernels/patch-search/wasm.ts';
import { samplePatches } from '../../src/defenses/quilting/patch-database.ts';
import { tileQueries, tilesOf } from '../../src/defenses/quilting/quilt.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import { measureTransfers } from '../../src/timing/transfers.ts';
import { photographs } from '../defenses/photographs.ts';
import { readyBackends } from '../tensors/backends.ts';
import { patchesOf, queriesOf } from './patches.ts';
import { namesOf, operationsOf, withoutFunctions } from '../tensors/tensorflow/operations.ts';

const isReady = readyBackends.includes('tensorflow');
if (!isReady) process.stderr.write('SKIPPED: the patch search by TensorFlow, which is not ready\n');

describe.skipIf(!isReady)('openTensorflowSearch', () => {
  beforeAll(() => openBackend('tensorflow'));

  it.each([
    { count: 20_000, size: 3, channels: 1, noise: 40, neighbors: 3 },
    { count: 1000, size: 5, channels: 3, noise: 70, neighbors: 10 },
    { count: 300, size: 9, channels: 3, noise: 70, neighbors: 1 },
    // So many values that the sums of whole numbers are rounded.
    { count: 500, size: 16, channels: 3, noise: 70, neighbors: 2 },
    // Fewer patches than candidates, than a group, and one more than a group.
    { count: 7, size: 5, channels: 1, noise: 70, neighbors: 7 },
    { count: 60, size: 5, channels: 3, noise: 70, neighbors: 60 },
    { count: 65, size: 5, channels: 3, noise: 70, neighbors: 30 },
    // More equal patches than candidates.
    { count: 400, size: 3, channels: 1, noise: 1, neighbors: 5 },
    // As many as there are at most.
    { count: 3000, size: 3, channels: 3, noise: 70, neighbors: 1000 },
  ])(
    'finds what measuring all finds: $count patches of $size×$size×$channels, K = $neighbors',
    async (given) => {
      const patches = patchesOf(given.count, given.size, given.channels, given.noise);
      const before = tf.memory().numTensors;
      for (const roundsProducts of [false, true]) {
        const search = openTensorflowSearch(patches, { roundsProducts });
        for (const queries of queriesOf(patches, Math.min(6, given.count)))
          expect(await search.nearest(queries, given.neighbors)).toEqual(
            searchByMeasuringAll(patches, queries, given.neighbors),
          );
        search.dispose();
      }
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('takes the tree if more patches than candidates are equally near', async () => {
    // Patches of two neighbouring grey levels around four others, all different: many are as far from a query as others.
    const patches = patchesOf(700, 3, 1, 2);
    const [whole, noisy] = queriesOf(patches, 50) as [Float32Array, Float32Array];
    const search = openTensorflowSearch(patches);
    expect(await search.nearest(whole, 3)).toEqual(searchByMeasuringAll(patches, whole, 3));
    const equal = search.doubtful();
    expect(equal).toBeGreaterThan(0);
    expect(await search.nearest(noisy, 3)).toEqual(searchByMeasuringAll(patches, noisy, 3));
    // Roundings of eleven bits hide the differences between those.
    const rounding = openTensorflowSearch(patches, { roundsProducts: true });
    expect(await rounding.nearest(noisy, 3)).toEqual(searchByMeasuringAll(patches, noisy, 3));
    expect(rounding.doubtful()).toBeGreaterThan(search.doubtful() - equal);
    search.dispose();
    rounding.dispose();
  });

  it('finds what the tree finds for the tiles of photographs, and seldom needs it', async () => {
    const photos = await photographs(9);
    if (photos === null) return;
    const [rows, height, width, channels] = photos.shape;
    const held = (rows - 1) * height * width * channels;
    const clean = {
      pixels: photos.pixels.subarray(0, held),
      shape: [rows - 1, height, width, channels] as const,
    };
    const patches = samplePatches(clean, { count: 40_000, size: 5 }, [1, 2]);
    const stream = randomStream([4, 4]);
    const photo = Float32Array.from(photos.pixels.subarray(held), (byte) => byte / 255);
    const attacked = photo.map((value) => value + (16 * (stream.uniform() - 0.5)) / 255);
    const tiles = tilesOf(100, 100, patches, { overlap: 2, compat: 'paper' });
    const [tree, search] = [openPatchSearch(patches), openTensorflowSearch(patches)];
    for (const image of [photo, attacked]) {
      const queries = tileQueries(image, width, tiles, patches.shape);
      for (const neighbors of [1, 10])
        expect(await search.nearest(queries, neighbors)).toEqual(tree.nearest(queries, neighbors));
    }
    expect(search.doubtful()).toBeLessThan(0.01 * 4 * tiles.length);
    search.dispose();
  });

  it('sends the database once, queries as bytes if they are whole, and gets candidates', async () => {
    const [count, dimensions] = [5000, 75];
    const patches = patchesOf(count, 5, 3, 70);
    const [whole, noisy] = queriesOf(patches, 40) as [Float32Array, Float32Array];
    const opening = measureTransfers();
    const search = openTensorflowSearch(patches);
    const rows = Math.ceil(count / 64) * 64;
    // 76 bytes a patch: its values, and whether it only fills a group.
    expect(opening()).toEqual({ fed: rows * 76, fetched: 0 });
    const transfers = async (queries: Float32Array) => {
      const measured = measureTransfers();
      await search.nearest(queries, 1);
      return measured();
    };
    // Nine groups and nine candidates, and the scores of the last ones.
    const fetched = 40 * (9 * 4 + 9 * 4 + 8);
    expect(await transfers(whole)).toEqual({ fed: 40 * 76, fetched });
    expect(await transfers(noisy)).toEqual({ fed: 40 * 4 * dimensions, fetched });
    expect(search.doubtful()).toBe(0);
    search.dispose();
  });

  it('has operations that TensorFlow computes deterministically on a GPU, and no others', async () => {
    const patches = patchesOf(200, 4, 1, 60);
    const found = await operationsOf(async () => {
      const search = openTensorflowSearch(patches);
      for (const queries of queriesOf(patches, 3)) await search.nearest(queries, 1);
      search.dispose();
    });
    // The order of sums inside of a product may change; the result is exact for all of them.
    expect(namesOf(found)).toEqual([
      ...['AddV2', 'BatchMatMulV2', 'Bitcast', 'Cast', 'ConcatV2', 'Const', 'Floor', 'FloorMod', 'GatherV2'],
      ...[
        'MatMul',
        'Max',
        'Maximum',
        'Mul',
        'Pad',
        'Placeholder',
        'Reshape',
        'Square',
        'StridedSlice',
        'Sub',
      ],
      ...['Sum', 'TopKV2', 'ZerosLike'],
    ]);
  });

  it('refuses an empty database, queries that are not numbers and the binding of an earlier set-up', async () => {
    const patches = patchesOf(10, 3, 1, 70);
    expect(() => openTensorflowSearch({ ...patches, shape: [0, 3, 3, 1] })).toThrow('empty');
    const search = openTensorflowSearch(patches);
    await expect(search.nearest(new Float32Array(9).fill(NaN), 1)).rejects.toThrow('NaN');
    search.dispose();
    await withoutFunctions(() => {
      expect(() => openTensorflowSearch(patches)).toThrow('run ravelin setup tensorflow again');
      return Promise.resolve();
    });
  });
});
