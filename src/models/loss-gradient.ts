/** Gradients of the attack losses with respect to the logits, from which the backward pass starts. */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { AttackLoss } from './classifier.ts';

/**
 * The largest entry of a cross-entropy's gradient is at least this. Probabilities of float32 underflow below
 * 1e-38, and the backward pass needs room for the weights that it multiplies by.
 */
export const leastSlope = 1e-20;

/**
 * Gradient of the sum of the losses with respect to the logits `[n, classes]`. For the cross-entropy, the
 * entry of the label is minus the sum of the others, not p − 1, which rounds to 0 for a confident image and
 * would fake robustness. For the same reason a row whose largest other probability is below `leastSlope`, and
 * would underflow soon, is scaled up to it: its direction stays that of the loss, but its length does not.
 * Throws `RangeError` for `dlr` with fewer than three classes.
 */
export function lossGradient(logits: Tensor2D, labels: Tensor1D, loss: AttackLoss): Tensor2D {
  const classes = logits.shape[1];
  checkLoss(loss, classes);
  return tf.tidy(() => {
    const label = tf.oneHot(labels, classes).cast<Tensor2D>('float32');
    switch (loss) {
      case 'cross-entropy': {
        const isOther = tf.sub(1, label);
        // Relative to the largest other logit. At the label, which may be larger, exp would be infinite.
        const relative = tf.minimum(tf.sub(logits, tf.max(withoutLabel(logits, label), 1, true)), 0);
        const least = tf.mul(tf.exp(relative), leastSlope);
        const others = tf.mul(tf.maximum(tf.softmax(logits), least), isOther);
        return tf.sub(others, tf.mul(label, tf.sum(others, 1, true)));
      }
      case 'margin':
        return tf.sub(rival(logits, label), label);
      case 'dlr':
        return dlrGradient(logits, label);
    }
  });
}

/** Throws `RangeError` for `dlr` with fewer than three classes. */
export function checkLoss(loss: AttackLoss, classes: number): void {
  if (loss === 'dlr' && classes < 3)
    throw new RangeError(`the dlr loss needs at least 3 classes, but there are ${classes}`);
}

/** One-hot of the largest logit that is not the label's. */
function rival(logits: Tensor2D, label: Tensor2D): Tensor2D {
  const others = withoutLabel(logits, label);
  return tf.oneHot(tf.argMax<Tensor1D>(others, 1), logits.shape[1]).cast('float32');
}

/** The logits, with a number at the label that is smaller than any other. */
function withoutLabel(logits: Tensor2D, label: Tensor2D): Tensor2D {
  // A large finite number, because infinity times 0 is NaN.
  return tf.sub(logits, tf.mul(label, 1e30));
}

/** With m = max_{k≠y} Z_k − Z_y and d = Z_π1 − Z_π3: ∇(m / d) = (∇m − (m / d) ∇d) / d. */
function dlrGradient(logits: Tensor2D, label: Tensor2D): Tensor2D {
  const classes = logits.shape[1];
  const { indices } = tf.topk(logits, 3);
  const oneHot = (rank: number): Tensor2D =>
    tf.oneHot(tf.squeeze<Tensor1D>(tf.slice(indices, [0, rank], [-1, 1]), [1]), classes).cast('float32');
  const first = oneHot(0);
  const third = oneHot(2);
  const marginGradient = tf.sub(rival(logits, label), label);
  const spreadGradient = tf.sub(first, third);
  const margin = tf.sum(tf.mul(logits, marginGradient), 1, true);
  // A spread of 0 (three equal logits) has no gradient; the tiny floor keeps it finite.
  const spread = tf.maximum(tf.sum(tf.mul(logits, spreadGradient), 1, true), 1e-12);
  return tf.div(tf.sub(marginGradient, tf.mul(tf.div(margin, spread), spreadGradient)), spread);
}
