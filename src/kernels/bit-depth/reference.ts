/**
 * The definition of bit-depth reduction: each value becomes the nearest multiple of 1 / `steps`, halves upwards.
 * Returns a new array.
 */
export function reduceByDefinition(pixels: Float32Array, steps: number): Float32Array {
  const result = new Float32Array(pixels.length);
  for (let index = 0; index < pixels.length; index++) {
    result[index] = Math.floor(pixels[index]! * steps + 0.5) / steps;
  }
  return result;
}
