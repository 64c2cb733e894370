import { basename } from 'node:path';
import { convertOnnx } from '../../../models/onnx/convert.ts';
import { OnnxError } from '../../../models/onnx/errors.ts';
import { readOnnxModel, tensorsOf } from '../../../models/onnx/messages.ts';
import type { OnnxModel } from '../../../models/onnx/messages.ts';
import { externalLocations } from '../../../models/onnx/tensor.ts';
import type { ExternalData } from '../../../models/onnx/tensor.ts';
import type { NetworkModel } from '../../../values/model.ts';
import { finishImport, readWholeFile } from './imported-model.ts';
import type { ImportParameters } from './imported-model.ts';
import { pathBeside } from './path-beside.ts';

export interface OnnxParameters extends ImportParameters {
  readonly size?: number;
  readonly width?: number;
}

/** Reads an ONNX file, and those beside it that it names, as a model. Throws `StageError`. */
export async function buildOnnxModel(path: string, parameters: OnnxParameters): Promise<NetworkModel> {
  const { size, width = size, output } = parameters;
  return finishImport(path, parameters, 'give the ONNX file of a classifier of images', async () => {
    const file = readOnnxModel(await readWholeFile(path));
    const external = await readBeside(path, file);
    return convertOnnx(file, {
      architecture: basename(path).replace(/\.onnx$/i, ''),
      external,
      ...(size !== undefined && { size: [size, width!] as const }),
      ...(output !== undefined && { output }),
    });
  });
}

/** Reads the files in the model's folder that its tensors lie in. No link may lead out of it. */
async function readBeside(path: string, { graph }: OnnxModel): Promise<ExternalData> {
  const files = new Map<string, Uint8Array>();
  for (const location of externalLocations(tensorsOf(graph))) {
    const file = await pathBeside(path, location);
    if (file === null)
      throw new OnnxError(
        'external-data',
        `the weights in '${location}' are a link that leads out of the model's folder`,
        `put the file itself beside the model`,
      );
    files.set(location, await readWholeFile(file));
  }
  return (location) => files.get(location)!;
}
