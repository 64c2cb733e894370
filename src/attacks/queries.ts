import type { AttackLoss, LabelLoss, TargetedDlr } from '../models/classifier.ts';
import type { ImageBatch } from './images.ts';

export type { AttackLoss, LabelLoss, TargetedDlr };

export interface Gradients {
  /** Same layout as the pixels of the batch. NaN is replaced by 0. */
  readonly gradient: Float32Array;
  /** `[n, classes]`. */
  readonly logits: Float32Array;
}

export interface ClassGradients {
  /** `[n, k, height, width, channels]`. NaN is replaced by 0. */
  readonly gradients: Float32Array;
  /** `[n, classes]`. */
  readonly logits: Float32Array;
}

/**
 * The attacked classifier in plain arrays. An attack keeps its state in arrays with one row per image and
 * never touches a tensor, so the same attack runs on any backend, through any defense and on any ensemble.
 * Rows are independent: the result for an image does not depend on the other images of the batch. A batch may
 * have any size; `batchesOf` yields sizes that fit into memory. `ids` must be those of the images, because a
 * randomised defense draws by id.
 */
export interface Queries {
  readonly classes: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Logits `[n, classes]`. */
  readonly logits: (batch: ImageBatch) => Promise<Float32Array>;
  /**
   * Gradient of the loss of each image at its label (`batch.labels`) with respect to its pixels, and the
   * logits.
   */
  readonly gradient: (batch: ImageBatch, loss: LabelLoss) => Promise<Gradients>;
  /**
   * Gradient of Σ cotangent · logits with respect to the pixels, for a constant `cotangent` `[n, classes]`.
   */
  readonly vectorJacobianProduct: (batch: ImageBatch, cotangent: Float32Array) => Promise<Gradients>;
  /** Logits `[n, classes]` of one fresh draw of a randomised defense. Present only if the classifier draws. */
  readonly drawLogits?: (batch: ImageBatch) => Promise<Float32Array>;
  /**
   * Present only if the queries of each image are limited (`limitQueries`): whether one of this image has been refused, so
   * that the attack has to end it with the best that it has.
   */
  readonly isSpent?: (id: number) => boolean;
  /** Present only if the queries are limited: the same queries, which leave the last passes of each image to others. */
  readonly reserving?: (passes: number) => Queries;
  /** Gradients of the logits of the `chosen` classes `[n, k]`. One forward pass serves all k. */
  readonly classGradients: (batch: ImageBatch, chosen: Int32Array) => Promise<ClassGradients>;
}
