/** A batch of labelled images: what datasets make, attacks perturb and defenses transform. */
import type { Trace } from './trace.ts';

/**
 * How far an attack moved each image, relative to the original that it started from; every array is
 * `[count]`.
 */
export interface Perturbation {
  /** ‖x' − x‖₂ over all pixels, in units of [0, 1] pixels. */
  readonly l2: Float32Array;
  /** max |x' − x|. */
  readonly linf: Float32Array;
  /** Σ |x' − x|; absent in results of earlier versions. */
  readonly l1?: Float32Array;
  /** Number of values (channels of pixels) that differ; absent in results of earlier versions. */
  readonly l0?: Float32Array;
  /** ‖x' − x‖₂ / ‖x‖₂, the dissimilarity of Guo et al. 2018, equation 1, of one image. */
  readonly dissimilarity: Float32Array;
  /** Class that the attacked model predicted for the original; success is measured against it. */
  readonly initial: Int32Array;
  /** Class that a targeted attack aimed at; absent for other attacks, and in results of earlier versions. */
  readonly target?: Int32Array;
  /** Whether the attacked images were rounded to bytes before they were measured; absent if not. */
  readonly rounded?: true;
  /** Set by attacks that are made of several. */
  readonly members?: MemberOutcomes;
  /** The course of the attack, if `trace` asks for it. It stays with the images of the attack itself. */
  readonly trace?: Trace;
}

/** Outcomes of the attacks of an ensemble, one after another on the images that the earlier ones had left. */
export interface MemberOutcomes {
  /** The attacks in their order. */
  readonly names: readonly string[];
  /** Index in `names` of the attack that misclassified each image, `[count]`; −1 if none did. */
  readonly by: Int32Array;
  /** Share of fresh draws of a randomised model in which each image is still right, `[count]`; 0 or 1 without draws. */
  readonly rightShare: Float32Array;
}

export interface Images {
  readonly kind: 'images';
  /**
   * Row-major `[count × views, height, width, channels]`, float32 in [0, 1] or uint8, which stands for value
   * / 255.
   */
  readonly pixels: Float32Array | Uint8Array;
  readonly shape: readonly [rows: number, height: number, width: number, channels: number];
  /**
   * Number of views of each image (draws of a randomised defense), usually 1. The views of one image are
   * consecutive rows.
   */
  readonly views: number;
  /** Class index of each image, `[count]`; −1 for an image without a label. */
  readonly labels: Int32Array;
  /**
   * Index of each image in the dataset that it comes from, `[count]`. It stays with the image through attacks
   * and defenses, keys all randomness, and pairs an adversarial image with its original.
   */
  readonly ids: Int32Array;
  /** Class names by index; empty if the dataset has none. */
  readonly classes: readonly string[];
  /**
   * Set by attacks, and passed on by defenses and predictions; absent for images that were never attacked.
   */
  readonly perturbation?: Perturbation;
}
