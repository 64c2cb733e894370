/** Reads weight files of any kind as named tensors. */
import { foreignFormat } from '../../values/foreign-format.ts';
import { readSafetensorsHeader, SafetensorsError } from '../../values/safetensors.ts';
import { WeightsError } from './errors.ts';
import { isElementType, toFloat32 } from './floats.ts';
import type { NamedTensors, RawTensor } from './named-tensors.ts';
import { isOwnLayout, ownArchitecture } from './own-layout.ts';
import { saveStateDictionary } from './state-dictionary.ts';
import { readTorchLegacy, readTorchZip } from './torch-file.ts';
import { withoutWrappers } from './wrapper-prefixes.ts';
import { isZip } from './zip.ts';

export interface WeightFile {
  readonly tensors: NamedTensors;
  /**
   * `torch` has OIHW convolutions and [out, in] dense layers; `ravelin` is the layout of a `Model`, in files
   * that ravelin wrote.
   */
  readonly layout: 'torch' | 'ravelin';
  /** The architecture that a file of ravelin names; null or absent if it names none. */
  readonly architecture?: string | null;
}

/**
 * Reads safetensors and the files of `torch.save`, which differ in their first bytes. What wrappers of the
 * training put before every name, such as `module.`, is removed. Throws `WeightsError`.
 */
export function readWeightFile(bytes: Uint8Array): WeightFile {
  const [first, second, third] = bytes;
  if (isZip(bytes)) {
    return { tensors: withoutWrappers(readTorchZip(bytes)), layout: 'torch' };
  }
  if (first === 0x80 && second !== undefined && second <= 5 && third !== 0) {
    return { tensors: withoutWrappers(readTorchLegacy(bytes)), layout: 'torch' };
  }
  return readSafetensors(bytes);
}

function readSafetensors(bytes: Uint8Array): WeightFile {
  const { tensors, metadata } = readNamedTensors(bytes);
  if (!isOwnLayout(metadata)) return { tensors: withoutWrappers(tensors), layout: 'torch' };
  return { tensors, layout: 'ravelin', architecture: ownArchitecture(metadata) };
}

/** The tensors of a safetensors file under their own names. Throws `WeightsError`. */
export function readNamedTensors(bytes: Uint8Array): {
  readonly tensors: NamedTensors;
  readonly metadata: Readonly<Record<string, string>>;
} {
  try {
    const { tensors, metadata, dataStart } = readSafetensorsHeader(bytes, bytes.length);
    const named = new Map<string, RawTensor>();
    for (const [name, { shape, dtype, start, end }] of tensors) {
      if (!isElementType(dtype))
        throw new WeightsError(
          `tensor '${name}' has the type ${dtype}, which is not read`,
          "save it as float32, which is 'tensor.float()' in PyTorch",
        );
      const data = bytes.subarray(dataStart + start, dataStart + end);
      named.set(name, { shape, type: dtype, read: () => toFloat32(data, dtype) });
    }
    return { tensors: named, metadata };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    const format = foreignFormat(bytes);
    if (format !== null)
      throw new WeightsError(
        `the file is ${format}; a safetensors file or one of torch.save is needed`,
        saveStateDictionary,
      );
    // The header of a safetensors file begins with a brace, even if the file is damaged after it.
    if (bytes[8] !== 0x7b)
      throw new WeightsError(
        'the file is of no kind that is read: it is neither a safetensors file nor one of torch.save',
        `${saveStateDictionary}. ONNX files end in .onnx, files of torch.export in .pt2, and network files and those of TensorFlow.js in .json`,
      );
    throw new WeightsError(error.message, error.fix);
  }
}
