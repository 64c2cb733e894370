import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import type { Classifier } from '../../models/classifier.ts';
import { tf } from '../../tensors/tf.ts';
import type { AttackLoss, LabelLoss, Queries } from '../queries.ts';

/** Images on the device, with labels and ids as in `ImageBatch`. */
export interface DeviceBatch {
  readonly pixels: Tensor4D;
  readonly labels: Tensor1D;
  readonly ids: Int32Array;
}

export interface DeviceGradients {
  /** Same shape as the pixels, on the device; it may have NaN. The caller disposes it. */
  readonly gradient: Tensor4D;
  /** `[n, classes]`. */
  readonly logits: Float32Array;
}

/** `Queries.gradient` for images that stay on the device: the same passes, and the same bits. */
export type DeviceGradient = (batch: DeviceBatch, loss: LabelLoss) => Promise<DeviceGradients>;

/**
 * The forms on the device, by the function for plain arrays. Queries that someone has wrapped, and whose `gradient` is
 * another function, so have none, unless the wrapper gives one of its own.
 */
const forms = new WeakMap<Queries['gradient'], DeviceGradient>();

/** Gives queries a form on the device. */
export function setDeviceForm({ gradient }: Pick<Queries, 'gradient'>, form: DeviceGradient): void {
  forms.set(gradient, form);
}

/** The form of these queries on the device; null if images have to come back after each of them. */
export function deviceForm({ gradient }: Pick<Queries, 'gradient'>): DeviceGradient | null {
  return forms.get(gradient) ?? null;
}

/** The gradients of a classifier that keeps its tensors on the device. */
export function deviceGradient(classifier: Classifier): DeviceGradient {
  return async ({ pixels, labels, ids }, loss) => {
    const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss, ids);
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    return { gradient, logits: values };
  };
}

/** Whether the loss of a goal is one that queries give the gradient of as it is. */
export function isPlainLoss({
  loss,
  rounded,
}: {
  readonly loss: AttackLoss;
  readonly rounded: boolean;
}): boolean {
  return !(rounded && loss === 'cross-entropy');
}

/** The rows at `positions`, on the device. */
export function takeOnDevice(tensor: Tensor4D, positions: readonly number[]): Tensor4D {
  return tf.tidy(() => tf.gather(tensor, tf.tensor1d([...positions], 'int32')));
}

/** Puts `rows` after those of `tensor`, both of which it disposes. */
export function appendOnDevice(tensor: Tensor4D | null, rows: Tensor4D): Tensor4D {
  if (tensor === null) return rows;
  const joined = tf.concat([tensor, rows], 0);
  tf.dispose([tensor, rows]);
  return joined;
}
