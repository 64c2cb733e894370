/**
 * The state from which a training resumes after any step, as safetensors bytes: weights with the statistics of batch
 * norms, momentum, the average of the weights if there is one, the place in the order of the images, and the sums
 * of the epoch under way.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { NetworkModel, WeightTensor } from '../values/model.ts';
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
  /** Batches of the epoch under way that are completed. */
  readonly step: number;
  /** Over these batches. */
  readonly sums: EpochSums;
  readonly weights: Record<string, Tensor>;
  readonly momentum: Record<string, Tensor>;
  /** Exponential moving average of the weights, statistics of batch norms included; empty if there is none yet. */
  readonly average: Record<string, Tensor>;
}

/** Sums over the steps of an epoch, which become its report. */
export interface EpochSums {
  /** Loss of each batch times its rows. */
  readonly loss: number;
  /** Learning rate of the last step. */
  readonly learningRate: number;
  /** Rows that were trained on as they are, and those among them that were classified correctly. */
  readonly asTheyAre: Share;
  /** The same of those that an adversary had perturbed, counterparts included. */
  readonly perturbed: Share;
}

export interface Share {
  readonly hits: number;
  readonly count: number;
}

export const noSums: EpochSums = {
  loss: 0,
  learningRate: 0,
  asTheyAre: { hits: 0, count: 0 },
  perturbed: { hits: 0, count: 0 },
};

/** Raised when what a state holds or means changes: another one is none of this training. */
const stateFormat = '2';

/** The saved state does not belong to this training. */
export class TrainingStateError extends Error {
  override readonly name = 'TrainingStateError';
}

export function initialState(model: NetworkModel, trained: readonly string[]): TrainingState {
  const weights: Record<string, Tensor> = {};
  const momentum: Record<string, Tensor> = {};
  for (const [name, { data, shape }] of Object.entries(model.weights))
    weights[name] = tf.tensor(data.slice(), [...shape]);
  for (const name of trained) momentum[name] = tf.zeros(weights[name]!.shape);
  return { epoch: 0, step: 0, sums: noSums, weights, momentum, average: {} };
}

export async function encodeState(state: TrainingState): Promise<Uint8Array> {
  const { epoch, step, sums, weights, momentum, average } = state;
  const tensors: Record<string, StoredTensor> = {};
  for (const [part, group] of [
    ['weight', weights],
    ['momentum', momentum],
    ['average', average],
  ] as const) {
    for (const [name, tensor] of Object.entries(group)) {
      tensors[`${part}/${name}`] = {
        dtype: 'F32',
        shape: tensor.shape,
        data: (await tensor.data()) as Float32Array,
      };
    }
  }
  return encodeSafetensors(tensors, {
    format: stateFormat,
    epoch: String(epoch),
    step: String(step),
    sums: sumsText(sums),
  });
}

/**
 * Decodes what `encodeState` made for the same training of `epochs` epochs of `steps` batches. Throws
 * `TrainingStateError`, or `SafetensorsError` for damaged bytes.
 */
export function decodeState(
  bytes: Uint8Array,
  {
    model,
    trained,
    epochs,
    steps,
    isAveraged,
  }: {
    readonly model: NetworkModel;
    readonly trained: readonly string[];
    readonly epochs: number;
    readonly steps: number;
    readonly isAveraged: boolean;
  },
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
  const place = parsePlace(metadata);
  if (place === null) throw new TrainingStateError('the checkpoint does not state its place in the training');
  const { epoch, step, sums } = place;
  if (epoch > epochs || step > (epoch < epochs ? steps : 0))
    throw new TrainingStateError(
      `the checkpoint is of step ${step} after epoch ${epoch}, but the training has ${epochs} epochs of ${steps} steps`,
    );
  const all = (part: string, names: readonly string[]): Record<string, Tensor> =>
    Object.fromEntries(names.map((name) => [name, load(part, name)]));
  const names = Object.keys(model.weights);
  const hasBegun = epoch > 0 || step > 0;
  return {
    epoch,
    step,
    sums,
    weights: all('weight', names),
    momentum: all('momentum', trained),
    average: isAveraged && hasBegun ? all('average', names) : {},
  };
}

/** Completed epochs, and steps of the next, that a state claims; null if the bytes are not a state. */
export function placeOfState(bytes: Uint8Array): Pick<TrainingState, 'epoch' | 'step'> | null {
  try {
    return parsePlace(readSafetensorsHeader(bytes, bytes.length).metadata);
  } catch (error) {
    if (error instanceof SafetensorsError) return null;
    throw error;
  }
}

function parsePlace({
  format,
  epoch,
  step,
  sums,
}: Readonly<Record<string, string>>): Pick<TrainingState, 'epoch' | 'step' | 'sums'> | null {
  if (format !== stateFormat || !isCount(epoch) || !isCount(step) || sums === undefined) return null;
  const parsed = parseSums(sums);
  return parsed && { epoch: Number(epoch), step: Number(step), sums: parsed };
}

function isCount(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,9}$/.test(text);
}

/** Numbers as text give back the same bits. */
function sumsText({ loss, learningRate, asTheyAre, perturbed }: EpochSums): string {
  const shares = [asTheyAre, perturbed].flatMap(({ hits, count }) => [hits, count]);
  return [loss, learningRate, ...shares].join(' ');
}

function parseSums(text: string): EpochSums | null {
  const numbers = text.split(' ').map(Number);
  if (numbers.length !== 6 || !numbers.every(Number.isFinite)) return null;
  const [loss, learningRate, hits, count, perturbedHits, perturbedCount] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const perturbed = { hits: perturbedHits, count: perturbedCount };
  return { loss, learningRate, asTheyAre: { hits, count }, perturbed };
}

export async function trainedModel(
  model: NetworkModel,
  weights: Readonly<Record<string, Tensor>>,
): Promise<NetworkModel> {
  const result: Record<string, WeightTensor> = {};
  for (const [name, { shape }] of Object.entries(model.weights)) {
    result[name] = { shape, data: ((await weights[name]!.data()) as Float32Array).slice() };
  }
  return { ...model, weights: result };
}
