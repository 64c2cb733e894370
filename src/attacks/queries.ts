import type { AttackLoss } from '../models/classifier.ts';
import type { ImageBatch } from './images.ts';

export type { AttackLoss };

export interface Gradients {
  /** Same layout as the pixels of the batch. Entries that are not numbers are 0. */
  readonly gradient: Float32Array;
  /** `[n, classes]`. */
  readonly logits: Float32Array;
}

export interface ClassGradients {
  /** `[n, k, height, width, channels]`. Entries that are not numbers are 0. */
  readonly gradients: Float32Array;
  /** `[n, classes]`. */
  readonly logits: Float32Array;
}

/**
 * The attacked classifier in plain arrays. An attack keeps its state in such arrays, one row for each image, and never touches a tensor: so
 * the same attack runs on any backend, through any defense and on any ensemble. Rows are independent: an answer depends on no other image
 * of the batch. A batch may be of any size; `batchesOf` gives sizes that fit into memory. `ids` has to be that of the images, because a randomised
 * defense draws by it.
 */
export interface Queries {
  readonly classes: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Logits `[n, classes]`. */
  readonly logits: (batch: ImageBatch) => Promise<Float32Array>;
  /** Gradient of the loss of each image at its label (`batch.labels`) with respect to its pixels, and the logits. */
  readonly gradient: (batch: ImageBatch, loss: AttackLoss) => Promise<Gradients>;
  /** Gradient of Σ cotangent · logits with respect to the pixels, for a constant `cotangent` `[n, classes]`. */
  readonly vectorJacobianProduct: (batch: ImageBatch, cotangent: Float32Array) => Promise<Gradients>;
  /** Gradients of the logits of the `chosen` classes `[n, k]`. One forward pass serves all k. */
  readonly classGradients: (batch: ImageBatch, chosen: Int32Array) => Promise<ClassGradients>;
}
