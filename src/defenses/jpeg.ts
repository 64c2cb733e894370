import type { JpegParameters } from '../kernels/jpeg/problem.ts';
import { roundTrip } from '../kernels/jpeg/wasm.ts';
import type { Defense, PixelShape } from './defense.ts';
import { pullBackJpeg } from './jpeg-derivative.ts';

/**
 * Bytes of images that are compressed before messages and signals are looked at, some milliseconds of work; a
 * larger image is compressed at once.
 */
const uninterruptedBytes = 1 << 20;

/**
 * JPEG compression and decompression (Dziugaite, Ghahramani and Roy 2016; Guo et al. 2018, section 4.1) with
 * the arithmetic of libjpeg-turbo and its standard quantisation tables (kernels/jpeg). Pixels are rounded to
 * bytes before, halves upwards. `pixels` is `[n, height, width, channels]` in [0, 1] with 1 channel (grey) or
 * 3; the result has the same shape. Each image is compressed by itself, so the result depends on no other
 * image. Throws `RangeError` for another number of channels.
 */
export async function compressJpeg(
  pixels: Float32Array,
  [rows, height, width, channels]: PixelShape,
  parameters: JpegParameters,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const size = height * width * channels;
  const together = Math.max(1, Math.floor(uninterruptedBytes / size));
  const result = new Uint8Array(rows * size);
  for (let first = 0; first < rows; first += together) {
    signal?.throwIfAborted();
    const count = Math.min(together, rows - first);
    const some = pixels.subarray(first * size, (first + count) * size);
    result.set(roundTrip(some, [count, height, width, channels], parameters), first * size);
    await new Promise(setImmediate);
  }
  return result;
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
