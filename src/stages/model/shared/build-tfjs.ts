import { basename, dirname, join } from 'node:path';
import { reorderClasses } from '../../../models/tfjs/class-order.ts';
import { convertLayersModel } from '../../../models/tfjs/convert.ts';
import { convertGraphModel } from '../../../models/tfjs/convert-graph.ts';
import { isGraphTopology, readGraphNodes } from '../../../models/tfjs/graph-nodes.ts';
import { readTopology } from '../../../models/tfjs/layers.ts';
import { decodeGroup, readManifest } from '../../../models/tfjs/manifest.ts';
import { checkModel, NetworkError } from '../../../models/network.ts';
import { WeightsError } from '../../../models/weights/errors.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { NetworkModel, WeightTensor } from '../../../values/model.ts';
import { readJson, readWhole } from '../../dataset/shared/files.ts';
import { perChannel } from './preprocessing-parameters.ts';
import { sortedOrder } from './sorted-order.ts';

export interface TfjsParameters {
  readonly size?: number;
  readonly classesFile?: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Reads model.json, its weight files and, if given, the names of its outputs. Throws `StageError`. */
export async function buildTfjsModel(
  path: string,
  { size, classesFile, mean, std }: TfjsParameters,
): Promise<NetworkModel> {
  try {
    const file = readJson(path) as {
      readonly modelTopology?: unknown;
      readonly weightsManifest?: unknown;
    } | null;
    const tensors: Record<string, WeightTensor> = {};
    for (const group of readManifest(file?.weightsManifest)) {
      const shards = await Promise.all(group.paths.map((name) => readWhole(join(dirname(path), name))));
      Object.assign(tensors, decodeGroup(group, Buffer.concat(shards)));
    }
    const topology = file?.modelTopology;
    const options = {
      architecture: basename(dirname(path)),
      ...(size !== undefined && { size: [size, size] as const }),
    };
    const { network, weights } = isGraphTopology(topology)
      ? convertGraphModel(readGraphNodes(topology), tensors, options)
      : convertLayersModel(readTopology(topology), tensors, options);
    const channels = network.inputShape[2];
    const model: NetworkModel = {
      kind: 'model',
      network,
      weights,
      preprocessing: { mean: perChannel(mean, channels), std: perChannel(std, channels) },
    };
    checkModel(model);
    return classesFile === undefined
      ? model
      : reorderClasses(model, sortedOrder(classesFile, network.classes));
  } catch (error) {
    if (!(error instanceof NetworkError) && !(error instanceof WeightsError)) throw error;
    throw new StageError(`${path}: ${error.message}`, {
      code: 'bad-data',
      file: path,
      fix: 'give the model.json of an image classifier in one of the formats of TensorFlow.js',
      cause: error,
    });
  }
}
