import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeValue, encodeValue } from '../../src/values/codec.ts';
import type { Images } from '../../src/values/images.ts';
import { canonicalJson, type Json } from '../../src/values/json.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensorsHeader,
  SafetensorsError,
} from '../../src/values/safetensors.ts';
import type { Preparation } from '../../src/values/preparation.ts';
import { concatValues, countOf, sliceValue, toFloats } from '../../src/values/slices.ts';

const arrayOfImages = fc
  .record({
    count: fc.integer({ min: 1, max: 9 }),
    views: fc.integer({ min: 1, max: 3 }),
    height: fc.integer({ min: 1, max: 4 }),
    width: fc.integer({ min: 1, max: 4 }),
    channels: fc.constantFrom(1, 3),
    bytes: fc.boolean(),
    attacked: fc.boolean(),
  })
  .map(({ count, views, height, width, channels, bytes, attacked }): Images => {
    const size = count * views * height * width * channels;
    const values = Uint8Array.from({ length: size }, (_, index) => (index * 37) % 256);
    const reals = () => Float32Array.from({ length: count }, (_, index) => index / 7);
    return {
      kind: 'images',
      pixels: bytes ? values : toFloats(values),
      shape: [count * views, height, width, channels],
      views,
      labels: Int32Array.from({ length: count }, (_, index) => index % 10),
      ids: Int32Array.from({ length: count }, (_, index) => index + 100),
      classes: ['a', 'b "quoted" ü'],
      ...(attacked && {
        perturbation: {
          l2: reals(),
          linf: reals(),
          dissimilarity: reals(),
          initial: Int32Array.from({ length: count }, () => 3),
        },
      }),
    };
  });

const preparations = fc
  .record({ count: fc.integer({ min: 1, max: 9 }), signs: fc.boolean() })
  .map(({ count, signs }): Preparation => {
    const values = Int8Array.from({ length: count * 6 }, (_, index) => ((index * 5) % 3) - 1);
    return {
      kind: 'preparation',
      displacement: signs ? values : Float32Array.from(values, (value) => value / 7),
      shape: [count, 2, 3, 1],
      initial: Int32Array.from({ length: count }, (_, index) => index % 10),
      states: Uint8Array.from({ length: count }, (_, index) => index % 3),
      flat: Uint8Array.from({ length: count }, (_, index) => index % 2),
      ids: Int32Array.from({ length: count }, (_, index) => index + 100),
    };
  });

describe('values', () => {
  it('of what an attack prepared survive encoding, cutting and joining', () => {
    fc.assert(
      fc.property(preparations, fc.integer({ min: 1, max: 10 }), (preparation, shard) => {
        const bytes = encodeValue(preparation);
        const decoded = decodeValue('preparation', bytes) as Preparation;
        expect(decoded).toEqual(preparation);
        expect(encodeValue(decoded)).toEqual(bytes);
        const parts: Preparation[] = [];
        for (let first = 0; first < countOf(decoded); first += shard)
          parts.push(sliceValue(decoded, first, Math.min(shard, countOf(decoded) - first)));
        expect(concatValues(parts)).toEqual(preparation);
      }),
    );
  });

  it('survive encoding and decoding, and equal values give equal bytes', () => {
    fc.assert(
      fc.property(arrayOfImages, (images) => {
        const bytes = encodeValue(images);
        expect(decodeValue('images', bytes)).toEqual(images);
        expect(encodeValue(decodeValue('images', bytes))).toEqual(bytes);
      }),
    );
  });

  it('are the same after being cut into shards of any size and joined', () => {
    fc.assert(
      fc.property(arrayOfImages, fc.integer({ min: 1, max: 10 }), (images, shard) => {
        const parts: Images[] = [];
        for (let first = 0; first < countOf(images); first += shard) {
          parts.push(sliceValue(images, first, Math.min(shard, countOf(images) - first)));
        }
        expect(concatValues(parts)).toEqual(images);
      }),
    );
  });
});

describe('safetensors', () => {
  it('refuse any damaged header with a SafetensorsError', () => {
    const good = encodeSafetensors(
      { x: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } },
      { a: 'b' },
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (position, byte) => {
        const bad = good.slice();
        bad[position] = byte;
        try {
          readSafetensorsHeader(bad, bad.length);
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
    );
    for (let length = 0; length < good.length; length++) {
      expect(() => decodeSafetensors(good.slice(0, length))).toThrow(SafetensorsError);
    }
  });

  it('decode from a Node Buffer, whose slice() is a view, as from plain bytes', () => {
    const tensors = { x: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } } as const;
    const bytes = encodeSafetensors(tensors);
    expect(decodeSafetensors(Buffer.from(bytes)).tensors).toEqual(decodeSafetensors(bytes).tensors);
    expect(decodeSafetensors(Buffer.from(bytes)).tensors['x']!.data).toEqual(Float32Array.of(1, 2));
  });

  it('lay tensors out at multiples of their element size', () => {
    const bytes = encodeSafetensors({
      a: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
      b: { dtype: 'F32', shape: [1], data: Float32Array.of(5) },
    });
    const { tensors, dataStart } = readSafetensorsHeader(bytes, bytes.length);
    expect(dataStart % 8).toBe(0);
    expect(tensors.get('b')).toMatchObject({ start: 0, end: 4 });
    expect(tensors.get('a')).toMatchObject({ start: 4, end: 7 });
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of keys and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = canonicalJson(value as Json);
        expect(canonicalJson(JSON.parse(text) as Json)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(canonicalJson({ b: 1, a: [true, null, 'x'] })).toBe('{"a":[true,null,"x"],"b":1}');
  });

  it('refuses numbers that JSON cannot say', () => {
    expect(() => canonicalJson(NaN)).toThrow('NaN has no JSON form');
  });
});
