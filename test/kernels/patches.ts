import { principalAxes } from '../../src/defenses/quilting/principal-axes.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { Patches } from '../../src/values/patches.ts';

/** Patches around a few levels: near each other, and some of them equal. */
export function patchesOf(count: number, size: number, channels: number, noise: number): Patches {
  const dimensions = size * size * channels;
  const stream = randomStream([count, size]);
  const pixels = new Uint8Array(count * dimensions);
  for (let patch = 0; patch < count; patch++) {
    const level = stream.integer(4) * 60;
    for (let index = 0; index < dimensions; index++)
      pixels[patch * dimensions + index] = level + stream.integer(noise);
  }
  const axes = principalAxes(new Uint8Array(dimensions), dimensions);
  return { kind: 'patches', pixels, shape: [count, size, size, channels], ...axes };
}

/** The first patches as queries: as they are, and with noise between grey levels. */
export function queriesOf({ pixels, shape: [, size, , channels] }: Patches, length: number): Float32Array[] {
  const stream = randomStream([3, 3]);
  const whole = Float32Array.from(pixels.subarray(0, length * size * size * channels));
  return [whole, whole.map((value) => Math.min(255, Math.max(0, value + 16 * stream.uniform() - 8)))];
}
