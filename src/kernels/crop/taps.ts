/** How pixels of a side are mixed from those of a crop. */
export interface Taps {
  /**
   * Indices, counted from the first of the crop, of the two pixels that each pixel mixes, and the weight of the
   * second.
   */
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weight: Float64Array;
}

/**
 * Pixel i of `length` lies at (i + ½) · size / length − ½ of the crop, but not before its first pixel; beyond its
 * last pixel, the last one is repeated.
 */
export function linearTaps(size: number, length: number): Taps {
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const weight = new Float64Array(length);
  for (let index = 0; index < length; index++) {
    const place = Math.max(0, ((index + 0.5) * size) / length - 0.5);
    const before = Math.min(Math.floor(place), size - 1);
    first[index] = before;
    second[index] = Math.min(before + 1, size - 1);
    weight[index] = place - before;
  }
  return { first, second, weight };
}
