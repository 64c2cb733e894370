/** Number of elements of an array of this shape: the product of its extents, 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, extent) => count * extent, 1);
}
