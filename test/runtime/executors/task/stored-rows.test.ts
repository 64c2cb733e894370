import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { DamagedInputsError } from '../../../../src/runtime/executors/task/damaged-inputs.ts';
import { InputCache } from '../../../../src/runtime/executors/task/input-cache.ts';
import { openStoredRows, readStoredLabels } from '../../../../src/runtime/executors/task/stored-rows.ts';
import { openStore, type Store } from '../../../../src/runtime/store/store.ts';
import { randomStream } from '../../../../src/tensors/random.ts';
import { encodeValue } from '../../../../src/values/codec.ts';
import { rowsInMemory } from '../../../../src/values/image-rows.ts';
import type { Images } from '../../../../src/values/images.ts';
import { concatValues } from '../../../../src/values/slices.ts';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

let store: Store;
beforeEach(() => {
  folders.push(mkdtempSync(join(tmpdir(), 'ravelin-rows-')));
  store = openStore(folders.at(-1)!);
});

/** Noise of two views an image. */
function noise(first: number, count: number, as: 'bytes' | 'floats'): Images {
  const random = randomStream([3, 3], first);
  const length = count * 2 * 12;
  const pixels =
    as === 'bytes'
      ? Uint8Array.from({ length }, () => random.integer(256))
      : Float32Array.from({ length }, () => random.uniform());
  const ids = Int32Array.from({ length: count }, (_, index) => first + index);
  return {
    kind: 'images',
    pixels,
    shape: [count * 2, 2, 2, 3],
    views: 2,
    labels: ids.map((id) => id % 3),
    ids,
    classes: [],
  };
}

function write(parts: readonly Images[]): string[] {
  return parts.map((part) => store.writeObject(encodeValue(part)));
}

const order = Int32Array.of(17, 3, 4, 5, 0, 19, 18, 9, 10, 3);

describe('stored rows', () => {
  it.each([
    ['bytes', [noise(0, 4, 'bytes'), noise(4, 4, 'bytes'), noise(8, 2, 'bytes')]],
    ['floats', [noise(0, 4, 'floats'), noise(4, 4, 'floats'), noise(8, 2, 'floats')]],
    ['both', [noise(0, 4, 'bytes'), noise(4, 4, 'floats'), noise(8, 2, 'bytes')]],
  ])('of %s are those of the joined images, however many stay in memory', async (_, parts) => {
    const whole = concatValues(parts);
    const expected = await rowsInMemory(whole).read(order);
    const digests = write(parts);
    for (const limit of [0, parts[0]!.pixels.byteLength, 1e6]) {
      const rows = openStoredRows(digests, store, { limit });
      expect(rows.shape).toEqual(whole.shape);
      expect(rows.labels).toEqual(whole.labels);
      expect(rows.ids).toEqual(whole.ids);
      expect(await rows.read(order), `limit ${limit}`).toEqual(expected);
    }
    expect(readStoredLabels(digests, store)).toEqual({ labels: whole.labels, ids: whole.ids, classes: [] });
    const rows = openStoredRows(digests, store);
    await expect(rows.read(Int32Array.of(20))).rejects.toThrow(RangeError);
  });

  it('that are damaged after they were opened are never handed out, and are told of', async () => {
    const digests = write([noise(0, 4, 'bytes'), noise(4, 4, 'bytes'), noise(8, 2, 'bytes')]);
    const told: string[] = [];
    const rows = openStoredRows(digests, store, { limit: 0, onDamage: (found) => told.push(...found) });
    const path = store.objectPath(digests[1]!);
    const bytes = readFileSync(path);
    const last = bytes.length - 1;
    // The pixels are the tensor of the largest share: a bit in the middle of the file is one of them.
    const at = bytes.indexOf(Buffer.from((await rows.read(Int32Array.of(9))) as Uint8Array));
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(last);
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
    expect(await rows.read(Int32Array.of(8, 10))).toHaveLength(24);
    await expect(rows.read(Int32Array.of(0, 9))).rejects.toThrow(DamagedInputsError);
    expect(told).toEqual([digests[1]]);
    rmSync(store.objectPath(digests[2]!));
    await expect(rows.read(Int32Array.of(9, 17))).rejects.toMatchObject({
      digests: expect.arrayContaining([digests[1], digests[2]]) as string[],
    });
  });

  it('tell of all objects that are damaged when they are opened', () => {
    const digests = write([noise(0, 4, 'bytes'), noise(4, 4, 'bytes'), noise(8, 2, 'bytes')]);
    for (const digest of [digests[0]!, digests[2]!]) rmSync(store.objectPath(digest));
    for (const open of [openStoredRows, readStoredLabels]) {
      let error: unknown;
      try {
        open(digests, store);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(DamagedInputsError);
      expect((error as DamagedInputsError).digests).toEqual([digests[0], digests[2]]);
    }
  });
});

it('a worker keeps fewer bytes of images than of what all shards read', () => {
  const cache = new InputCache();
  const images = noise(0, 1, 'bytes');
  const metrics = { kind: 'metrics', rows: [], warnings: [] } as const;
  for (const key of ['a', 'b', 'c']) {
    cache.set(`images ${key}`, images, 3 << 20);
    cache.set(`metrics ${key}`, metrics, 3 << 20);
  }
  expect(['a', 'b', 'c'].map((key) => cache.get(`images ${key}`) === images)).toEqual([false, true, true]);
  expect(['a', 'b', 'c'].every((key) => cache.get(`metrics ${key}`) === metrics)).toBe(true);
  cache.clear();
  expect(cache.get('metrics a') ?? cache.get('images c')).toBeUndefined();
});
