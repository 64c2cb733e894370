import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';

/**
 * Loss whose gradient an attack follows. `cross-entropy` is −log softmax(Z)_y, stable. `margin` is max_{k≠y} Z_k − Z_y (Carlini and
 * Wagner 2017). `dlr` is the difference-of-logits ratio −(Z_y − max_{k≠y} Z_k) / (Z_π1 − Z_π3), π sorting the logits downwards (Croce and
 * Hein 2020, equation 6); it needs three classes or more.
 */
export type AttackLoss = 'cross-entropy' | 'margin' | 'dlr';

export interface InputGradient {
  readonly gradient: Tensor4D;
  readonly logits: Tensor2D;
}

/**
 * A model opened on the current backend: what attacks and predictions see. Pixels are `[n, h, w, c]` in [0, 1];
 * normalisation happens inside. Rows are independent: a result depends on no other image of the batch. The caller keeps
 * its arguments and disposes the results. Asynchronous because some classifiers decode, draw or wait for a device. `ids`, which a plain
 * network ignores, is the dataset index of each row, for classifiers that draw at random by image: attacks always give it.
 */
export interface Classifier {
  readonly classes: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Logits `[n, classes]`. */
  logits(pixels: Tensor4D, ids?: Int32Array): Promise<Tensor2D>;
  /** Gradient of the sum over images of the loss at `labels` (int32 `[n]`) with respect to `pixels`, and the logits at them. */
  inputGradient(
    pixels: Tensor4D,
    labels: Tensor1D,
    loss: AttackLoss,
    ids?: Int32Array,
  ): Promise<InputGradient>;
  /** Gradient with respect to `pixels` of Σ cotangent · logits, for a constant `cotangent` `[n, classes]`. */
  vectorJacobianProduct(pixels: Tensor4D, cotangent: Tensor2D, ids?: Int32Array): Promise<InputGradient>;
  /**
   * Gradients of single logits: entry `[i, j]` of the result `[n, k, h, w, c]` is ∇ₓ Z_c(xᵢ) with c = `classes[i, j]` (int32 `[n, k]`).
   * One forward pass serves all k.
   */
  classGradients(
    pixels: Tensor4D,
    classes: Tensor2D,
    ids?: Int32Array,
  ): Promise<{ readonly gradients: Tensor; readonly logits: Tensor2D }>;
  dispose(): void;
}
