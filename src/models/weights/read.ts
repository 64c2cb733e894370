/** Reads weight files of any kind as named tensors. */
import { readSafetensorsHeader, SafetensorsError } from '../../values/safetensors.ts';
import { WeightsError } from './errors.ts';
import { isElementType, toFloat32 } from './floats.ts';
import type { NamedTensors, RawTensor } from './named-tensors.ts';
import { readTorchLegacy, readTorchZip } from './torch-file.ts';

export interface WeightFile {
  readonly tensors: NamedTensors;
  /**
   * `torch` has OIHW convolutions and [out, in] dense layers; `ravelin` is the layout of a `Model`, in files
   * that ravelin wrote.
   */
  readonly layout: 'torch' | 'ravelin';
}

/**
 * Reads safetensors and the files of `torch.save`, which differ in their first bytes. A `module.` before
 * every name, from PyTorch's `DataParallel`, is removed. Throws `WeightsError`.
 */
export function readWeightFile(bytes: Uint8Array): WeightFile {
  const [first, second, third, fourth] = bytes;
  if (first === 0x50 && second === 0x4b && third === 3 && fourth === 4) {
    return { tensors: withoutPrefix(readTorchZip(bytes)), layout: 'torch' };
  }
  if (first === 0x80 && second !== undefined && second <= 5 && third !== 0) {
    return { tensors: withoutPrefix(readTorchLegacy(bytes)), layout: 'torch' };
  }
  return readSafetensors(bytes);
}

function readSafetensors(bytes: Uint8Array): WeightFile {
  try {
    const { tensors, metadata, dataStart } = readSafetensorsHeader(bytes, bytes.length);
    const named = new Map<string, RawTensor>();
    for (const [name, { shape, dtype, start, end }] of tensors) {
      if (!isElementType(dtype))
        throw new WeightsError(`tensor '${name}' has the type ${dtype}, which is not supported`);
      const data = bytes.subarray(dataStart + start, dataStart + end);
      named.set(name, { shape, type: dtype, read: () => toFloat32(data, dtype) });
    }
    const own = metadata['kind'] === 'model' || metadata['layout'] === 'ravelin';
    const layout = own ? 'ravelin' : 'torch';
    return { tensors: layout === 'torch' ? withoutPrefix(named) : named, layout };
  } catch (error) {
    if (error instanceof SafetensorsError) throw new WeightsError(error.message);
    throw error;
  }
}

function withoutPrefix(tensors: NamedTensors): NamedTensors {
  const prefix = 'module.';
  if (tensors.size === 0 || ![...tensors.keys()].every((name) => name.startsWith(prefix))) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
