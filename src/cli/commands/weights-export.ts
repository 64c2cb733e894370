import { basename, dirname, extname, join } from 'node:path';
import { writeWhole } from '../../files/write-whole.ts';
import { networkFileText } from '../../models/network-file/write.ts';
import { encodeWeights } from '../../models/weights/write.ts';
import { isNetworkModel } from '../../values/model.ts';
import { modelOfCell } from '../cell-model.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, formatBytes } from '../output.ts';
import type { PipelineOptions } from '../pipeline.ts';

/** Writes the model of a cell as a network file, with its weights beside it. */
export async function weightsExport(
  file: string,
  cell: string,
  options: PipelineOptions & { readonly to: string },
): Promise<ExitCode> {
  const { to } = options;
  if (extname(to).toLowerCase() !== '.json')
    throw new UsageError(
      `'${to}' does not end in .json`,
      'give the name of the network file; its weights are written beside it, as .safetensors',
    );
  const { model } = await modelOfCell(file, cell, options);
  if (model === null || !isNetworkModel(model))
    throw new UsageError(
      `${cell} is a program in Python, so ravelin does not know its network`,
      'export it from Python, to ONNX for model/onnx or with torch.export for model/torch-export',
    );
  const weightsFile = `${basename(to, extname(to))}.safetensors`;
  const files = [
    [join(dirname(to), weightsFile), encodeWeights(model.network.architecture, model.weights)],
    [to, Buffer.from(networkFileText(model, weightsFile))],
  ] as const;
  for (const [path, bytes] of files) {
    writeWhole(path, bytes);
    complain(`wrote ${path}, ${formatBytes(bytes.length)}`);
  }
  return exitCodes.ok;
}
