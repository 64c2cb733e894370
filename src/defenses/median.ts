import type { PixelShape } from './apply.ts';

export interface MedianParameters {
  /** Side of the window, odd. */
  readonly size: number;
}

/**
 * Median of the size × size window around each pixel, channel by channel (Xu, Evans and Qi 2017, section II.C). Outside the image its
 * pixels are mirrored with the edge repeated (d c b a | a b c d | d c b a), which scipy calls `reflect`.
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
 * 3 × 3 windows share their sorted columns: the median of nine is the median of the largest of the column minima, the median of the
 * column medians and the smallest of the column maxima.
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
      const [a, b, c] = [image[above + x]!, image[here + x]!, image[below + x]!];
      const [smaller, larger] = a < b ? [a, b] : [b, a];
      low[x] = c < smaller ? c : smaller;
      high[x] = c > larger ? c : larger;
      middle[x] = c < smaller ? smaller : c > larger ? larger : c;
    }
    for (let x = 0; x < line; x++) {
      const left = x < channels ? x : x - channels;
      const right = x >= line - channels ? x : x + channels;
      result[here + x] = median(
        largest(low[left]!, low[x]!, low[right]!),
        median(middle[left]!, middle[x]!, middle[right]!),
        -largest(-high[left]!, -high[x]!, -high[right]!),
      );
    }
  }
}

function largest(a: number, b: number, c: number): number {
  const larger = a > b ? a : b;
  return larger > c ? larger : c;
}

function median(a: number, b: number, c: number): number {
  const smaller = a < b ? a : b;
  const larger = a < b ? b : a;
  return c < smaller ? smaller : c > larger ? larger : c;
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

/** Median of an odd number of values, by Hoare's selection; reorders them. */
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
