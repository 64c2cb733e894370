/** A database of square patches of images, from which image quilting builds its images. */
export interface Patches {
  readonly kind: 'patches';
  /** Row-major `[count, size, size, channels]`; a byte stands for value / 255. */
  readonly pixels: Uint8Array;
  readonly shape: readonly [count: number, size: number, size: number, channels: number];
  /** Mean patch in grey levels, `[size · size · channels]`. */
  readonly mean: Float32Array;
  /**
   * Principal directions as orthonormal rows in order of falling variance: `[size · size · channels]`
   * squared. Any orthonormal basis gives the same neighbours; this one makes the search fast.
   */
  readonly basis: Float32Array;
}
