import type { Perturbation } from './images.ts';

/** What a classifier says of a batch of images. */
export interface Predictions {
  readonly kind: 'predictions';
  /** Row-major `[count, classes]`; each row sums to 1. */
  readonly probabilities: Float32Array;
  readonly shape: readonly [count: number, classes: number];
  /** True class index of each image, `[count]`. */
  readonly labels: Int32Array;
  /** As `Images.ids`. */
  readonly ids: Int32Array;
  /** Class names by index; empty where unknown. */
  readonly classes: readonly string[];
  /** Handed on from the images that were classified. */
  readonly perturbation?: Perturbation;
}
