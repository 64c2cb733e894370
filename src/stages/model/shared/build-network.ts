import { NetworkError } from '../../../models/network.ts';
import { NetworkFileError, readNetworkFile } from '../../../models/network-file/read.ts';
import type { NetworkFile } from '../../../models/network-file/read.ts';
import { reorderClasses } from '../../../models/tfjs/class-order.ts';
import { WeightsError } from '../../../models/weights/errors.ts';
import { importWeights } from '../../../models/weights/import-weights.ts';
import { isOwnLayout } from '../../../models/weights/own-layout.ts';
import { readNamedTensors } from '../../../models/weights/read.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { NetworkModel, WeightTensor } from '../../../values/model.ts';
import { openData, readJson, readWhole } from '../../dataset/shared/files.ts';
import { pathBeside } from './path-beside.ts';
import { sortedOrder } from './sorted-order.ts';

/** Longest network file that is read: a network of 100,000 nodes has half of it. */
const mostBytes = 64 * 2 ** 20;

/** Reads a network file and the weights beside it. Throws `StageError`. */
export async function buildNetworkModel(
  path: string,
  classesFile: string | undefined,
): Promise<NetworkModel> {
  try {
    await checkLength(path);
    const { network, preprocessing, weights } = readNetworkFile(readJson(path));
    const model: NetworkModel = {
      kind: 'model',
      network,
      weights: await readWeights(path, network, weights),
      preprocessing,
    };
    return classesFile === undefined
      ? model
      : reorderClasses(model, sortedOrder(classesFile, network.classes));
  } catch (error) {
    if (
      !(error instanceof NetworkError) &&
      !(error instanceof NetworkFileError) &&
      !(error instanceof WeightsError)
    )
      throw error;
    throw new StageError(`${path}: ${error.message}`, {
      code: 'bad-data',
      file: path,
      fix:
        (error instanceof NetworkError ? undefined : error.fix) ??
        (error instanceof WeightsError
          ? 'correct the nodes, or write the weights with the tensors of the nodes and no others: a normalisation with buffers (mean, std) is preprocessing'
          : 'correct the network file, or write it again together with its weights'),
      cause: error,
    });
  }
}

async function checkLength(path: string): Promise<void> {
  const { handle, length } = await openData(path);
  await handle.close();
  if (length > mostBytes)
    throw new NetworkFileError(
      `the file has ${length} bytes, and a network file has at most ${mostBytes}`,
      'give the JSON file of a network; its weights are a file of their own',
    );
}

/** Says which of the two files is meant, for the error is reported for the network file. */
async function readTensors(place: string, file: string): Promise<ReturnType<typeof readNamedTensors>> {
  try {
    return readNamedTensors(await readWhole(place));
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    throw new WeightsError(`its weights in ${file}: ${error.message}`, error.fix);
  }
}

async function readWeights(
  path: string,
  network: NetworkModel['network'],
  { file, layout }: NetworkFile['weights'],
): Promise<Readonly<Record<string, WeightTensor>>> {
  const place = await pathBeside(path, file);
  if (place === null)
    throw new NetworkFileError(
      `the weights in '${file}' are a link that leads out of the folder of the network file`,
      'put the file itself beside the network file',
    );
  const { tensors, metadata } = await readTensors(place, file);
  if (layout === 'torch' && isOwnLayout(metadata))
    throw new NetworkFileError(
      `'weights.layout' is 'torch', but ${file} says that it has the layout of ravelin`,
      "write 'ravelin', or save the weights without that note in their metadata",
    );
  return importWeights(network, { tensors, layout });
}
