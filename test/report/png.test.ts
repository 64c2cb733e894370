import fc from 'fast-check';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { encodePng } from '../../src/report/png.ts';

/** What another program reads from a PNG. */
async function decoded(
  png: Uint8Array,
): Promise<{ data: number[]; channels: number; width: number; height: number }> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return { data: [...data], channels: info.channels, width: info.width, height: info.height };
}

it('writes every picture of bytes without loss, as sharp reads it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(1, 3),
      fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
      async (height, width, channels, stream) => {
        const pixels = Uint8Array.from(
          { length: height * width * channels },
          () => stream.next().value as number,
        );
        const read = await decoded(encodePng({ pixels, height, width, channels }));
        expect([read.height, read.width]).toEqual([height, width]);
        // sharp reads grey as three equal channels or as one.
        const own = read.data.filter((_, index) => channels === read.channels || index % read.channels === 0);
        expect(own).toEqual([...pixels]);
      },
    ),
    { numRuns: 60 },
  );
});

it('rounds float32 to the nearest byte, and paints NaN magenta', async () => {
  const pixels = Float32Array.from([0, 1, 0.5, -1, 2, 1 / 255, NaN, 0.2, 0.2]);
  const { data } = await decoded(encodePng({ pixels, height: 1, width: 3, channels: 3 }));
  expect(data).toEqual([0, 255, 128, 0, 255, 1, 255, 0, 255]);
  const grey = await decoded(
    encodePng({ pixels: Float32Array.from([0.2, NaN]), height: 1, width: 2, channels: 1 }),
  );
  expect(grey.data).toEqual([51, 51, 51, 255, 0, 255]);
});

it('filters rows, so that a smooth picture is small', () => {
  const pixels = Uint8Array.from(
    { length: 64 * 64 * 3 },
    (_, index) => (Math.floor(index / 3) % 64) * 2 + Math.floor(index / 192),
  );
  expect(encodePng({ pixels, height: 64, width: 64, channels: 3 }).length).toBeLessThan(400);
});
