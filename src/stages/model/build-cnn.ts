import { StageError } from '../../runtime/stage.ts';
import { cnn } from '../../models/architectures/cnn.ts';
import { initializeModel } from '../../models/initialize.ts';
import { checkModel, NetworkError } from '../../models/network.ts';
import type { Model, Preprocessing, WeightTensor } from '../../values/model.ts';
import { decodeSafetensors, SafetensorsError } from '../../values/safetensors.ts';
import { openData, readRange } from '../dataset/files.ts';

export interface CnnParameters {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  readonly filters: readonly number[];
  readonly kernel: number;
  readonly batchNorm: boolean;
  readonly dense: readonly number[];
  readonly dropout: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The network with the weights of a file, which must fit it exactly, or with fresh ones drawn from the seed. */
export async function buildCnn(
  params: CnnParameters,
  seed: readonly [high: number, low: number],
  weightsFile: string | undefined,
): Promise<Model> {
  const { height, width, channels, filters, mean, std, ...rest } = params;
  const network = cnn({ ...rest, inputShape: [height, width, channels], channels: filters });
  const preprocessing: Preprocessing = { mean: spread(mean, channels), std: spread(std, channels) };
  if (weightsFile === undefined) return initializeModel(network, preprocessing, seed);
  const model: Model = { kind: 'model', network, weights: await readWeights(weightsFile), preprocessing };
  try {
    checkModel(model);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new StageError(`${weightsFile}: ${error.message}`, {
      code: 'bad-data',
      file: weightsFile,
      fix: 'give the parameters of the network that the weights were trained for',
      cause: error,
    });
  }
  return model;
}

async function readWeights(path: string): Promise<Readonly<Record<string, WeightTensor>>> {
  const { handle, length } = await openData(path);
  try {
    const { tensors } = decodeSafetensors(await readRange(handle, path, 0, length));
    const weights: Record<string, WeightTensor> = {};
    for (const [name, tensor] of Object.entries(tensors)) {
      if (tensor.dtype !== 'F32')
        throw new SafetensorsError(`tensor '${name}' has type ${tensor.dtype}, not F32`);
      weights[name] = { shape: tensor.shape, data: tensor.data };
    }
    return weights;
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new StageError(`${path}: ${error.message}`, {
      code: 'bad-data',
      file: path,
      fix: 'store the weights as float32 safetensors',
      cause: error,
    });
  } finally {
    await handle.close();
  }
}

function spread(values: readonly number[], channels: number): readonly number[] {
  return values.length === 1 ? Array.from({ length: channels }, () => values[0]!) : values;
}
