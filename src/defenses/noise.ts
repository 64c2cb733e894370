import { randomStream } from '../tensors/random.ts';
import type { Defense, Draw, PixelShape } from './defense.ts';

export interface NoiseParameters {
  /** Number of views of each image; each view is one draw. */
  readonly draws: number;
  /** Standard deviation of the noise, σ, in units of [0, 1] pixels. */
  readonly sigma: number;
}

/**
 * The noise of randomized smoothing (Cohen, Rosenfeld and Kolter 2019, "Certified Adversarial Robustness via Randomized
 * Smoothing"): clip(x + σ n, 0, 1) with standard normal n for each value. They do not clip. Clipping belongs to the
 * classifier that is smoothed, so that their certificate holds for clip followed by the network. Drawn from (seed, draw, id).
 */
export function addNoise(
  pixels: Float32Array,
  shape: PixelShape,
  { sigma }: NoiseParameters,
  draw: Pick<Draw, 'seed' | 'draw' | 'ids'>,
): Float32Array {
  return noisy(pixels, shape, sigma, draw).map((value) => Math.min(1, Math.max(0, value)));
}

/** x + σ n before clipping. */
function noisy(
  pixels: Float32Array,
  [, height, width, channels]: PixelShape,
  sigma: number,
  { seed, draw, ids }: Pick<Draw, 'seed' | 'draw' | 'ids'>,
): Float32Array {
  const size = height * width * channels;
  const result = new Float32Array(pixels.length);
  ids.forEach((id, row) => {
    const image = result.subarray(row * size, (row + 1) * size);
    randomStream(seed, draw, id).fillNormal(image);
    for (let at = 0; at < size; at++) image[at] = pixels[row * size + at]! + sigma * image[at]!;
  });
  return result;
}

export const noise: Defense<NoiseParameters> = {
  apply: addNoise,
  // The derivative of clipping: 1 within [0, 1], and 0 where the noise has led out of it.
  pullBack: (gradient, input, shape, { sigma }, draw) =>
    noisy(input, shape, sigma, draw).map((value, at) => (value >= 0 && value <= 1 ? gradient[at]! : 0)),
};
