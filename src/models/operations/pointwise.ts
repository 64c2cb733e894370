/** Activations, dense layers and the rearrangements of a network, with their gradients. */
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { hasKernel, run } from './convolution.ts';
import type { Activation } from './convolution.ts';

export function activate(x: Tensor, activation: Activation): Tensor {
  if (activation === 'relu') return tf.relu(x);
  return activation === 'relu6' ? tf.relu6(x) : tf.clone(x);
}

/**
 * Gradient with respect to the input of an activation, from that of its output and the output itself; 0 at
 * the kinks.
 */
export function activationGradient(dy: Tensor, output: Tensor, activation: Activation): Tensor {
  if (activation === 'linear') return tf.clone(dy);
  const kernel = activation === 'relu' ? 'ReluGrad' : 'Relu6Grad';
  if (hasKernel(kernel)) return run(kernel, { dy, output }, {});
  return tf.tidy(() => {
    const open = tf.mul(dy, tf.step(output));
    return activation === 'relu' ? open : tf.mul(open, tf.step(tf.sub(6, output)));
  });
}

/** `[n, …, f] × [f, u] + [u]`. */
export function dense(x: Tensor, weight: Tensor, bias: Tensor | null, activation: Activation): Tensor {
  return tf.tidy(() => {
    const product = tf.matMul(rowsOf(x), weight);
    const sum = bias === null ? product : tf.add(product, bias);
    const result = activation === 'linear' ? sum : activate(sum, activation);
    return x.rank === 2 ? result : tf.reshape(result, [...x.shape.slice(0, -1), weight.shape[1]!]);
  });
}

/** All axes but the last as one. */
export function rowsOf(x: Tensor): Tensor2D {
  return x.rank === 2 ? (x as Tensor2D) : tf.reshape(x, [-1, x.shape.at(-1)!]);
}

/** The option-A shortcut: every `stride`-th pixel, with zero channels before and after. */
export function shortcut(x: Tensor, stride: number, before: number, after: number): Tensor {
  return tf.tidy(() => {
    const kept =
      stride === 1 ? tf.clone(x) : tf.stridedSlice(x, [0, 0, 0, 0], [...x.shape], [1, stride, stride, 1]);
    return before + after === 0 ? kept : tf.pad(kept, [[0, 0], [0, 0], [0, 0], [before, after]]); // prettier-ignore
  });
}

export function shortcutGradient(
  dy: Tensor,
  inputShape: readonly number[],
  stride: number,
  before: number,
): Tensor {
  return tf.tidy(() => {
    const [count, height, width, channels] = inputShape as [number, number, number, number];
    const kept = tf.slice(dy, [0, 0, 0, before], [count, dy.shape[1]!, dy.shape[2]!, channels]);
    if (stride === 1) return kept;
    // The first of stride² phases is the gradient, and the others are zero; depth-to-space interleaves them.
    const phases = tf.pad(kept, [[0, 0], [0, 0], [0, 0], [0, (stride * stride - 1) * channels]]); // prettier-ignore
    return tf.slice(
      tf.depthToSpace(phases as Tensor4D, stride, 'NHWC'),
      [0, 0, 0, 0],
      [count, height, width, channels],
    );
  });
}
