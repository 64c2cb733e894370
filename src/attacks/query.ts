/** Questions to a classifier in plain arrays: attacks keep their state there, one row at a time, and tensors live only here. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { AttackLoss, Classifier } from '../models/classifier.ts';
import { tf } from '../tensors/tf.ts';
import type { AttackInput } from './images.ts';

export interface Gradients {
  /** As the pixels of the batch. Entries that are not numbers are 0. */
  readonly gradient: Float32Array;
  /** `[n, classes]`. */
  readonly logits: Float32Array;
}

/** Logits `[n, classes]` of a batch. */
export async function queryLogits(classifier: Classifier, batch: AttackInput): Promise<Float32Array> {
  const pixels = tf.tensor4d(batch.pixels, [...batch.shape]);
  const logits = await classifier.logits(pixels, batch.ids);
  pixels.dispose();
  return take(logits);
}

/** Gradient of the loss of each image at its label with respect to its pixels. */
export async function queryGradient(
  classifier: Classifier,
  batch: AttackInput,
  loss: AttackLoss,
): Promise<Gradients> {
  const pixels = tf.tensor4d(batch.pixels, [...batch.shape]);
  const labels = tf.tensor1d(batch.labels, 'int32');
  const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss, batch.ids);
  tf.dispose([pixels, labels]);
  return { gradient: withoutNaN(await take(gradient)), logits: await take(logits) };
}

/**
 * The same of the cross-entropy, with the rounding of PyTorch's backward pass: exp(log softmax) − one-hot, each in float32. Where
 * the model is sure, p − 1 keeps few bits or none.
 */
export async function queryRoundedGradient(classifier: Classifier, batch: AttackInput): Promise<Gradients> {
  const { classes } = classifier;
  const rows = batch.shape[0];
  const logits = await queryLogits(classifier, batch);
  const slopes = new Float32Array(logits.length);
  for (let row = 0; row < rows; row++) {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    const largest = own.reduce((most, logit) => Math.max(most, logit), -Infinity);
    const shifted = own.map((logit) => logit - largest);
    const total = shifted.reduce((sum, value) => Math.fround(sum + Math.fround(Math.exp(value))), 0);
    const logTotal = Math.fround(Math.log(total));
    const slope = shifted.map((value) => Math.exp(Math.fround(value - logTotal)));
    slope[batch.labels[row]!]! -= 1;
    slopes.set(slope, row * classes);
  }
  const pixels = tf.tensor4d(batch.pixels, [...batch.shape]);
  const cotangent = tf.tensor2d(slopes, [rows, classes]);
  const result = await classifier.vectorJacobianProduct(pixels, cotangent, batch.ids);
  tf.dispose([pixels, cotangent, result.logits]);
  return { gradient: withoutNaN(await take(result.gradient)), logits };
}

/** Gradients `[n, k, height, width, channels]` of the logits of `chosen` classes `[n, k]`. */
export async function queryClassGradients(
  classifier: Classifier,
  batch: AttackInput,
  chosen: Int32Array,
): Promise<{ readonly gradients: Float32Array; readonly logits: Float32Array }> {
  const pixels = tf.tensor4d(batch.pixels, [...batch.shape]);
  const rows = batch.shape[0];
  const classes: Tensor2D = tf.tensor2d(chosen, [rows, chosen.length / rows], 'int32');
  const { gradients, logits } = await classifier.classGradients(pixels, classes, batch.ids);
  tf.dispose([pixels, classes]);
  return { gradients: withoutNaN(await take(gradients)), logits: await take(logits) };
}

/** Class of the largest of each row of logits; the first of equals. */
export function argmaxRows(logits: Float32Array, classes: number): Int32Array {
  const best = new Int32Array(logits.length / classes);
  for (let row = 0; row < best.length; row++) {
    for (let column = 1; column < classes; column++) {
      if (logits[row * classes + column]! > logits[row * classes + best[row]!]!) best[row] = column;
    }
  }
  return best;
}

/** max_{k≠y} Z_k − Z_y of one row: above 0 exactly where another class than `label` wins alone. */
export function marginOf(logits: Float32Array, classes: number, row: number, label: number): number {
  let rival = -Infinity;
  for (let column = 0; column < classes; column++) {
    if (column !== label) rival = Math.max(rival, logits[row * classes + column]!);
  }
  return rival - logits[row * classes + label]!;
}

/** Whether all logits of a row are finite. */
export function isFiniteRow(logits: Float32Array, classes: number, row: number): boolean {
  return logits.subarray(row * classes, (row + 1) * classes).every((logit) => Number.isFinite(logit));
}

async function take(tensor: Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

function withoutNaN(values: Float32Array): Float32Array {
  for (let index = 0; index < values.length; index++) {
    if (Number.isNaN(values[index]!)) values[index] = 0;
  }
  return values;
}
