import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
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

/** `Queries.logits` for images that stay on the device. */
export type DeviceLogits = (batch: Omit<DeviceBatch, 'labels'>) => Promise<Float32Array>;

export interface DeviceForm {
  readonly gradient: DeviceGradient;
  readonly logits: DeviceLogits;
}

/**
 * The forms on the device, by the functions for plain arrays. Queries that someone has wrapped, and whose `gradient` is
 * another function, so have none, unless the wrapper gives one of its own.
 */
const gradients = new WeakMap<Queries['gradient'], DeviceGradient>();
const forwards = new WeakMap<Queries['logits'], DeviceLogits>();

/** Gives queries a form on the device. */
export function setDeviceForm({ gradient, logits }: Queries, form: DeviceForm): void {
  gradients.set(gradient, form.gradient);
  forwards.set(logits, form.logits);
}

/** The gradients of these queries on the device; null if images have to come back after each of them. */
export function deviceForm({ gradient }: Pick<Queries, 'gradient'>): DeviceGradient | null {
  return gradients.get(gradient) ?? null;
}

/** The logits of these queries for images on the device; null if there is no such form. */
export function deviceLogits({ logits }: Pick<Queries, 'logits'>): DeviceLogits | null {
  return forwards.get(logits) ?? null;
}

/** The queries of a classifier that keeps its tensors on the device. */
export function deviceQueries(classifier: Classifier): DeviceForm {
  const read = async (logits: Tensor): Promise<Float32Array> => {
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    return values;
  };
  return {
    gradient: async ({ pixels, labels, ids }, loss) => {
      const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss, ids);
      return { gradient, logits: await read(logits) };
    },
    logits: async ({ pixels, ids }) => read(await classifier.logits(pixels, ids)),
  };
}

/**
 * The same form, which calls `before` for each query with the number of its images and of its passes backwards, and `after`
 * with the answer.
 */
export function watchedForm(
  queries: Queries,
  {
    before = () => {},
    after = () => {},
  }: {
    readonly before?: (rows: number, backward: number) => void;
    readonly after?: (answer: { readonly logits: Float32Array }) => void;
  },
): DeviceForm | null {
  const [gradient, forward] = [deviceForm(queries), deviceLogits(queries)];
  if (gradient === null || forward === null) return null;
  return {
    gradient: async (batch, loss) => {
      before(batch.pixels.shape[0], 1);
      const answer = await gradient(batch, loss);
      after(answer);
      return answer;
    },
    logits: async (batch) => {
      before(batch.pixels.shape[0], 0);
      const logits = await forward(batch);
      after({ logits });
      return logits;
    },
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

/** Tensors under their names. */
type Tensors<State> = { readonly [Name in keyof State]: Tensor4D };

/** The same names, with each tensor changed. */
export function mapTensors<State extends Tensors<State>>(
  state: State,
  change: (tensor: Tensor4D, name: keyof State) => Tensor4D,
): State {
  const entries = Object.entries<Tensor4D>(state);
  return Object.fromEntries(
    entries.map(([name, tensor]) => [name, change(tensor, name as keyof State)]),
  ) as unknown as State;
}

/** Disposes all of them, if there are any. */
export function disposeTensors<State extends Tensors<State>>(state: State | null): void {
  if (state !== null) tf.dispose(Object.values<Tensor4D>(state as Readonly<Record<string, Tensor4D>>));
}
