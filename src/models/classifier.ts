import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { NetworkModel } from '../values/model.ts';
import type { FoldedNetwork } from './folding.ts';

/**
 * Loss whose gradient an attack follows. `cross-entropy` is −log softmax(Z)_y, computed stably. `margin` is
 * max_{k≠y} Z_k − Z_y (Carlini and Wagner 2017). `dlr` is the difference-of-logits ratio −(Z_y − max_{k≠y}
 * Z_k) / (Z_π1 − Z_π3), where π sorts the logits downwards (Croce and Hein 2020, equation 6); it needs three
 * classes or more.
 */
export type AttackLoss = 'cross-entropy' | 'margin' | 'dlr';

/**
 * Targeted difference-of-logits ratio −(Z_y − Z_t) / (Z_π1 − (Z_π3 + Z_π4) / 2) towards a target t (Croce and
 * Hein 2020, equation 7); it needs four classes or more.
 */
export interface TargetedDlr {
  readonly kind: 'targeted-dlr';
  /** Target of each image, `[n]`; none of them is its label. */
  readonly targets: Int32Array;
}

/** Loss whose gradient is taken at labels; one with targets has them for the images of the batch. */
export type LabelLoss = AttackLoss | TargetedDlr;

export interface InputGradient {
  readonly gradient: Tensor4D;
  readonly logits: Tensor2D;
}

/**
 * A model opened on the current backend, for attacks and predictions. Pixels are `[n, h, w, c]` in [0, 1];
 * the model normalises them itself. Rows are independent: a result does not depend on the other images of the
 * batch. The caller keeps its arguments and disposes the results. Methods are asynchronous, because some
 * classifiers decode, draw or wait for a device. `ids` is the dataset index of each row, for classifiers that
 * draw at random for each image; a plain network ignores it, but attacks always give it.
 */
export interface Classifier {
  readonly classes: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Logits `[n, classes]`. */
  logits(pixels: Tensor4D, ids?: Int32Array): Promise<Tensor2D>;
  /**
   * Gradient of the sum over images of the loss at `labels` (int32 `[n]`) with respect to `pixels`, together
   * with the logits.
   */
  inputGradient(
    pixels: Tensor4D,
    labels: Tensor1D,
    loss: LabelLoss,
    ids?: Int32Array,
  ): Promise<InputGradient>;
  /** Gradient with respect to `pixels` of Σ cotangent · logits, for a constant `cotangent` `[n, classes]`. */
  vectorJacobianProduct(pixels: Tensor4D, cotangent: Tensor2D, ids?: Int32Array): Promise<InputGradient>;
  /**
   * Gradients of single logits: entry `[i, j]` of the result `[n, k, h, w, c]` is ∇ₓ Z_c(xᵢ) with c =
   * `classes[i, j]` (int32 `[n, k]`). One forward pass serves all k.
   */
  classGradients(
    pixels: Tensor4D,
    classes: Tensor2D,
    ids?: Int32Array,
  ): Promise<{ readonly gradients: Tensor; readonly logits: Tensor2D }>;
  /**
   * Logits of one fresh draw, which no average hides: what a defender sees at one image. Present only if the
   * classifier draws.
   */
  drawLogits?(pixels: Tensor4D, ids?: Int32Array): Promise<Tensor2D>;
  /** Whether results stay on the device until they are read, so that they can be computed with there; false if absent. */
  readonly staysOnDevice?: boolean;
  dispose(): void;
}

/** A classifier whose weights change, as those of a network in training do. */
export interface ChangingClassifier extends Classifier {
  /**
   * Classifies with other weights from now on, those of the network that was opened. Batch norms use their
   * running statistics, as in every classifier. Throws `NetworkError` for weights that do not fit.
   */
  replaceWeights(weights: NetworkModel['weights']): void;
}

/** A form of a classifier, which computes with a folded network. */
export interface FoldedClassifier extends Classifier {
  /** Computes with `folded` from now on, the same network with other weights. */
  replaceFolded(folded: FoldedNetwork): void;
}
