/** Random crops and flips, keyed by epoch and image id: they do not depend on the batch or its order. */
import { childSeed, randomStream } from '../tensors/random.ts';
import type { RandomStream, Seed } from '../tensors/random.ts';
import type { Augmentation } from './batches.ts';

/**
 * Pads each image by `padding` zero pixels on every side, crops it to its size at a random place (He et al.
 * 2016, section 4.2), and, if `flip` is set, mirrors it left to right with probability ½.
 */
export function cropAndFlip(seed: Seed, { padding, flip }: { padding: number; flip: boolean }): Augmentation {
  return augmentEach(childSeed(seed, augmentStream), (random, source, target, shape) => {
    const down = random.integer(2 * padding + 1) - padding;
    const across = random.integer(2 * padding + 1) - padding;
    const mirrored = flip && random.bernoulli(0.5);
    cropImage(source, target, shape, down, across, mirrored);
  });
}

/**
 * Augments each image by itself: `change` writes `source` into `target`, which is zero, with the random numbers of
 * this image in this epoch.
 */
export function augmentEach(
  key: Seed,
  change: (
    random: RandomStream,
    source: Float32Array,
    target: Float32Array,
    shape: readonly [height: number, width: number, channels: number],
  ) => void,
): Augmentation {
  return (pixels, [, height, width, channels], ids, epoch) => {
    const size = height * width * channels;
    const result = new Float32Array(pixels.length);
    ids.forEach((id, row) => {
      const source = pixels.subarray(row * size, (row + 1) * size);
      const target = result.subarray(row * size, (row + 1) * size);
      change(randomStream(key, epoch, id), source, target, [height, width, channels]);
    });
    return result;
  };
}

/**
 * Writes `target[y, x] = source[y + down, x + across]`, zero outside, and mirrors it if `mirrored`. `target`
 * must be zero.
 */
export function cropImage(
  source: Float32Array,
  target: Float32Array,
  [height, width, channels]: readonly [number, number, number],
  down: number,
  across: number,
  mirrored: boolean,
): void {
  for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
    for (let x = Math.max(0, -across); x < Math.min(width, width - across); x++) {
      const from = ((y + down) * width + x + across) * channels;
      const to = (y * width + (mirrored ? width - 1 - x : x)) * channels;
      for (let c = 0; c < channels; c++) target[to + c] = source[from + c]!;
    }
  }
}

const augmentStream = 3;
