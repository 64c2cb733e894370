import { dirname, join } from 'node:path';
import { readFileBytes } from '../../../files/open-file.ts';
import { readOnnxModel, tensorsOf } from '../../../models/onnx/messages.ts';
import { externalLocations } from '../../../models/onnx/tensor.ts';

/** The files in the model's folder that it names; none if it cannot be read, which `run` reports. */
export function filesBeside(path: string): string[] {
  try {
    const { graph } = readOnnxModel(readFileBytes(path));
    return externalLocations(tensorsOf(graph)).map((location) => join(dirname(path), location));
  } catch {
    return [];
  }
}
