/**
 * Sums over the values of an image in float64, in an order that a device can keep: the second half of the values is added to
 * the first, value by value, until one is left; of an odd number the one in the middle waits. Each step is a sum of two
 * numbers, which IEEE 754 defines to the bit, and an error grows with the logarithm of the size instead of the size.
 */

/** Terms of the sum that is being computed. */
let terms = new Float64Array(0);

function room(size: number): Float64Array {
  if (terms.length < size) terms = new Float64Array(size);
  return terms;
}

/** The number of values after a step from `size` values. */
export function halfOf(size: number): number {
  return Math.ceil(size / 2);
}

/** Adds up the first `size` values, which it overwrites; 0 for none. */
export function sumByHalves(values: Float64Array, size: number): number {
  for (let left = size; left > 1; left = halfOf(left)) {
    const half = halfOf(left);
    for (let at = 0; half + at < left; at++) values[at]! += values[half + at]!;
  }
  return size === 0 ? 0 : values[0]!;
}

/** ‖v‖². */
export function sumOfSquares(values: Float32Array): number {
  const size = values.length;
  const squares = room(size);
  for (let at = 0; at < size; at++) {
    const value = values[at]!;
    squares[at] = value * value;
  }
  return sumByHalves(squares, size);
}

/** ‖v‖₁. */
export function sumOfSizes(values: Float32Array): number {
  const size = values.length;
  const sizes = room(size);
  for (let at = 0; at < size; at++) sizes[at] = Math.abs(values[at]!);
  return sumByHalves(sizes, size);
}

/** ‖y − x‖² of the `size` values of x from `from` on and those of y from `at` on. */
export function squaredDistance(
  x: Float32Array,
  from: number,
  y: Float32Array,
  at: number,
  size: number,
): number {
  const squares = room(size);
  for (let offset = 0; offset < size; offset++) {
    const difference = y[at + offset]! - x[from + offset]!;
    squares[offset] = difference * difference;
  }
  return sumByHalves(squares, size);
}
