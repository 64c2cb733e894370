import type { Defense, PixelShape } from './defense.ts';

export interface MedianParameters {
  /** Side of the window, odd. */
  readonly size: number;
}

/**
 * Median of the size × size window around each pixel, channel by channel (Xu, Evans and Qi 2017, section
 * II.C). Beyond its edges, the image is mirrored with the edge pixel repeated (d c b a | a b c d | d c b a),
 * which scipy calls `reflect`.
 */
export function medianFilter(
  pixels: Float32Array,
  shape: PixelShape,
  { size }: MedianParameters,
): Float32Array {
  const [rows, height, width, channels] = shape;
  const length = height * width * channels;
  const result = new Float32Array(pixels.length);
  const filter = size === 3 ? medianOfNine : medianOfWindow;
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * length, (row + 1) * length];
    filter(pixels.subarray(from, to), result.subarray(from, to), [height, width, channels], size);
  }
  return result;
}

type ImageShape = readonly [height: number, width: number, channels: number];

/**
 * 3 × 3 windows share their sorted columns: the median of nine values is the median of the largest column
 * minimum, the median of the column medians, and the smallest column maximum.
 */
function medianOfNine(
  image: Float32Array,
  result: Float32Array,
  [height, width, channels]: ImageShape,
): void {
  const line = width * channels;
  const [low, middle, high] = [new Float32Array(line), new Float32Array(line), new Float32Array(line)];
  for (let y = 0; y < height; y++) {
    const above = Math.max(0, y - 1) * line;
    const here = y * line;
    const below = Math.min(height - 1, y + 1) * line;
    for (let x = 0; x < line; x++) {
      const a = image[above + x]!;
      const b = image[here + x]!;
      const c = image[below + x]!;
      low[x] = Math.min(a, b, c);
      middle[x] = medianOfThree(a, b, c);
      high[x] = Math.max(a, b, c);
    }
    for (let x = 0; x < line; x++) {
      const left = x < channels ? x : x - channels;
      const right = x >= line - channels ? x : x + channels;
      result[here + x] = medianOfThree(
        Math.max(low[left]!, low[x]!, low[right]!),
        medianOfThree(middle[left]!, middle[x]!, middle[right]!),
        Math.min(high[left]!, high[x]!, high[right]!),
      );
    }
  }
}

/** Has no branches, because noise would make them unpredictable. */
function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function medianOfWindow(
  image: Float32Array,
  result: Float32Array,
  [height, width, channels]: ImageShape,
  size: number,
): void {
  const window = new Float32Array(size * size);
  const radius = (size - 1) / 2;
  const columns = Int32Array.from(
    { length: width + 2 * radius },
    (_, x) => mirror(x - radius, width) * channels,
  );
  for (let y = 0; y < height; y++) {
    const lines = Array.from({ length: size }, (_, k) => mirror(y + k - radius, height) * width * channels);
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let count = 0;
        for (const line of lines) {
          for (let k = 0; k < size; k++) window[count++] = image[line + columns[x + k]! + c]!;
        }
        result[(y * width + x) * channels + c] = middleOf(window);
      }
    }
  }
}

/** Index of the pixel that stands at `index` when the edges are mirrored with the edge pixel repeated. */
function mirror(index: number, length: number): number {
  const place = ((index % (2 * length)) + 2 * length) % (2 * length);
  return place < length ? place : 2 * length - 1 - place;
}

/** Median of an odd number of values by Hoare's selection, which reorders them. */
function middleOf(values: Float32Array): number {
  const target = (values.length - 1) / 2;
  let [from, to] = [0, values.length - 1];
  while (from < to) {
    const pivot = values[target]!;
    let [left, right] = [from, to];
    while (left <= right) {
      while (values[left]! < pivot) left++;
      while (values[right]! > pivot) right--;
      if (left > right) break;
      const swap = values[left]!;
      values[left++] = values[right]!;
      values[right--] = swap;
    }
    if (right < target) from = left;
    if (left > target) to = right;
  }
  return values[target]!;
}

export const median: Defense<MedianParameters> = { apply: medianFilter };
