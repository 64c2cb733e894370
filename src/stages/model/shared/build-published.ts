import { zoo } from '../../../models/architectures/zoo.ts';
import type { ArchitectureName } from '../../../models/architectures/zoo.ts';
import { initializeModel } from '../../../models/initialize.ts';
import type { Model, Preprocessing } from '../../../values/model.ts';
import { loadWeights } from './weight-file.ts';

export interface PublishedParameters {
  readonly classes: number;
  readonly size: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * The architecture with the weights of a file, which must fit it exactly, or with fresh ones drawn from the
 * seed.
 */
export async function buildPublished(
  name: ArchitectureName,
  { classes, size, mean, std }: PublishedParameters,
  seed: readonly [high: number, low: number],
  weightsFile: string | undefined,
): Promise<Model> {
  const architecture = zoo[name];
  const network = architecture.build({ size, classes });
  const preprocessing: Preprocessing = { mean: spread(mean), std: spread(std) };
  if (weightsFile === undefined)
    return initializeModel(network, preprocessing, seed, architecture.initialization);
  const fix = `give weights of ${name}, as safetensors or a PyTorch state dictionary`;
  const weights = await loadWeights(network, weightsFile, fix, architecture);
  return { kind: 'model', network, weights, preprocessing };
}

function spread(values: readonly number[]): readonly number[] {
  return values.length === 1 ? [values[0]!, values[0]!, values[0]!] : values;
}
