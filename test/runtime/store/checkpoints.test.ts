import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../src/runtime/digest.ts';
import { StoreError } from '../../../src/runtime/store/errors.ts';
import { openStore, type Store } from '../../../src/runtime/store/store.ts';
import { makeFolder } from '../fixtures/graphs.ts';

const key = sha256('a training');
const state = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
let store: Store;
let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  store = openStore(makeFolder(), (message) => warnings.push(message));
});

test('a state is read back as it was written, in memory of its own', () => {
  expect(store.readCheckpoint(key)).toBe('absent');
  store.writeCheckpoint(key, state);
  const read = store.readCheckpoint(key) as Uint8Array;
  expect(read).toEqual(state);
  expect(read.byteOffset).toBe(0);
  store.writeCheckpoint(key, new Uint8Array(0));
  expect(store.readCheckpoint(key)).toEqual(new Uint8Array(0));
  store.removeCheckpoint(key);
  expect(store.readCheckpoint(key)).toBe('absent');
  expect(warnings).toEqual([]);
});

test('every flipped bit and every missing or added byte is found, and the file goes to quarantine', () => {
  store.writeCheckpoint(key, state);
  const path = store.checkpointPath(key);
  const original = readFileSync(path);
  const damaged: Buffer[] = [Buffer.concat([original, Buffer.from([0])])];
  for (let bit = 0; bit < original.length * 8; bit++) {
    const bytes = Buffer.from(original);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    damaged.push(bytes);
  }
  for (let length = 0; length < original.length; length++) damaged.push(original.subarray(0, length));
  for (const bytes of damaged) {
    writeFileSync(path, bytes);
    expect(store.readCheckpoint(key)).toBe('damaged');
    expect(existsSync(path)).toBe(false);
  }
  expect(warnings).toHaveLength(damaged.length);
  expect(readdirSync(join(store.folder, 'quarantine')).length).toBeGreaterThan(0);
});

test('the whole checkpoint of another unit in its place is damage', () => {
  const other = sha256('another training');
  store.writeCheckpoint(other, state);
  store.writeCheckpoint(key, state.slice(1));
  writeFileSync(store.checkpointPath(key), readFileSync(store.checkpointPath(other)));
  expect(store.readCheckpoint(key)).toBe('damaged');
});

test('what an earlier version left for the same unit is passed over and left alone', () => {
  const earlier = join(store.folder, 'checkpoints', key, 'state');
  mkdirSync(dirname(earlier), { recursive: true });
  writeFileSync(earlier, 'of an earlier version');
  expect(store.readCheckpoint(key)).toBe('absent');
  store.writeCheckpoint(key, state);
  expect(store.readCheckpoint(key)).toEqual(state);
  expect(existsSync(earlier)).toBe(true);
});

test('a folder that is a file, or a file that is a folder, is a failure of the storage', () => {
  writeFileSync(join(store.folder, 'checkpoints'), '');
  expect(store.readCheckpoint(key)).toBe('absent');
  expect(() => store.writeCheckpoint(key, state)).toThrow(StoreError);
  const other = openStore(makeFolder());
  mkdirSync(other.checkpointPath(key), { recursive: true });
  expect(() => other.readCheckpoint(key)).toThrow(StoreError);
  expect(() => other.writeCheckpoint(key, state)).toThrow(StoreError);
});
