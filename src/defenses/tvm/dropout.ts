import type { Dropout } from '../../kernels/philox/dropout.ts';
import { dropValues } from '../../kernels/philox/wasm.ts';
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

/** The dropout of one image with `channels` channels, drawn from (seed, draw, id). */
export function dropoutOf(
  channels: number,
  { keep, mask }: DropoutParameters,
  { seed, draw }: Pick<Draw, 'seed' | 'draw'>,
  id: number,
): Dropout {
  return { seed, counters: [draw, id, dropoutStream], keep, group: mask === 'pixel' ? channels : 1 };
}

/**
 * The pixels `[height, width, channels]` of one image with −1 where a pixel was dropped. Values outside [0, 1]
 * are clipped. Throws `RangeError` for NaN.
 */
export function dropPixels(
  pixels: Float32Array,
  channels: number,
  params: DropoutParameters,
  draw: Pick<Draw, 'seed' | 'draw'>,
  id: number,
): Float32Array {
  const result = pixels.slice();
  if (!dropValues(result, dropoutOf(channels, params, draw, id))) throw notNumbers(id);
  return result;
}

export function notNumbers(id: number): RangeError {
  return new RangeError(`image ${id} has pixels that are not numbers (NaN)`);
}
