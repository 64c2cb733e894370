import { zoo } from '../../../models/architectures/zoo.ts';
import type { PaddingForm } from '../../../models/architectures/options.ts';
import type { ArchitectureName } from '../../../models/architectures/zoo.ts';
import { initializeModel } from '../../../models/initialize.ts';
import type { NetworkModel, Preprocessing } from '../../../values/model.ts';
import { perChannel } from './preprocessing-parameters.ts';
import { loadWeights } from './weight-file.ts';

export interface PublishedParameters {
  readonly classes: number;
  readonly size: number;
  readonly padding?: PaddingForm;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * The architecture with the weights of a file, which must fit it exactly, or with fresh ones drawn from the
 * seed.
 */
export async function buildPublished(
  name: ArchitectureName,
  { classes, size, padding, mean, std }: PublishedParameters,
  seed: readonly [high: number, low: number],
  weightsFile: string | undefined,
): Promise<NetworkModel> {
  const architecture = zoo[name];
  const form = padding === undefined ? {} : { padding };
  const network = architecture.build({ size, classes, ...form });
  const preprocessing: Preprocessing = { mean: perChannel(mean, 3), std: perChannel(std, 3) };
  if (weightsFile === undefined)
    return initializeModel(network, preprocessing, seed, architecture.initialization);
  const fix = `give weights of ${name}, as safetensors or a PyTorch state dictionary`;
  const weights = await loadWeights(network, weightsFile, fix, {
    ...architecture,
    judge: (names) => architecture.judgeWeights?.(names, form) ?? null,
  });
  return { kind: 'model', network, weights, preprocessing };
}
