import sharp from 'sharp';
import type { Defense } from './defense.ts';
import { type JpegParameters, pullBackJpeg } from './jpeg-derivative.ts';

/** Number of images that libuv's threads work on at a time. */
const concurrency = 8;

/**
 * JPEG compression and decompression (Dziugaite, Ghahramani and Roy 2016; Guo et al. 2018, section 4.1) by
 * libjpeg-turbo through sharp, with the plain encoder settings (mozjpeg off: no trellis quantisation, no scan
 * optimisation; standard quantisation tables). Pixels are first rounded to bytes, halves upwards. `pixels` is
 * `[n, height, width, channels]` in [0, 1] with 1 channel (encoded as grey) or 3; the result has the same
 * shape. Each image is compressed independently of the others.
 */
export async function compressJpeg(
  pixels: Float32Array,
  shape: readonly [rows: number, height: number, width: number, channels: number],
  { quality, chroma }: JpegParameters,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const [rows, height, width, channels] = shape;
  if (channels !== 1 && channels !== 3) throw new RangeError(`JPEG holds 1 or 3 channels, not ${channels}`);
  const size = height * width * channels;
  const result = new Uint8Array(rows * size);
  const compressRow = async (row: number): Promise<void> => {
    const bytes = toBytes(pixels.subarray(row * size, (row + 1) * size));
    const compressed = await sharp(bytes, { raw: { width, height, channels } })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .jpeg({ quality, chromaSubsampling: chroma, mozjpeg: false, optimiseCoding: false })
      .toBuffer();
    const { data, info } = await sharp(compressed)
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== channels)
      throw new Error(`sharp decoded ${info.channels} channels from ${channels}`);
    result.set(data, row * size);
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < rows) {
      signal?.throwIfAborted();
      await compressRow(next++);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, rows) }, worker));
  return result;
}

function toBytes(pixels: Float32Array): Uint8Array {
  const bytes = new Uint8Array(pixels.length);
  // Storing truncates, so adding 0.5 rounds. It is faster than Math.round and gives the same for every
  // float32.
  for (let index = 0; index < bytes.length; index++) bytes[index] = pixels[index]! * 255 + 0.5;
  return bytes;
}

export const jpeg: Defense<JpegParameters> = {
  apply: (pixels, shape, params, { signal }) => compressJpeg(pixels, shape, params, signal),
  pullBack: (gradient, input, shape, params) => pullBackJpeg(gradient, shape, params, input),
  check: ([, , , channels]) =>
    channels === 1 || channels === 3
      ? null
      : {
          message: `JPEG takes images of 1 or 3 channels, and these have ${channels}`,
          fix: 'use images of 1 or 3 channels',
        },
};
