import type { Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';

/** Loss whose gradient an attack follows; on logits, with a stable log-softmax. */
export type AttackLoss = 'cross-entropy' | 'margin';

/**
 * A model opened on the current backend: what attacks and predictions see. Pixels are `[n, h, w, c]` in [0, 1];
 * normalisation happens inside. Rows are independent: a result depends on no other image of the batch.
 */
export interface Classifier {
  readonly classes: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Logits `[n, classes]`. The caller disposes the result. */
  logits(pixels: Tensor4D): Tensor2D;
  /**
   * Gradient of the sum over images of the loss at `labels` (int32 `[n]`) with respect to `pixels`, and the logits at
   * them. `cross-entropy` is −log softmax(Z)_y; `margin` is max_{k≠y} Z_k − Z_y. The caller disposes both.
   */
  inputGradient(
    pixels: Tensor4D,
    labels: Tensor1D,
    loss: AttackLoss,
  ): { readonly gradient: Tensor4D; readonly logits: Tensor2D };
  dispose(): void;
}
