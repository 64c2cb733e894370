/**
 * Batch normalisation with the statistics of the batch (Ioffe and Szegedy 2015), over all axes but the last.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { hasKernel, run } from './convolution.ts';

export interface BatchNormPass {
  readonly output: Tensor;
  /** `(x − mean) / √(variance + ε)`. */
  readonly normalised: Tensor;
  /** `1 / √(variance + ε)`, `[c]`. */
  readonly inverse: Tensor;
  readonly mean: Tensor;
  /** The biased variance, with which the output is computed. */
  readonly variance: Tensor;
}

/**
 * Normalises each channel of `x` (the last axis) by the mean and variance of the batch, then applies `gamma` and
 * `beta`. Must be called inside a `tidy`.
 */
export function batchNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): BatchNormPass {
  const mean = channelMean(x);
  const centred = tf.sub(x, mean);
  const variance = channelMean(tf.square(centred));
  const inverse = tf.rsqrt(tf.add(variance, epsilon));
  const normalised = tf.mul(centred, inverse);
  return { output: tf.add(tf.mul(normalised, gamma), beta), normalised, inverse, mean, variance };
}

/**
 * Gradients with respect to the input, `gamma` and `beta`, from the gradient `dy` of the output. Must be called
 * inside a `tidy`.
 */
export function batchNormGradient(
  dy: Tensor,
  { normalised, inverse }: BatchNormPass,
  gamma: Tensor,
): { readonly x: Tensor; readonly gamma: Tensor; readonly beta: Tensor } {
  const byGamma = channelMean(tf.mul(dy, normalised));
  const byBeta = channelMean(dy);
  const count = dy.size / dy.shape.at(-1)!;
  const centred = tf.sub(tf.sub(dy, byBeta), tf.mul(normalised, byGamma));
  return {
    x: tf.mul(centred, tf.mul(gamma, inverse)),
    gamma: tf.mul(byGamma, count),
    beta: tf.mul(byBeta, count),
  };
}

/** Sum over all axes but the last, `[c]`: the gradient of a bias. */
export function channelSum(x: Tensor): Tensor {
  return weightedSum(x, 1);
}

export function channelMean(x: Tensor): Tensor {
  return weightedSum(x, x.shape.at(-1)! / x.size);
}

/** Without a kernel for it, a product with a constant row, because reductions transpose their input first. */
function weightedSum(x: Tensor, weight: number): Tensor {
  if (hasKernel('ChannelSum')) return run('ChannelSum', { x }, { weight });
  return tf.tidy(() => {
    const channels = x.shape.at(-1)!;
    const rows: Tensor2D = tf.reshape(x, [-1, channels]);
    return tf.reshape(tf.matMul(tf.fill([1, rows.shape[0]], weight), rows), [channels]);
  });
}
