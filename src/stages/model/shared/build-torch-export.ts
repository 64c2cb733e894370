import { basename } from 'node:path';
import { convertTorchExport } from '../../../models/torch-export/convert.ts';
import { readProgram } from '../../../models/torch-export/program.ts';
import type { NetworkModel } from '../../../values/model.ts';
import { finishImport, readWholeFile } from './imported-model.ts';
import type { ImportParameters } from './imported-model.ts';

/** Reads a file of `torch.export.save` as a model. Throws `StageError`. */
export async function buildTorchExportModel(
  path: string,
  parameters: ImportParameters,
): Promise<NetworkModel> {
  const { output } = parameters;
  return finishImport(path, parameters, 'give the .pt2 file of a classifier of images', async () => {
    const bytes = await readWholeFile(path);
    return convertTorchExport(readProgram(bytes), {
      architecture: basename(path).replace(/\.pt2$/i, ''),
      bytes: bytes.length,
      ...(output !== undefined && { output }),
    });
  });
}
