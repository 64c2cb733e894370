import { tf } from '../tensors/tf.ts';
import type { Classifier } from '../models/classifier.ts';
import { type AttackHooks, type AttackInput, batchesOf, imageSize } from './images.ts';

export interface GradientSigns {
  /** Sign of the gradient of the cross-entropy at each pixel of the originals: −1, 0 or 1. */
  readonly signs: Int8Array;
  /** Class that the model gives to each original. */
  readonly initial: Int32Array;
  /** Images whose gradient is exactly zero everywhere. */
  readonly zeroGradients: number;
}

/** Sign of ∇ₓ −log softmax(Z(x))_y at the originals, in batches. */
export async function gradientSigns(
  classifier: Classifier,
  images: AttackInput,
  hooks: AttackHooks,
): Promise<GradientSigns> {
  const rows = images.shape[0];
  const size = imageSize(images.shape);
  const signs = new Int8Array(images.pixels.length);
  const initial = new Int32Array(rows);
  let zeroGradients = 0;
  for (const [first, end] of batchesOf(rows, size)) {
    hooks.signal?.throwIfAborted();
    const pixels = rowsTensor(images, first, end);
    const labels = tf.tensor1d(images.labels.slice(first, end), 'int32');
    const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
    const values = await gradient.data();
    initial.set(argmax((await logits.data()) as Float32Array, classifier.classes), first);
    tf.dispose([pixels, labels, gradient, logits]);
    for (let row = first; row < end; row++) {
      let moved = false;
      for (let index = 0; index < size; index++) {
        const sign = Math.sign(values[(row - first) * size + index]!);
        signs[row * size + index] = sign;
        moved ||= sign !== 0;
      }
      if (!moved) zeroGradients++;
    }
    hooks.onProgress?.(end, rows);
  }
  return { signs, initial, zeroGradients };
}

/** Class that the model gives to each image, without any gradient. */
export async function predictedClasses(
  classifier: Classifier,
  images: AttackInput,
  hooks: AttackHooks,
): Promise<Int32Array> {
  const rows = images.shape[0];
  const classes = new Int32Array(rows);
  for (const [first, end] of batchesOf(rows, imageSize(images.shape))) {
    hooks.signal?.throwIfAborted();
    const pixels = rowsTensor(images, first, end);
    const logits = await classifier.logits(pixels);
    classes.set(argmax((await logits.data()) as Float32Array, classifier.classes), first);
    tf.dispose([pixels, logits]);
    hooks.onProgress?.(end, rows);
  }
  return classes;
}

/** Rows `first … end − 1` as a tensor that the caller disposes. */
export function rowsTensor(images: AttackInput, first: number, end: number): ReturnType<typeof tf.tensor4d> {
  const size = imageSize(images.shape);
  const [, height, width, channels] = images.shape;
  return tf.tensor4d(images.pixels.slice(first * size, end * size), [end - first, height, width, channels]);
}

function argmax(logits: Float32Array, classes: number): Int32Array {
  const best = new Int32Array(logits.length / classes);
  for (let row = 0; row < best.length; row++) {
    for (let column = 1; column < classes; column++) {
      if (logits[row * classes + column]! > logits[row * classes + best[row]!]!) best[row] = column;
    }
  }
  return best;
}
