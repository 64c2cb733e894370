import { placeOfState } from '../../../training/state.ts';
import type { MetricsRow } from '../../../values/metrics.ts';
import type { NetworkModel } from '../../../values/model.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  SafetensorsError,
  type StoredTensor,
} from '../../../values/safetensors.ts';
import { ValueError } from '../../../values/value-error.ts';
import { verifyValue } from '../../../values/verify.ts';

/**
 * The state from which a killed training resumes: the rows of the completed epochs, the weights of the best of them if
 * they are to be kept, and the state of the optimiser.
 */
export interface TrainingCheckpoint {
  readonly rows: readonly MetricsRow[];
  readonly best: BestWeights | null;
  readonly state: Uint8Array;
  /** Steps of the epoch after the last row that the state has taken. */
  readonly step: number;
}

/** The weights after the best epoch so far. */
export interface BestWeights {
  readonly epoch: number;
  readonly weights: NetworkModel['weights'];
}

/** Four bytes of little-endian length, the rows as JSON, the best weights if there are any, then the state. */
export function encodeCheckpoint({ rows, best, state }: Omit<TrainingCheckpoint, 'step'>): Uint8Array {
  const weights = best === null ? new Uint8Array(0) : encodeWeights(best.weights);
  const head = { rows, best: best && { epoch: best.epoch, bytes: weights.length } };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + text.length + weights.length + state.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  bytes.set(weights, 4 + text.length);
  bytes.set(state, 4 + text.length + weights.length);
  return bytes;
}

/**
 * Returns null unless the bytes are a checkpoint of a training of `model` over `epochs` epochs: one row for each completed
 * epoch, in order, the weights of one of them if there are any, and a state after as many.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  { epochs, model }: { readonly epochs: number; readonly model: NetworkModel },
): TrainingCheckpoint | null {
  if (bytes.length < 4) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (4 + length > bytes.length) return null;
  try {
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Head | null;
    const history = { rows: head?.rows ?? [], warnings: [] };
    verifyValue(history, 'metrics', 'the checkpoint');
    const { rows } = history;
    if (rows.some(({ axes }, index) => axes['epoch'] !== index + 1)) return null;
    const end = 4 + length + (head?.best?.bytes ?? 0);
    const best = decodeBest(head?.best ?? null, bytes.subarray(4 + length, end), rows.length, model);
    const state = bytes.slice(end);
    const place = placeOfState(state);
    if (rows.length > epochs || place?.epoch !== rows.length) return null;
    return { rows, best, state, step: place.step };
  } catch (error) {
    const isOther =
      error instanceof SyntaxError || error instanceof ValueError || error instanceof SafetensorsError;
    if (isOther) return null;
    throw error;
  }
}

interface Head {
  readonly rows?: readonly MetricsRow[];
  readonly best?: { readonly epoch: number; readonly bytes: number } | null;
}

function decodeBest(
  best: NonNullable<Head['best']> | null,
  bytes: Uint8Array,
  completed: number,
  model: NetworkModel,
): BestWeights | null {
  if (best === null) return null;
  const { epoch } = best;
  if (!Number.isInteger(epoch) || epoch < 1 || epoch > completed)
    throw new SafetensorsError('the best weights of the checkpoint belong to none of its epochs');
  return { epoch, weights: decodeWeights(bytes, model) };
}

function encodeWeights(weights: NetworkModel['weights']): Uint8Array {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, { shape, data }] of Object.entries(weights))
    tensors[name] = { dtype: 'F32', shape, data };
  return encodeSafetensors(tensors, {});
}

function decodeWeights(bytes: Uint8Array, model: NetworkModel): NetworkModel['weights'] {
  const { tensors } = decodeSafetensors(bytes);
  return Object.fromEntries(
    Object.entries(model.weights).map(([name, { shape }]) => {
      const stored = tensors[name];
      if (stored?.dtype !== 'F32' || stored.shape.join() !== shape.join())
        throw new SafetensorsError(`the checkpoint has no weight '${name}' of shape [${shape.join(', ')}]`);
      return [name, { shape, data: stored.data }];
    }),
  );
}
