import type { Perturbation } from './images.ts';

/** The predictions of a classifier for a batch of images. */
export interface Predictions {
  readonly kind: 'predictions';
  /** Row-major `[count, classes]`; each row sums to 1. */
  readonly probabilities: Float32Array;
  readonly shape: readonly [count: number, classes: number];
  /** True class index of each image, `[count]`. */
  readonly labels: Int32Array;
  /** See `Images.ids`. */
  readonly ids: Int32Array;
  /** Class names by index; empty if they are unknown. */
  readonly classes: readonly string[];
  /** Passed on from the images that were classified. */
  readonly perturbation?: Perturbation;
}
