import { cnn, type CnnOptions } from '../../../models/architectures/cnn.ts';
import { initializeModel } from '../../../models/initialize.ts';
import type { NetworkModel, Preprocessing } from '../../../values/model.ts';
import { perChannel } from './preprocessing-parameters.ts';
import { loadWeights } from './weight-file.ts';

export interface CnnParameters extends Omit<CnnOptions, 'inputShape'>, Preprocessing {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * The network with the weights of a file, which must fit it exactly, or with fresh ones drawn from the seed.
 */
export async function buildCnn(
  params: CnnParameters,
  seed: readonly [high: number, low: number],
  weightsFile: string | undefined,
): Promise<NetworkModel> {
  const { height, width, channels, mean, std, ...rest } = params;
  const network = cnn({ ...rest, inputShape: [height, width, channels] });
  const preprocessing: Preprocessing = { mean: perChannel(mean, channels), std: perChannel(std, channels) };
  if (weightsFile === undefined) return initializeModel(network, preprocessing, seed);
  const fix =
    'give the parameters of the network that the weights were trained for, and name the tensors conv1, bn1, fc1, …';
  return { kind: 'model', network, weights: await loadWeights(network, weightsFile, fix), preprocessing };
}
