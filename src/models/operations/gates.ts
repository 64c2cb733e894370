/**
 * Sigmoids, the activations that are made of them, and products of activations, with their gradients: what
 * squeeze-and-excitation (Hu et al. 2018), EfficientNet and MobileNet-v3 need. At the kinks the gradient is 0.
 */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';

interface Ramp {
  readonly slope: number;
  readonly offset: number;
}

/** σ' = σ (1 − σ), from the output. */
export function sigmoidGradient(dy: Tensor, output: Tensor): Tensor {
  return tf.tidy(() => tf.mul(dy, tf.mul(output, tf.sub(1, output))));
}

/** `min(max(slope · x + offset, 0), 1)`. */
export function hardSigmoid(x: Tensor, { slope, offset }: Ramp): Tensor {
  return tf.tidy(() => tf.clipByValue(tf.add(tf.mul(x, slope), offset), 0, 1));
}

export function hardSigmoidGradient(dy: Tensor, output: Tensor, { slope }: Ramp): Tensor {
  return tf.tidy(() => {
    const open = tf.mul(tf.step(output), tf.step(tf.sub(1, output)));
    return tf.mul(tf.mul(dy, slope), open);
  });
}

/** `x σ(x)`. */
export function silu(x: Tensor): Tensor {
  return tf.tidy(() => tf.mul(x, tf.sigmoid(x)));
}

/** `σ + x σ (1 − σ) = σ (1 + x (1 − σ))`. */
export function siluGradient(dy: Tensor, x: Tensor): Tensor {
  return tf.tidy(() => {
    const gate = tf.sigmoid(x);
    return tf.mul(dy, tf.mul(gate, tf.add(1, tf.mul(x, tf.sub(1, gate)))));
  });
}

/** `x min(max(x + 3, 0), 6) / 6`. */
export function hardSwish(x: Tensor): Tensor {
  return tf.tidy(() => tf.mul(tf.mul(x, 1 / 6), tf.relu6(tf.add(x, 3))));
}

/** 0 up to −3, `x / 3 + 1 / 2` between, and 1 from 3 on. */
export function hardSwishGradient(dy: Tensor, x: Tensor): Tensor {
  return tf.tidy(() => {
    const gate = tf.relu6(tf.add(x, 3));
    const open = tf.mul(tf.step(gate), tf.step(tf.sub(6, gate)));
    return tf.mul(tf.mul(dy, 1 / 6), tf.add(gate, tf.mul(x, open)));
  });
}

/** `y` has the shape of `x`, or is `[n, c]` or `[n, 1, 1, c]` for images `x`. */
export function multiply(x: Tensor, y: Tensor): Tensor {
  return tf.tidy(() => tf.mul(x, spread(x, y)));
}

/** Gradients of both factors; that of a broadcast one is a sum over the image. */
export function multiplyGradients(dy: Tensor, x: Tensor, y: Tensor): readonly Tensor[] {
  return tf.tidy(() => {
    const byY = tf.mul(dy, x);
    const isSpread = x.size !== y.size;
    return [
      tf.mul(dy, spread(x, y)),
      isSpread ? tf.reshape(spatialSum(byY as Tensor4D), y.shape) : tf.reshape(byY, y.shape),
    ];
  });
}

function spread(x: Tensor, y: Tensor): Tensor {
  if (x.rank === y.rank) return y;
  return tf.reshape(y, [y.shape[0], 1, 1, -1]);
}

/** By the mean, because reductions over the inner axes transpose their input first. */
function spatialSum(images: Tensor4D): Tensor {
  const [, height, width] = images.shape;
  if (height * width === 1) return images;
  return tf.mul(tf.avgPool(images, [height, width], 1, 'valid'), height * width);
}
