/**
 * The state from which a training resumes, as safetensors bytes: weights, momentum and the number of
 * completed epochs.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { Model, WeightTensor } from '../values/model.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensorsHeader,
  SafetensorsError,
} from '../values/safetensors.ts';
import type { StoredTensor } from '../values/safetensors.ts';

/** The tensors are on the device; the holder of the state disposes them. */
export interface TrainingState {
  /** Epochs completed. */
  readonly epoch: number;
  readonly weights: Record<string, Tensor>;
  readonly momentum: Record<string, Tensor>;
}

/** The saved state does not belong to this training. */
export class TrainingStateError extends Error {
  override readonly name = 'TrainingStateError';
}

export function initialState(model: Model, trained: readonly string[]): TrainingState {
  const weights: Record<string, Tensor> = {};
  const momentum: Record<string, Tensor> = {};
  for (const [name, { data, shape }] of Object.entries(model.weights))
    weights[name] = tf.tensor(data.slice(), [...shape]);
  for (const name of trained) momentum[name] = tf.zeros(weights[name]!.shape);
  return { epoch: 0, weights, momentum };
}

export async function encodeState({ epoch, weights, momentum }: TrainingState): Promise<Uint8Array> {
  const tensors: Record<string, StoredTensor> = {};
  for (const [part, group] of [
    ['weight', weights],
    ['momentum', momentum],
  ] as const) {
    for (const [name, tensor] of Object.entries(group)) {
      tensors[`${part}/${name}`] = {
        dtype: 'F32',
        shape: tensor.shape,
        data: (await tensor.data()) as Float32Array,
      };
    }
  }
  return encodeSafetensors(tensors, { epoch: String(epoch) });
}

/**
 * Decodes what `encodeState` made for the same training of `epochs` epochs. Throws `TrainingStateError`, or `SafetensorsError` for
 * damaged bytes.
 */
export function decodeState(
  bytes: Uint8Array,
  {
    model,
    trained,
    epochs,
  }: { readonly model: Model; readonly trained: readonly string[]; readonly epochs: number },
): TrainingState {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const load = (part: string, name: string): Tensor => {
    const stored = tensors[`${part}/${name}`];
    const shape = model.weights[name]!.shape;
    if (stored?.dtype !== 'F32' || stored.shape.join() !== shape.join()) {
      throw new TrainingStateError(
        `the checkpoint has no ${part} '${name}' of shape [${shape.join(', ')}]: it belongs to another training`,
      );
    }
    return tf.tensor(stored.data, [...shape]);
  };
  const epoch = parseEpoch(metadata);
  if (epoch === null) throw new TrainingStateError('the checkpoint does not state its epoch');
  if (epoch > epochs)
    throw new TrainingStateError(`the checkpoint is of epoch ${epoch} of a training of ${epochs} epochs`);
  const weights = Object.fromEntries(Object.keys(model.weights).map((name) => [name, load('weight', name)]));
  const momentum = Object.fromEntries(trained.map((name) => [name, load('momentum', name)]));
  return { epoch, weights, momentum };
}

/** The number of completed epochs that a state claims; null if the bytes are not a state. */
export function epochOfState(bytes: Uint8Array): number | null {
  try {
    return parseEpoch(readSafetensorsHeader(bytes, bytes.length).metadata);
  } catch (error) {
    if (error instanceof SafetensorsError) return null;
    throw error;
  }
}

function parseEpoch({ epoch }: Readonly<Record<string, string>>): number | null {
  return epoch !== undefined && /^\d{1,9}$/.test(epoch) ? Number(epoch) : null;
}

export async function trainedModel(model: Model, weights: Readonly<Record<string, Tensor>>): Promise<Model> {
  const result: Record<string, WeightTensor> = {};
  for (const [name, { shape }] of Object.entries(model.weights)) {
    result[name] = { shape, data: ((await weights[name]!.data()) as Float32Array).slice() };
  }
  return { ...model, weights: result };
}
