import { randomStream, type Seed } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { noiseStream } from './goal.ts';
import { imageSize } from './images.ts';

export interface NoiseOptions {
  /** Normal with standard deviation ε, or uniform in [−ε, ε]; ε is the strength. */
  readonly distribution: 'gaussian' | 'uniform';
  readonly seed: Seed;
}

/**
 * x′ = clip(x + ε n, 0, 1) with noise n that uses neither model nor label, keyed by the image's id: the
 * control for every attack.
 */
export function noise({ distribution, seed }: NoiseOptions): Attack {
  return {
    kind: 'direction',
    maximum: 1e3,
    direction: ({ images }) => {
      const size = imageSize(images.shape);
      const direction = new Float32Array(images.pixels.length);
      for (const [row, id] of images.ids.entries()) {
        const stream = randomStream(seed, 0, id, noiseStream);
        const draw = direction.subarray(row * size, (row + 1) * size);
        if (distribution === 'gaussian') stream.fillNormal(draw);
        else for (let at = 0; at < size; at++) draw[at] = 2 * stream.uniform() - 1;
      }
      return Promise.resolve(direction);
    },
  };
}
