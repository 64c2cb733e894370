/** The function that a training minimises, as a mean over its images. */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import { lossGradient } from './loss-gradient.ts';

export interface Objective {
  /**
   * Share ε of label smoothing (Szegedy et al. 2016, section 7): the target is 1 − ε at the label plus ε / K at
   * each of the K classes.
   */
  readonly labelSmoothing: number;
  /**
   * Weight β of the divergence KL(f(x) ‖ f(x′)) between the probabilities of each image x and of its adversarial
   * counterpart x′, which is added to the cross-entropy of x (TRADES, Zhang et al. 2019, equation 5). 0 for the
   * cross-entropy alone.
   */
  readonly divergence: number;
}

export const crossEntropy: Objective = { labelSmoothing: 0, divergence: 0 };

/** An objective at a batch. */
export interface EvaluatedObjective {
  /** Mean over the batch, a scalar. */
  readonly loss: Tensor;
  /** Gradient of the loss with respect to the logits `[n, classes]`. */
  readonly gradient: Tensor2D;
  /** Gradient with respect to the logits of the counterparts; null without a divergence. */
  readonly counterpartGradient: Tensor2D | null;
}

/**
 * Evaluates an objective at the logits `[n, classes]` of a batch and, for a divergence, those of the adversarial
 * counterparts of its images. The caller tidies.
 *
 * With p = softmax(z), q = softmax(z′) and D = Σ p (log p − log q): ∂D/∂z = p (log p − log q − D), ∂D/∂z′ = q − p.
 */
export function evaluateObjective(
  { labelSmoothing, divergence }: Objective,
  logits: Tensor2D,
  counterparts: Tensor2D | null,
  labels: Tensor1D,
): EvaluatedObjective {
  const [count, classes] = logits.shape;
  const label = tf.cast(tf.oneHot(labels, classes), 'float32');
  const target: Tensor =
    labelSmoothing === 0 ? label : tf.add(tf.mul(label, 1 - labelSmoothing), labelSmoothing / classes);
  const logProbabilities = tf.logSoftmax(logits);
  const loss = tf.neg(tf.div(tf.sum(tf.mul(logProbabilities, target)), count));
  const own: Tensor = lossGradient(logits, labels, 'cross-entropy');
  const sum = labelSmoothing === 0 ? own : tf.add(own, tf.sub(label, target));
  const gradient: Tensor2D = tf.div(sum, count);
  if (divergence === 0 || counterparts === null) return { loss, gradient, counterpartGradient: null };
  const probabilities = tf.exp(logProbabilities);
  const others = tf.logSoftmax(counterparts);
  const differences = tf.sub(logProbabilities, others);
  const each = tf.sum(tf.mul(probabilities, differences), 1, true);
  const weight = divergence / count;
  return {
    loss: tf.add(loss, tf.mul(tf.sum(each), weight)),
    gradient: tf.add<Tensor2D>(gradient, tf.mul(tf.mul(probabilities, tf.sub(differences, each)), weight)),
    counterpartGradient: tf.mul<Tensor2D>(tf.sub(tf.exp(others), probabilities), weight),
  };
}
