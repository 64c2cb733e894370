/**
 * Extracts what the binding needs from a TensorFlow wheel, and checks every file against the wheel's own
 * hashes.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { SetupError } from './errors.ts';
import { downloadCommand } from './pip.ts';
import { listZip, readZipEntry, ZipError } from './zip.ts';
import type { ZipEntry } from './zip.ts';

export const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

/**
 * The libraries, and the headers that the binding includes with those that they include; the wheel has ten
 * thousand more.
 */
const wanted = [
  ...libraries.map((name) => `tensorflow/${name}`),
  'tensorflow/THIRD_PARTY_NOTICES.txt',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/tsl/',
  'tensorflow/include/xla/tsl/',
];

/**
 * Unpacks into `folder`, keeping the layout. Throws `SetupError` for a damaged wheel, or one of something
 * else.
 */
export async function unpackWheel(path: string, folder: string, version: string): Promise<void> {
  try {
    const entries = await listZip(path);
    const record = entries.find(({ name }) => /^[^/]+\.dist-info\/RECORD$/.test(name));
    if (record === undefined) throw wrongWheel(path, 'it has no RECORD, so it is not a wheel');
    if (!new RegExp(`^tensorflow(_cpu)?-${version.replaceAll('.', '\\.')}\\.dist-info/`).test(record.name))
      throw wrongWheel(path, `it contains ${dirname(record.name).replace(/\.dist-info$/, '')}`);
    for (const library of libraries) {
      if (!entries.some(({ name }) => name === `tensorflow/${library}`))
        throw wrongWheel(path, `it does not contain ${library}`);
    }
    const hashes = readRecord(await text(await readZipEntry(path, record)));
    for (const entry of entries) {
      if (wanted.some((prefix) => entry.name.startsWith(prefix)) && !entry.name.endsWith('/'))
        await unpack(path, entry, folder, hashes.get(entry.name));
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (error instanceof ZipError || /^(Z_|ERR_ZLIB)/.test(code))
      throw damaged(path, (error as Error).message);
    if (code === 'ENOENT')
      throw new SetupError(`the file ${path} does not exist`, 'give the path of the wheel');
    throw error;
  }
}

/** Reads a RECORD, whose lines are `path,sha256=base64url,size`; the line of the list itself has no hash. */
function readRecord(lines: string): ReadonlyMap<string, string> {
  return new Map(
    [...lines.matchAll(/^"?([^",\n]+)"?,sha256=([\w-]+),\d+\s*$/gm)].map(([, path, hash]) => [path!, hash!]),
  );
}

async function unpack(
  path: string,
  entry: ZipEntry,
  folder: string,
  expected: string | undefined,
): Promise<void> {
  if (entry.name.split('/').includes('..')) throw damaged(path, `${entry.name} leads outside`);
  const target = join(folder, entry.name);
  await mkdir(dirname(target), { recursive: true });
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(await readZipEntry(path, entry), hashing, createWriteStream(target));
  if (hash.digest('base64url') !== expected)
    throw damaged(path, `the SHA-256 of ${entry.name} is not the one in its RECORD`);
}

function damaged(path: string, why: string): SetupError {
  return new SetupError(
    `the wheel ${path} is damaged: ${why}`,
    'run the set-up again, or copy the wheel here again',
  );
}

function wrongWheel(path: string, why: string): SetupError {
  return new SetupError(
    `${path} is the wrong wheel: ${why}`,
    `on a machine with a network, download the right one: ${downloadCommand}`,
  );
}
