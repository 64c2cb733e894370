/** Operations with weights that inference and training compute alike: layer norms, affine maps, positions and tokens. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import type { NetworkNode } from '../../values/model.ts';
import { channelSum } from './batch-norm.ts';

export type WeightedNode = Extract<NetworkNode, { op: 'layer-norm' | 'affine' | 'offset' | 'tokens' }>;

/** The weight of the node that this is the last part of the name of. */
export type WeightOf = (part: 'weight' | 'bias') => Tensor;

/** The caller disposes the result. */
export function weighted(node: WeightedNode, x: Tensor, weight: WeightOf): Tensor {
  return tf.tidy(() => {
    switch (node.op) {
      case 'layer-norm': {
        const { normalised } = normalise(x, node.epsilon);
        return tf.add(tf.mul(normalised, weight('weight')), weight('bias'));
      }
      case 'affine':
        return tf.add(tf.mul(x, weight('weight')), weight('bias'));
      case 'offset':
        return tf.add(x, weight('bias'));
      case 'tokens': {
        const { count } = node;
        const rows = tf.tile(tf.reshape(weight('weight'), [1, count, x.shape[2]!]), [x.shape[0], 1, 1]);
        return tf.concat(node.place === 'before' ? [rows, x] : [x, rows], 1);
      }
    }
  });
}

/**
 * Gradient with respect to the input of a node that has weights, from the gradient `dy` of its output. Only layer
 * norms read the input `x`. The caller disposes the result.
 */
export function weightedInputGradient(
  node: WeightedNode,
  dy: Tensor,
  x: Tensor | undefined,
  weight: WeightOf,
): Tensor {
  return tf.tidy(() => {
    switch (node.op) {
      case 'layer-norm': {
        const { normalised, inverse } = normalise(x!, node.epsilon);
        const inner = tf.mul(dy, weight('weight'));
        const along = tf.mul(normalised, tf.mean(tf.mul(inner, normalised), -1, true));
        return tf.mul(inverse, tf.sub(tf.sub(inner, tf.mean(inner, -1, true)), along));
      }
      case 'affine':
        return tf.mul(dy, weight('weight'));
      case 'offset':
        return tf.clone(dy);
      case 'tokens':
        return rowsOf(node, dy).others;
    }
  });
}

/** Gradients of the weights, by the last part of their names. Must be called inside a `tidy`. */
export function weightedWeightGradients(
  node: WeightedNode,
  dy: Tensor,
  x: Tensor,
): Readonly<Record<string, Tensor>> {
  switch (node.op) {
    case 'layer-norm':
      return {
        weight: channelSum(tf.mul(dy, normalise(x, node.epsilon).normalised)),
        bias: channelSum(dy),
      };
    case 'affine':
      return { weight: channelSum(tf.mul(dy, x)), bias: channelSum(dy) };
    case 'offset':
      return { bias: tf.sum(dy, 0) };
    case 'tokens':
      return { weight: tf.sum(rowsOf(node, dy).own, 0) };
  }
}

/** The rows of the node's weights, and those of its input. */
function rowsOf(
  { count, place }: Extract<WeightedNode, { op: 'tokens' }>,
  dy: Tensor,
): { readonly own: Tensor; readonly others: Tensor } {
  const left = dy.shape[1]! - count;
  const [first, second] = tf.split(dy, place === 'before' ? [count, left] : [left, count], 1);
  return place === 'before' ? { own: first!, others: second! } : { own: second!, others: first! };
}

/** `(x − mean) / √(variance + ε)` along the last axis. */
function normalise(x: Tensor, epsilon: number): { readonly normalised: Tensor; readonly inverse: Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
  return { normalised: tf.mul(centred, inverse), inverse };
}
