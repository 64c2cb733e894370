import { basename, dirname, extname, join } from 'node:path';
import { writeWhole } from '../../files/write-whole.ts';
import { networkFileText } from '../../models/network-file/write.ts';
import { torchWeights } from '../../models/weights/import-weights.ts';
import { encodeTorchWeights, encodeWeights } from '../../models/weights/write.ts';
import { isNetworkModel, type NetworkModel } from '../../values/model.ts';
import { modelOfCell } from '../cell-model.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, formatBytes } from '../output.ts';
import type { PipelineOptions } from '../pipeline.ts';

type Files = readonly (readonly [path: string, bytes: Uint8Array])[];

/**
 * Writes the model of a cell: as a network file with its weights beside it, or its weights alone as PyTorch's
 * `load_state_dict` takes them.
 */
export async function weightsExport(
  file: string,
  cell: string,
  options: PipelineOptions & { readonly to: string },
): Promise<ExitCode> {
  const { to } = options;
  const extension = extname(to).toLowerCase();
  if (extension !== '.json' && extension !== '.safetensors')
    throw new UsageError(
      `'${to}' does not end in .json or .safetensors`,
      'give a name that ends in .json for a network file, whose weights are written beside it; or in .safetensors for the weights alone in the layout of PyTorch',
    );
  const { model } = await modelOfCell(file, cell, options);
  if (model === null || !isNetworkModel(model))
    throw new UsageError(
      `${cell} is a program in Python, so ravelin does not know its network`,
      'export it from Python, to ONNX for model/onnx or with torch.export for model/torch-export',
    );
  for (const [path, bytes] of extension === '.json' ? networkFiles(model, to) : stateDictionary(model, to)) {
    writeWhole(path, bytes);
    complain(`wrote ${path}, ${formatBytes(bytes.length)}`);
  }
  const { mean, std } = model.preprocessing;
  if (
    extension === '.safetensors' &&
    [...mean, ...std.map((value) => value - 1)].some((value) => value !== 0)
  )
    complain(
      `the weights take normalised pixels: (pixels − mean) / std with mean ${shown(mean)} and std ${shown(std)}`,
    );
  return exitCodes.ok;
}

/** With the digits of float32, in which files often have such numbers. */
const shown = (values: readonly number[]): string =>
  values.map((value) => Number(value.toPrecision(7))).join(', ');

function networkFiles(model: NetworkModel, to: string): Files {
  const weightsFile = `${basename(to, extname(to))}.safetensors`;
  return [
    [join(dirname(to), weightsFile), encodeWeights(model.network.architecture, model.weights)],
    [to, Buffer.from(networkFileText(model, weightsFile))],
  ];
}

function stateDictionary({ network, weights }: NetworkModel, to: string): Files {
  return [[to, encodeTorchWeights(network.architecture, torchWeights(network, weights))]];
}
