import { firstWords } from '../../kernels/philox/wasm.ts';
import type { Draw } from '../defense.ts';

export interface DropoutParameters {
  /** Probability that a pixel is kept. */
  readonly keep: number;
  /** Whether each channel of a pixel is kept by itself, as in the paper, or all channels together. */
  readonly mask: 'pixel-channel' | 'pixel';
}

/**
 * Counter of the dropout's random stream. Other draws for an image with the same seed and draw, such as a
 * crop, use other streams.
 */
const dropoutStream = 1;

/**
 * The pixels `[height, width, channels]` of one image with −1 where a pixel was dropped, drawn from (seed,
 * draw, id). Values outside [0, 1] are clipped. Throws `RangeError` for NaN.
 */
export function dropPixels(
  pixels: Float32Array,
  channels: number,
  { keep, mask }: DropoutParameters,
  { seed, draw }: Pick<Draw, 'seed' | 'draw'>,
  id: number,
): Float32Array {
  const group = mask === 'pixel' ? channels : 1;
  const words = firstWords(keep < 1 ? pixels.length / group : 0, seed, [draw, id, dropoutStream]);
  const threshold = keep * 2 ** 32;
  const result = new Float32Array(pixels.length);
  for (let index = 0; index < result.length; index++) {
    const value = pixels[index]!;
    if (value !== value) throw new RangeError(`image ${id} has pixels that are not numbers (NaN)`);
    const isKept = keep >= 1 || words[group === 1 ? index : Math.floor(index / group)]! < threshold;
    result[index] = isKept ? Math.min(1, Math.max(0, value)) : -1;
  }
  return result;
}
