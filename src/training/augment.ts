/** Random crops and flips, keyed by epoch and image id: they do not depend on the batch or its order. */
import { childSeed, randomStream } from '../tensors/random.ts';
import type { Seed } from '../tensors/random.ts';
import type { Augmentation } from './batches.ts';

/**
 * Pads each image by `padding` zero pixels on every side, crops it to its size at a random place (He et al.
 * 2016, section 4.2), and, if `flip` is set, mirrors it left to right with probability ½.
 */
export function cropAndFlip(seed: Seed, { padding, flip }: { padding: number; flip: boolean }): Augmentation {
  const key = childSeed(seed, augmentStream);
  return (pixels, [, height, width, channels], ids, epoch) => {
    const size = height * width * channels;
    const result = new Float32Array(pixels.length);
    ids.forEach((id, row) => {
      const random = randomStream(key, epoch, id);
      const down = random.integer(2 * padding + 1) - padding;
      const across = random.integer(2 * padding + 1) - padding;
      const mirrored = flip && random.bernoulli(0.5);
      const source = pixels.subarray(row * size, (row + 1) * size);
      cropImage(
        source,
        result.subarray(row * size, (row + 1) * size),
        [height, width, channels],
        down,
        across,
        mirrored,
      );
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
