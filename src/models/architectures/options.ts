/** PyTorch's padding, the same on all sides, or TensorFlow's `SAME`, which depends on the size of the image. */
export type PaddingForm = 'symmetric' | 'tensorflow';

/** The options of every published architecture. */
export interface ArchitectureOptions {
  /** Side of the square RGB images. */
  readonly size: number;
  readonly classes: number;
  /** Read by architectures that exist with both; each has its own default. */
  readonly padding?: PaddingForm;
}
