/** Stages of models from files of other tools share this: reading the file, and the steps after its conversion. */
import { ImportError } from '../../../models/imported/errors.ts';
import { withRedFirst } from '../../../models/imported/finish.ts';
import { checkModel, NetworkError } from '../../../models/network.ts';
import { reorderClasses } from '../../../models/tfjs/class-order.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { NetworkModel, Preprocessing } from '../../../values/model.ts';
import { openData, readRange } from '../../dataset/shared/files.ts';
import { perChannel } from './preprocessing-parameters.ts';
import { sortedOrder } from './sorted-order.ts';

export interface ImportParameters {
  readonly output?: string;
  readonly channels: 'rgb' | 'bgr';
  readonly classesFile?: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Receives a sentence if the file normalises the pixels, and the parameters do so as well. */
  readonly warn?: (message: string) => void;
}

/** Largest file that is read whole. */
const mostBytes = 4 * 2 ** 30;

/** Throws `ImportError` for a file that is too large, and `StageError` for one that cannot be read. */
export async function readWholeFile(path: string): Promise<Uint8Array> {
  const { handle, length } = await openData(path);
  try {
    if (length > mostBytes)
      throw new ImportError(
        'too-large',
        `the model exceeds what is read: ${path} has ${length} bytes`,
        'give a classifier of images, whose files are far below these limits',
      );
    return await readRange(handle, path, 0, length);
  } finally {
    await handle.close();
  }
}

/** The model that `convert` makes of the file at `path`, with the parameters of its stage. Throws `StageError`. */
export async function finishImport(
  path: string,
  { channels, classesFile, mean, std, warn }: ImportParameters,
  otherwise: string,
  convert: () => Promise<NetworkModel>,
): Promise<NetworkModel> {
  try {
    const converted = await convert();
    const ordered = channels === 'bgr' ? withRedFirst(converted) : converted;
    if (!isIdentity(ordered.preprocessing) && !isIdentity({ mean, std }))
      warn?.(
        `the file itself normalises the pixels (mean ${listed(ordered.preprocessing.mean)}, std ${listed(ordered.preprocessing.std)}), and mean and std of the stage come before that. If they are the same normalisation, remove them from the stage.`,
      );
    const model = { ...ordered, preprocessing: after(ordered.preprocessing, mean, std) };
    checkModel(model);
    return classesFile === undefined
      ? model
      : reorderClasses(model, sortedOrder(classesFile, model.network.classes));
  } catch (error) {
    if (!(error instanceof NetworkError) && !(error instanceof ImportError)) throw error;
    throw new StageError(`${path}: ${error.message}`, {
      code: 'bad-data',
      file: path,
      fix: error instanceof ImportError ? error.fix : otherwise,
      cause: error,
    });
  }
}

function isIdentity({ mean, std }: Preprocessing): boolean {
  return mean.every((value) => value === 0) && std.every((value) => value === 1);
}

function listed(values: readonly number[]): string {
  return values.map((value) => String(Number(value.toPrecision(4)))).join(', ');
}

/** The network's own preprocessing after `(x − mean) / std`. */
function after(inner: Preprocessing, mean: readonly number[], std: readonly number[]): Preprocessing {
  const count = inner.mean.length;
  const [means, stds] = [perChannel(mean, count), perChannel(std, count)];
  if (means.length !== count || stds.length !== count)
    throw new ImportError(
      'not-supported',
      `the images have ${count} channels, but mean has ${mean.length} values and std ${std.length}`,
      `give one value, or one for each of the ${count} channels`,
    );
  return {
    mean: means.map((value, at) => value + stds[at]! * inner.mean[at]!),
    std: stds.map((value, at) => value * inner.std[at]!),
  };
}
