import { extname, resolve } from 'node:path';
import { writeWhole } from '../../files/write-whole.ts';
import { zoo } from '../../models/architectures/zoo.ts';
import type { RawTensor } from '../../models/weights/named-tensors.ts';
import { readWeightFile } from '../../models/weights/read.ts';
import { encodeWeights } from '../../models/weights/write.ts';
import { readWhole } from '../../stages/dataset/shared/files.ts';
import { loadWeights } from '../../stages/model/shared/weight-file.ts';
import { architectureNamed, buildArchitecture } from '../architecture-options.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { explained } from '../explained-failure.ts';
import { complain, formatBytes, formatColumns, print, printJson } from '../output.ts';
import { elementCount } from '../../values/element-count.ts';

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

export interface ConvertOptions {
  readonly architecture: string;
  readonly classes?: number;
  readonly size?: number;
}

/** Writes the weights of a published architecture as float32 safetensors in ravelin's layout. */
export async function weightsConvert(from: string, to: string, options: ConvertOptions): Promise<ExitCode> {
  const name = architectureNamed(options.architecture);
  if (extname(to).toLowerCase() !== '.safetensors')
    throw new UsageError(
      `'${to}' does not end in .safetensors`,
      'give a name that does: weights are written as safetensors',
    );
  if (resolve(from) === resolve(to))
    throw new UsageError(`'${to}' is also the input file`, 'give the output another name');
  const bytes = await explained(from, async () => {
    const network = buildArchitecture(name, options);
    const fix = `give weights of ${name} for ${network.classes} classes; 'ravelin weights show ${from}' lists its tensors`;
    return encodeWeights(name, await loadWeights(network, resolve(from), fix, zoo[name]));
  });
  try {
    writeWhole(to, bytes);
  } catch (error) {
    complain(`error: ${to} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    return exitCodes.storage;
  }
  complain(`wrote ${to}, ${formatBytes(bytes.length)}`);
  return exitCodes.ok;
}
