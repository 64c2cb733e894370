/** Images for the tests of the JPEG round trip, and what sharp makes of them. */
import sharp from 'sharp';
import type { JpegParameters, JpegShape } from '../../src/kernels/jpeg/problem.ts';

export const kinds = ['noise', 'extremes', 'smooth', 'blocks'] as const;
export type Kind = (typeof kinds)[number];

/** Integers below 2³², by Knuth's multiplicative hash twice; the same in test/reference/jpeg.py. */
export function hashed(n: number): number {
  const once = Math.imul(n + 1, 2_654_435_761) >>> 0;
  return Math.imul(once ^ (once >>> 15), 2_246_822_519) >>> 0;
}

/**
 * Bytes of made-up images: noise; black and white values at random; slow waves in integers; flat squares of 5
 * pixels with a little noise. The same in test/reference/jpeg.py.
 */
export function madeUpImages(
  kind: Kind,
  [rows, height, width, channels]: JpegShape,
  seed: number,
): Uint8Array {
  const byteAt = (index: number): number => hashed(index + 1_000_003 * seed) >>> 24;
  return Uint8Array.from({ length: rows * height * width * channels }, (_, index) => {
    if (kind === 'noise') return byteAt(index);
    if (kind === 'extremes') return byteAt(index) < 128 ? 0 : 255;
    const channel = index % channels;
    const pixel = Math.floor(index / channels);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    if (kind === 'smooth') {
      const wave = (3 * x + 2 * y + 40 * channel + 17 * seed) % 256;
      return 2 * Math.min(wave, 255 - wave);
    }
    const square = Math.floor(x / 5) + 1000 * Math.floor(y / 5) + 77 * channel;
    return (15 * byteAt(square) + byteAt(index)) >> 4;
  });
}

/** Each image compressed and decompressed by sharp. */
export async function roundTripBySharp(
  pixels: Uint8Array,
  [rows, height, width, channels]: JpegShape,
  { quality, chroma }: JpegParameters,
): Promise<Uint8Array> {
  const size = height * width * channels;
  const space = channels === 1 ? 'b-w' : 'srgb';
  const images = await Promise.all(
    Array.from({ length: rows }, async (_, row) => {
      const raw = { width, height, channels: channels as 1 | 3 };
      const compressed = await sharp(pixels.subarray(row * size, (row + 1) * size), { raw })
        .toColourspace(space)
        .jpeg({ quality, chromaSubsampling: chroma, mozjpeg: false, optimiseCoding: false })
        .toBuffer();
      return sharp(compressed).toColourspace(space).raw().toBuffer();
    }),
  );
  return new Uint8Array(Buffer.concat(images));
}
