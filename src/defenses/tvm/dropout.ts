import { firstWords } from '../../kernels/philox/wasm.ts';
import type { Draw } from '../defense.ts';

export interface DropoutParameters {
  /** Probability of each pixel to be kept. */
  readonly keep: number;
  /** Whether the channels of a pixel are kept each by itself, as in the paper, or together. */
  readonly mask: 'pixel-channel' | 'pixel';
}

/** What else is drawn for an image by the same seed and draw (a crop) uses other streams. */
const dropoutStream = 1;

/**
 * The pixels `[height, width, channels]` of one image with −1 where a pixel was dropped, drawn from (seed, draw, id). What lies
 * beyond [0, 1] counts as the nearer end. Throws `RangeError` for NaN.
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
