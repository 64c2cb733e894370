import { randomStream, type Seed } from '../../tensors/random.ts';
import type { Images } from '../../values/images.ts';
import type { Patches } from '../../values/patches.ts';
import { principalAxes } from './principal-axes.ts';

/** Number of positions in `shape` where a whole patch fits. */
export function placesOf([rows, height, width]: Images['shape'], size: number): number {
  return rows * Math.max(0, height - size + 1) * Math.max(0, width - size + 1);
}

/**
 * Samples `count` patches of `size` × `size` from different positions, every set of positions equally likely
 * (Guo et al. 2018, section 4.3), in the order of the positions. Float pixels are rounded to bytes, halves
 * upwards. Throws `RangeError` for more patches than positions, and for more than 2³² positions.
 */
export function samplePatches(
  images: Pick<Images, 'pixels' | 'shape'>,
  { count, size }: { readonly count: number; readonly size: number },
  seed: Seed,
): Patches {
  const [, height, width, channels] = images.shape;
  const places = placesOf(images.shape, size);
  if (count < 1 || count > places) throw new RangeError(`${count} patches from ${places} places`);
  const [down, across] = [height - size + 1, width - size + 1];
  const rowLength = size * channels;
  const pixels = new Uint8Array(count * size * rowLength);
  let target = 0;
  for (const place of samplePlaces(places, count, seed)) {
    const row = Math.floor(place / (down * across));
    const y = Math.floor(place / across) % down;
    let source = ((row * height + y) * width + (place % across)) * channels;
    for (let line = 0; line < size; line++, source += width * channels) {
      copyBytes(images.pixels, source, pixels, target, rowLength);
      target += rowLength;
    }
  }
  return {
    kind: 'patches',
    pixels,
    shape: [count, size, size, channels],
    ...principalAxes(pixels, size * rowLength),
  };
}

function copyBytes(
  pixels: Float32Array | Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  if (pixels instanceof Uint8Array) {
    for (let index = 0; index < length; index++) target[to + index] = pixels[from + index]!;
  } else {
    for (let index = 0; index < length; index++)
      target[to + index] = Math.floor(pixels[from + index]! * 255 + 0.5);
  }
}

/**
 * `count` different numbers below `places`, ascending (Floyd's sampling: Bentley and Floyd, "A sample of
 * brilliance", 1987).
 */
function samplePlaces(places: number, count: number, seed: Seed): Float64Array {
  const stream = randomStream(seed);
  const chosen = new Set<number>();
  for (let last = places - count; last < places; last++) {
    const place = stream.integer(last + 1);
    chosen.add(chosen.has(place) ? last : place);
  }
  return Float64Array.from(chosen).sort();
}
