import { randomStream, type Seed } from '../../tensors/random.ts';
import { type ImageRows, rowRange } from '../../values/image-rows.ts';
import type { Images } from '../../values/images.ts';
import type { Patches } from '../../values/patches.ts';
import { principalAxes } from './principal-axes.ts';
import { elementCount } from '../../values/element-count.ts';

/** Number of positions in `shape` where a whole patch fits. */
export function placesOf([rows, height, width]: Images['shape'], size: number): number {
  return rows * Math.max(0, height - size + 1) * Math.max(0, width - size + 1);
}

interface Request {
  readonly count: number;
  readonly size: number;
}

/**
 * Samples `count` patches of `size` × `size` from different positions, every set of positions equally likely
 * (Guo et al. 2018, section 4.3), in the order of the positions. Float pixels are rounded to bytes, halves
 * upwards. Throws `RangeError` for more patches than positions, and for more than 2³² positions.
 */
export function samplePatches(
  images: Pick<Images, 'pixels' | 'shape'>,
  request: Request,
  seed: Seed,
): Patches {
  const sampling = new Sampling(images.shape, request, seed);
  sampling.take(images.pixels, 0, images.shape[0]);
  return sampling.patches();
}

/** The patches that `samplePatches` gives, from images of which a few are read at a time. */
export async function sampleRows(
  images: Pick<ImageRows, 'read' | 'shape'>,
  request: Request,
  seed: Seed,
): Promise<Patches> {
  const sampling = new Sampling(images.shape, request, seed);
  const [rows, ...extents] = images.shape;
  const step = Math.max(1, Math.floor(readValues / elementCount(extents)));
  for (let first = sampling.nextRow(); first < rows; first = sampling.nextRow()) {
    const count = Math.min(step, rows - first);
    sampling.take(await images.read(rowRange(first, count)), first, count);
  }
  return sampling.patches();
}

/** A sample of patches, which are taken from the images in the order of the rows. */
class Sampling {
  readonly #shape: Images['shape'];
  readonly #size: number;
  readonly #places: Float64Array;
  readonly #pixels: Uint8Array;
  #taken = 0;

  constructor(shape: Images['shape'], { count, size }: Request, seed: Seed) {
    const places = placesOf(shape, size);
    if (count < 1 || count > places)
      throw new RangeError(`asked for ${count} patches, but the images have only ${places} places for one`);
    this.#shape = shape;
    this.#size = size;
    this.#places = samplePlaces(places, count, seed);
    this.#pixels = new Uint8Array(count * size * size * shape[3]);
  }

  /** The row of the next patch; Infinity after the last. */
  nextRow(): number {
    return this.#taken < this.#places.length ? this.#positionOf(this.#places[this.#taken]!).row : Infinity;
  }

  /** Takes the patches of the rows `first … first + count − 1`, whose pixels these are. */
  take(pixels: Images['pixels'], first: number, count: number): void {
    const [, height, width, channels] = this.#shape;
    const rowLength = this.#size * channels;
    for (; this.#taken < this.#places.length; this.#taken++) {
      const { row, x, y } = this.#positionOf(this.#places[this.#taken]!);
      if (row >= first + count) return;
      let source = (((row - first) * height + y) * width + x) * channels;
      let target = this.#taken * this.#size * rowLength;
      for (let line = 0; line < this.#size; line++, source += width * channels, target += rowLength)
        copyBytes(pixels, source, this.#pixels, target, rowLength);
    }
  }

  patches(): Patches {
    const channels = this.#shape[3];
    const shape = [this.#places.length, this.#size, this.#size, channels] as const;
    return {
      kind: 'patches',
      pixels: this.#pixels,
      shape,
      ...principalAxes(this.#pixels, this.#size * this.#size * channels),
    };
  }

  #positionOf(place: number): { readonly row: number; readonly x: number; readonly y: number } {
    const [, height, width] = this.#shape;
    const [down, across] = [height - this.#size + 1, width - this.#size + 1];
    return {
      row: Math.floor(place / (down * across)),
      y: Math.floor(place / across) % down,
      x: place % across,
    };
  }
}

/** Pixel values that are read at a time. */
const readValues = 1 << 22;

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
