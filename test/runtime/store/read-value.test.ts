import { beforeEach, expect, test } from 'vitest';
import { DamagedObjectError } from '../../../src/runtime/store/errors.ts';
import { readValue } from '../../../src/runtime/store/read-value.ts';
import { openStore, type Store } from '../../../src/runtime/store/store.ts';
import { encodeValue } from '../../../src/values/codec.ts';
import type { Images } from '../../../src/values/images.ts';
import { makeFolder } from '../fixtures/graphs.ts';

const images: Images = {
  kind: 'images',
  pixels: Float32Array.of(0.25, 0.5),
  shape: [2, 1, 1, 1],
  views: 1,
  labels: Int32Array.of(0, 1),
  ids: Int32Array.of(4, 5),
  classes: [],
};
let store: Store;
beforeEach(() => {
  store = openStore(makeFolder());
});

test('a value is read as it was written', () => {
  expect(readValue(store, 'images', store.writeObject(encodeValue(images)))).toEqual(images);
});

test.each([
  ['another kind', encodeValue({ kind: 'metrics', rows: [], warnings: [] })],
  ['fewer labels than images', encodeValue({ ...images, labels: Int32Array.of(0) })],
  ['a pixel that is not a number', encodeValue({ ...images, pixels: Float32Array.of(0.25, NaN) })],
  ['an id twice', encodeValue({ ...images, ids: Int32Array.of(4, 4) })],
  ['no value at all', Buffer.from('{}')],
])('an object whose digest is right and that holds %s is damaged', (_, bytes) => {
  const digest = store.writeObject(bytes);
  expect(() => readValue(store, 'images', digest)).toThrow(DamagedObjectError);
});

test.each([
  ['null'],
  ['{"kind":"images"}'],
  ['{"kind":"metrics","rows":[{"axes":{},"values":{"accuracy":"high"}}],"warnings":[]}'],
])('JSON that says %s is not metrics', (text) => {
  const digest = store.writeObject(Buffer.from(text));
  expect(() => readValue(store, 'metrics', digest)).toThrow(/is not a value of kind metrics/);
});
