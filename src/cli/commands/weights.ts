import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { nearest } from '../../values/nearest.ts';
import { zoo } from '../../models/architectures/zoo.ts';
import type { ArchitectureName } from '../../models/architectures/zoo.ts';
import { NetworkError } from '../../models/network.ts';
import { WeightsError } from '../../models/weights/errors.ts';
import type { RawTensor } from '../../models/weights/named-tensors.ts';
import { readWeightFile } from '../../models/weights/read.ts';
import { encodeWeights } from '../../models/weights/write.ts';
import { StageError } from '../../runtime/stage.ts';
import { readWhole } from '../../stages/dataset/shared/files.ts';
import { publishedDefaults } from '../../stages/model/published.ts';
import { loadWeights } from '../../stages/model/shared/weight-file.ts';
import type { Network } from '../../values/model.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, formatBytes, formatColumns, print, printJson } from '../output.ts';

/**
 * Lists the tensors of a weight file. NaN and infinities are counted after rounding to float32, the type of
 * models.
 */
export async function weightsShow(file: string, options: { readonly json?: boolean }): Promise<ExitCode> {
  const { layout, tensors } = await explained(file, async () => {
    const read = readWeightFile(await readWhole(resolve(file)));
    return {
      layout: read.layout,
      tensors: [...read.tensors].map(([name, tensor]) => describe(name, tensor)),
    };
  });
  if (options.json === true) {
    printJson({ file, layout, tensors });
    return exitCodes.ok;
  }
  const rows = tensors.map(({ name, shape, dtype, nan, infinite }) => [
    name,
    dtype,
    `[${shape.join(', ')}]`,
    [...(nan > 0 ? [`${nan} NaN`] : []), ...(infinite > 0 ? [`${infinite} infinite`] : [])].join(', '),
  ]);
  if (rows.length > 0) print(formatColumns(rows).replaceAll(/ +$/gm, ''));
  const numbers = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  print(`${tensors.length} tensors, ${numbers} numbers, layout of ${layout}`);
  return exitCodes.ok;
}

interface TensorDescription {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly nan: number;
  readonly infinite: number;
}

function describe(name: string, { shape, type, read }: RawTensor): TensorDescription {
  let nan = 0;
  let infinite = 0;
  for (const value of read()) {
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
  }
  return { name, shape, dtype: type, nan, infinite };
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

export interface ConvertOptions {
  readonly architecture: string;
  readonly classes?: number;
  readonly size?: number;
}

/** Writes the weights of a published architecture as float32 safetensors in ravelin's layout. */
export async function weightsConvert(from: string, to: string, options: ConvertOptions): Promise<ExitCode> {
  const name = architectureName(options.architecture);
  if (extname(to).toLowerCase() !== '.safetensors')
    throw new UsageError(
      `'${to}' does not end in .safetensors`,
      'give a name that does: weights are written as safetensors',
    );
  if (resolve(from) === resolve(to))
    throw new UsageError(`'${to}' is the input file, too`, 'give the output another name');
  const bytes = await explained(from, async () => {
    const network = buildNetwork(name, options);
    const fix = `give weights of ${name} for ${network.classes} classes; 'ravelin weights show ${from}' lists its tensors`;
    return encodeWeights(name, await loadWeights(network, resolve(from), fix, zoo[name]));
  });
  try {
    mkdirSync(dirname(resolve(to)), { recursive: true });
    writeFileSync(to, bytes);
  } catch (error) {
    complain(`error: ${to} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    return exitCodes.storage;
  }
  complain(`wrote ${to}, ${formatBytes(bytes.length)}`);
  return exitCodes.ok;
}

function architectureName(name: string): ArchitectureName {
  if (Object.hasOwn(zoo, name)) return name as ArchitectureName;
  const near = nearest(name, Object.keys(zoo));
  throw new UsageError(
    `unknown architecture '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
    `use one of ${Object.keys(zoo).join(', ')}`,
  );
}

function buildNetwork(name: ArchitectureName, options: ConvertOptions): Network {
  const { classes, size } = { ...publishedDefaults(name), ...options };
  try {
    return zoo[name].build({ classes, size });
  } catch (error) {
    if (error instanceof NetworkError) throw new UsageError(error.message, 'give another --size');
    throw error;
  }
}

/**
 * Turns the failures of a stage into those of a command: a file that is missing, damaged or of another
 * network.
 */
async function explained<Result>(file: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StageError) {
      // A stage advises on the pipeline if a file is missing, but this command does not have a pipeline.
      throw new UsageError(error.message, error.code === 'io' ? undefined : error.fix);
    }
    if (error instanceof WeightsError)
      throw new UsageError(
        `${file}: ${error.message}`,
        error.fix ?? 'give a safetensors file or a PyTorch state dictionary',
      );
    throw error;
  }
}
