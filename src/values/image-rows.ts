import type { Images } from './images.ts';

/** Images without their pixels: who they are, and what an attack did to them. */
export type ImageLabels = Pick<Images, 'labels' | 'ids' | 'classes' | 'perturbation'>;

/**
 * Images whose pixels are read when they are needed, so that a stage never holds all of them. Everything else is in
 * memory.
 */
export interface ImageRows extends ImageLabels, Pick<Images, 'shape' | 'views'> {
  /**
   * The pixels of some rows (views of an image are rows of their own), in any order, each as it is stored: the result
   * is `[rows.length, height, width, channels]`, float32 in [0, 1] or uint8, which stands for value / 255. It
   * belongs to the caller. Throws `RangeError` for a row that there is not.
   */
  readonly read: (rows: Int32Array) => Promise<Float32Array | Uint8Array>;
}

/** The rows of images that are in memory. */
export function rowsInMemory(images: Images): ImageRows {
  const { shape, views, pixels } = images;
  const [count, height, width, channels] = shape;
  const size = height * width * channels;
  return {
    shape,
    views,
    ...labelsOf(images),
    read(rows) {
      const read =
        pixels instanceof Uint8Array
          ? new Uint8Array(rows.length * size)
          : new Float32Array(rows.length * size);
      rows.forEach((row, position) => {
        checkRow(row, count);
        read.set(pixels.subarray(row * size, (row + 1) * size), position * size);
      });
      return Promise.resolve(read);
    },
  };
}

/** Images without their pixels. */
export function labelsOf({ labels, ids, classes, perturbation }: ImageLabels): ImageLabels {
  return { labels, ids, classes, ...(perturbation && { perturbation }) };
}

/** Throws `RangeError` for a row that there is not. */
export function checkRow(row: number, rows: number): void {
  if (!(row >= 0 && row < rows)) throw new RangeError(`there is no row ${row} among ${rows}`);
}

/** Row numbers `first … first + count − 1`. */
export function rowRange(first: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => first + index);
}

/**
 * The inputs of a stage from values that are in memory, as a worker gives them from the store: ports that read images row by
 * row, or without their pixels, get them so. Whatever else is given stays as it is.
 */
export function givenInputs(
  ports: Readonly<Record<string, { readonly access?: 'stream' | 'rows' | 'labels' }>>,
  inputs: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const given = ([name, value]: [string, unknown]): [string, unknown] => {
    const access = ports[name]?.access;
    if (!isImages(value) || access === undefined || access === 'stream') return [name, value];
    return [name, access === 'rows' ? rowsInMemory(value) : labelsOf(value)];
  };
  return Object.fromEntries(Object.entries(inputs).map(given));
}

function isImages(value: unknown): value is Images {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'images';
}
