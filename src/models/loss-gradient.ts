/** Gradients of the attack losses with respect to the logits, from which the backward pass starts. */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { LabelLoss } from './classifier.ts';

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
 * Throws `RangeError` for a ratio of logits that needs more classes than there are.
 */
export function lossGradient(logits: Tensor2D, labels: Tensor1D, loss: LabelLoss): Tensor2D {
  const classes = logits.shape[1];
  checkLoss(loss, classes);
  return tf.tidy(() => {
    const label = tf.oneHot(labels, classes).cast<Tensor2D>('float32');
    if (typeof loss === 'object') return targetedDlrGradient(logits, label, loss.targets);
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

/** Throws `RangeError` for `dlr` with fewer than three classes, and for `targeted-dlr` with fewer than four. */
export function checkLoss(loss: LabelLoss, classes: number): void {
  const name = typeof loss === 'object' ? loss.kind : loss;
  const least = leastClasses[name];
  if (classes < least)
    throw new RangeError(`the ${name} loss needs at least ${least} classes, but there are ${classes}`);
}

/** Classes that a loss needs. */
export const leastClasses = { 'cross-entropy': 1, margin: 1, dlr: 3, 'targeted-dlr': 4 } as const;

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

/** With m = max_{k≠y} Z_k − Z_y and d = Z_π1 − Z_π3. */
function dlrGradient(logits: Tensor2D, label: Tensor2D): Tensor2D {
  const [first, , third] = rankedOneHots(logits, 3);
  return ratioGradient(logits, tf.sub(rival(logits, label), label), tf.sub(first!, third!));
}

/** With m = Z_t − Z_y and d = Z_π1 − (Z_π3 + Z_π4) / 2. */
function targetedDlrGradient(logits: Tensor2D, label: Tensor2D, targets: Int32Array): Tensor2D {
  const target = tf.oneHot(tf.tensor1d(targets, 'int32'), logits.shape[1]).cast<Tensor2D>('float32');
  const [first, , third, fourth] = rankedOneHots(logits, 4);
  const spreadGradient: Tensor2D = tf.sub(first!, tf.mul(tf.add(third!, fourth!), 0.5));
  return ratioGradient(logits, tf.sub(target, label), spreadGradient);
}

/** One-hots of the largest logits, from the first rank on. */
function rankedOneHots(logits: Tensor2D, count: number): readonly Tensor2D[] {
  const { indices } = tf.topk(logits, count);
  return (tf.unstack(indices, 1) as Tensor1D[]).map((ranked) =>
    tf.oneHot(ranked, logits.shape[1]).cast<Tensor2D>('float32'),
  );
}

/** ∇(m / d) = (∇m − (m / d) ∇d) / d, where m and d are linear in the logits. */
function ratioGradient(logits: Tensor2D, marginGradient: Tensor2D, spreadGradient: Tensor2D): Tensor2D {
  const margin = tf.sum(tf.mul(logits, marginGradient), 1, true);
  // A spread of 0 (three equal logits) has no gradient; the tiny floor keeps it finite.
  const spread = tf.maximum(tf.sum(tf.mul(logits, spreadGradient), 1, true), 1e-12);
  return tf.div(tf.sub(marginGradient, tf.mul(tf.div(margin, spread), spreadGradient)), spread);
}
