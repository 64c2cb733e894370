import { randomStream } from '../tensors/random.ts';
import type { Defense, Draw, PixelShape } from './defense.ts';

export interface NullificationParameters {
  /** Number of views of each image; each view is one draw. */
  readonly draws: number;
  /** Mean of the share of features that are set to zero, μ. */
  readonly rate: number;
  /** Standard deviation of that share from image to image, σ. */
  readonly deviation: number;
  /** Whether a feature is one channel of a pixel, or the pixel with all its channels. */
  readonly mask: 'pixel-channel' | 'pixel';
}

/**
 * Random feature nullification (Wang, Guo, Zhang, Xing, Giles and Liu 2016, "Random Feature Nullification for Adversary
 * Resistant Deep Architecture"): the share p of an image is drawn from N(μ, σ²) and clipped to [0, 1], and ⌈p · features⌉
 * features, each set of that size equally likely, become zero. Drawn from (seed, draw, id).
 */
export function nullify(
  pixels: Float32Array,
  [, height, width, channels]: PixelShape,
  params: NullificationParameters,
  { seed, draw, ids }: Pick<Draw, 'seed' | 'draw' | 'ids'>,
): Float32Array {
  const result = pixels.slice();
  const size = params.mask === 'pixel' ? channels : 1;
  const features = (height * width * channels) / size;
  const order = new Int32Array(features);
  ids.forEach((id, row) => {
    const random = randomStream(seed, draw, id, nullificationStream);
    const share = Math.min(1, Math.max(0, params.rate + params.deviation * random.normal()));
    const count = nullifiedCount(features, share);
    const first = row * features;
    for (let index = 0; index < features; index++) order[index] = index;
    // The first steps of a Fisher-Yates shuffle: each set of `count` features is equally likely.
    for (let index = 0; index < count; index++) {
      const other = index + random.integer(features - index);
      const chosen = order[other]!;
      order[other] = order[index]!;
      result.fill(0, (first + chosen) * size, (first + chosen + 1) * size);
    }
  });
  return result;
}

/** ⌈p · features⌉, where a product that rounding puts just above a whole number is that number. */
export function nullifiedCount(features: number, share: number): number {
  const product = features * share;
  return Math.ceil(product - product * 2 ** -50);
}

const nullificationStream = 1;

export const nullification: Defense<NullificationParameters> = {
  apply: nullify,
  // The map is a diagonal matrix of zeros and ones, which is its own transpose.
  pullBack: (gradient, _input, shape, params, draw) => nullify(gradient, shape, params, draw),
};
