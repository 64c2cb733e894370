import { SafetensorsError, type StoredTensor } from './safetensors.ts';
import type { Trace } from './trace.ts';

const prefix = 'perturbation.trace.';
const integers = ['lengths', 'steps'] as const;
const reals = ['losses', 'margins', 'distances', 'bestLosses', 'bestDistances'] as const;

/** The tensors of a trace, beside those of its images; none without a trace, so that other values keep their bytes. */
export function traceTensors(trace: Trace | undefined): Record<string, StoredTensor> {
  if (trace === undefined) return {};
  const tensors: Record<string, StoredTensor> = {};
  for (const name of integers)
    tensors[prefix + name] = { dtype: 'I32', shape: [trace[name].length], data: trace[name] };
  for (const name of reals)
    tensors[prefix + name] = { dtype: 'F32', shape: [trace[name].length], data: trace[name] };
  tensors[`${prefix}reached`] = { dtype: 'U8', shape: [trace.reached.length], data: trace.reached };
  return tensors;
}

/** The metadata of a trace. */
export function traceEntries(trace: Trace | undefined): Record<string, string> {
  return trace === undefined ? {} : { [`${prefix}norm`]: trace.norm, [`${prefix}loss`]: trace.loss };
}

/** The trace in a file; undefined if there is none. Throws `SafetensorsError` if a part of it is missing. */
export function readTrace(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>>,
): Trace | undefined {
  if (tensors[`${prefix}lengths`] === undefined) return undefined;
  const take = <D extends StoredTensor['dtype']>(name: string, dtype: D) => {
    const tensor = tensors[prefix + name];
    if (tensor?.dtype !== dtype) throw new SafetensorsError(`there is no ${dtype} tensor '${prefix}${name}'`);
    return tensor.data as Extract<StoredTensor, { readonly dtype: D }>['data'];
  };
  return {
    norm: (metadata[`${prefix}norm`] ?? 'l2') as Trace['norm'],
    loss: metadata[`${prefix}loss`] ?? '',
    lengths: take('lengths', 'I32'),
    steps: take('steps', 'I32'),
    losses: take('losses', 'F32'),
    margins: take('margins', 'F32'),
    distances: take('distances', 'F32'),
    bestLosses: take('bestLosses', 'F32'),
    bestDistances: take('bestDistances', 'F32'),
    reached: take('reached', 'U8'),
  };
}
