import { zoo } from '../../models/architectures/zoo.ts';
import type { ArchitectureName } from '../../models/architectures/zoo.ts';
import { initializeModel } from '../../models/initialize.ts';
import { NetworkError } from '../../models/network.ts';
import { WeightsError } from '../../models/weights/errors.ts';
import { importWeights } from '../../models/weights/import-weights.ts';
import { readWeightFile } from '../../models/weights/read.ts';
import { StageError } from '../../runtime/stage.ts';
import type { Model, Preprocessing } from '../../values/model.ts';
import { readWhole } from '../dataset/files.ts';

export interface PublishedParameters {
  readonly classes: number;
  readonly size: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The architecture with the weights of a file, which must fit it exactly, or with fresh ones drawn from the seed. */
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
  const bytes = await readWhole(weightsFile);
  try {
    const weights = importWeights(network, readWeightFile(bytes), architecture);
    return { kind: 'model', network, weights, preprocessing };
  } catch (error) {
    if (!(error instanceof WeightsError) && !(error instanceof NetworkError)) throw error;
    throw new StageError(`${weightsFile}: ${error.message}`, {
      code: 'bad-data',
      file: weightsFile,
      fix: `give weights of ${name}, as safetensors or a PyTorch state dictionary`,
      cause: error,
    });
  }
}

function spread(values: readonly number[]): readonly number[] {
  return values.length === 1 ? [values[0]!, values[0]!, values[0]!] : values;
}
