/** The IDX files of MNIST and the batches of CIFAR-10. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StageError } from '../../src/runtime/stage.ts';
import { cifarBatches, readCifarRecords } from '../../src/stages/dataset/shared/cifar-batches.ts';
import { readIdxHeader, readIdxItems } from '../../src/stages/dataset/shared/idx.ts';
import { joined, mutateBytes, pick } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const idx = (...shape: readonly number[]): Uint8Array => {
  const header = new Uint8Array(4 + 4 * shape.length);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x0800 | shape.length);
  shape.forEach((extent, axis) => view.setUint32(4 + 4 * axis, extent));
  return joined(header, new Uint8Array(shape.reduce((product, extent) => product * extent, 1)).fill(3));
};
const idxSeeds = [idx(3, 4, 5), idx(7), idx(2, 28, 28), idx(0, 3, 3)];

export function idxTarget(): FuzzTarget {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const path = join(folder, 'images');
  return {
    name: 'idx',
    documented: [StageError],
    make: (random) => mutateBytes(idxSeeds, random),
    run: async (bytes) => {
      writeFileSync(path, bytes);
      // The number of dimensions is the caller's.
      const dimensions = bytes[3] === 1 ? 1 : 3;
      const { count, itemShape } = await readIdxHeader(path, dimensions);
      if (count > bytes.length) throw new Broken(`${count} items in ${bytes.length} bytes`);
      const { bytes: items } = await readIdxItems(path, dimensions, 0, count);
      if (items.length !== itemShape.reduce((product, extent) => product * extent, count))
        throw new Broken('items are missing');
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function cifarTarget(): FuzzTarget {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-fuzz-'));
  const seeds = [1, 2].map((records) => new Uint8Array(3073 * records).fill(9));
  return {
    name: 'cifar',
    documented: [StageError],
    // Nearly every mutation has no whole number of records: half of them are filled up.
    make: (random) => {
      const bytes = mutateBytes(seeds, random);
      const missing = (3073 - (bytes.length % 3073)) % 3073;
      return random.bernoulli(0.5)
        ? bytes
        : joined(bytes, new Uint8Array(missing).fill(pick([0, 9, 10], random)));
    },
    run: async (bytes) => {
      writeFileSync(join(folder, 'test_batch.bin'), bytes);
      const batches = await cifarBatches(folder, 'test');
      const count = batches.reduce((sum, batch) => sum + batch.count, 0);
      const { pixels, labels } = await readCifarRecords(batches, 0, count);
      if (pixels.length !== count * 3072 || labels.some((label) => label > 9))
        throw new Broken('records are wrong');
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
