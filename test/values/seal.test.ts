import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checksum, sealOf } from '../../src/values/seal.ts';

it('a changed byte, wherever it is and however the array is aligned, changes the checksum', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 70 }),
      fc.nat(7),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (bytes, offset, at, change) => {
        const array = new Uint8Array(offset + bytes.length).subarray(offset);
        array.set(bytes);
        const before = checksum(array);
        array[at % bytes.length]! ^= change;
        expect(checksum(array)).not.toBe(before);
      },
    ),
  );
});

it('a seal names the array that was written into', () => {
  const value = {
    a: Float32Array.of(1, 2),
    list: [{ axes: { x: 1 }, value: { b: Buffer.from([1, 2]) } }],
    text: 'x',
  };
  const seal = sealOf(value);
  expect(seal()).toBeNull();
  value.list[0]!.value.b[1] = 3;
  expect(seal()).toBe('b');
  value.list[0]!.value.b[1] = 2;
  expect(seal()).toBeNull();
  value.text = 'y';
  expect(seal()).toBe('fields');
});
