/** The parts of attention (Vaswani et al. 2017), and GELU, with their gradients. */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';

/** `[…, m, k] × […, k, n]`. */
export function matmul(left: Tensor, right: Tensor): Tensor {
  return tf.matMul(left, right);
}

/** `dy rightᵀ` and `leftᵀ dy`. */
export function matmulGradients(dy: Tensor, left: Tensor, right: Tensor): readonly Tensor[] {
  return [tf.matMul(dy, right, false, true), tf.matMul(left, dy, true, false)];
}

/** `s (dy − Σ dy s)` along the last axis. */
export function softmaxGradient(dy: Tensor, output: Tensor): Tensor {
  return tf.tidy(() => {
    const weighted = tf.mul(dy, output);
    return tf.sub(weighted, tf.mul(output, tf.sum(weighted, -1, true)));
  });
}

const cubic = 0.044715;
const slope = Math.sqrt(2 / Math.PI);

/** `x Φ(x)` or its approximation by tanh (Hendrycks and Gimpel 2016). */
export function gelu(x: Tensor, approximate: 'none' | 'tanh'): Tensor {
  return tf.tidy(() => tf.mul(tf.mul(x, 0.5), tf.add(1, gate(x, approximate))));
}

/** `Φ(x) + x φ(x)`, or the derivative of the approximation. */
export function geluGradient(dy: Tensor, x: Tensor, approximate: 'none' | 'tanh'): Tensor {
  return tf.tidy(() => {
    const inner = gate(x, approximate);
    const square = tf.square(x);
    const bend =
      approximate === 'none'
        ? tf.mul(tf.exp(tf.mul(square, -0.5)), slope)
        : tf.mul(tf.sub(1, tf.square(inner)), tf.add(tf.mul(square, 3 * cubic * slope), slope));
    const derivative = tf.mul(0.5, tf.add(tf.add(1, inner), tf.mul(x, bend)));
    return tf.mul(dy, derivative);
  });
}

/** `2 Φ(x) − 1` or its approximation. */
function gate(x: Tensor, approximate: 'none' | 'tanh'): Tensor {
  if (approximate === 'none') return tf.erf(tf.mul(x, Math.SQRT1_2));
  return tf.tanh(tf.mul(tf.mul(x, slope), tf.add(tf.mul(tf.square(x), cubic), 1)));
}

export function reciprocalGradient(dy: Tensor, output: Tensor): Tensor {
  return tf.tidy(() => tf.neg(tf.mul(dy, tf.square(output))));
}
