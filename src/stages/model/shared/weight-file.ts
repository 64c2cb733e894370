import { NetworkError } from '../../../models/network.ts';
import { WeightsError } from '../../../models/weights/errors.ts';
import { importWeights } from '../../../models/weights/import-weights.ts';
import type { ImportOptions } from '../../../models/weights/import-weights.ts';
import { readWeightFile } from '../../../models/weights/read.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { Network, WeightTensor } from '../../../values/model.ts';
import { readWhole } from '../../dataset/shared/files.ts';

/**
 * Reads the weights of `network` from a file that must fit it exactly. Throws `StageError` with `fix` if it
 * does not.
 */
export async function loadWeights(
  network: Network,
  path: string,
  fix: string,
  options?: ImportOptions,
): Promise<Readonly<Record<string, WeightTensor>>> {
  const bytes = await readWhole(path);
  try {
    return importWeights(network, readWeightFile(bytes), options);
  } catch (error) {
    if (!(error instanceof WeightsError) && !(error instanceof NetworkError)) throw error;
    const own = error instanceof WeightsError ? error.fix : undefined;
    throw new StageError(`${path}: ${error.message}`, {
      code: 'bad-data',
      file: path,
      fix: own ?? fix,
      cause: error,
    });
  }
}
