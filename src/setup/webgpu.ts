/** Installs Dawn, WebGPU for Node: of its npm package, which has the libraries of five platforms, those of this machine. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { SetupError } from './errors.ts';
import { dawnFolder, dawnPlatform, dawnVersion, findDawn } from './locations.ts';
import { bringPackage, unpackPackage, type PinnedPackage } from './npm-package.ts';
import { checkSpace, inScratch, removeLeftovers, replace } from './scratch.ts';

export const dawnPackage: PinnedPackage = {
  name: 'webgpu',
  version: dawnVersion,
  sha512: '3L4GfmqJLvYUIEWJngEQY+2HQiUlAFkg8+P8NDDj3Xx5hHHIFO/r8JW+ynfqBj7kHN4mbnwO74uB+lrRtLhp4Q==',
};

/** Platforms that the package has a library for. */
const platforms: readonly string[] = [
  'linux-x64',
  'linux-arm64',
  'darwin-universal',
  'win32-x64',
  'win32-arm64',
];

/** Bytes of disk space needed at the peak. */
const needs = 0.2e9;

/** Sets Dawn up, from the folder `from` instead of the registry if it is not null. Throws `SetupError`. */
export async function setUpWebgpu(setup: {
  readonly from: string | null;
  readonly report: (line: string) => void;
}): Promise<void> {
  const { from, report } = setup;
  const found = findDawn();
  if (found !== null) {
    await load(found.entry);
    report(`Dawn ${found.version} is already set up: ${found.entry}`);
    return;
  }
  if (!platforms.includes(dawnPlatform))
    throw new SetupError(
      `Dawn has no library for ${dawnPlatform}`,
      'use the wasm backend, which needs no set-up',
    );
  const folder = dawnFolder();
  const home = join(folder, '..');
  await mkdir(home, { recursive: true });
  await removeLeftovers(home);
  await checkSpace(home, needs);
  await inScratch(home, async (scratch) => {
    report(
      from === null
        ? `downloading Dawn ${dawnVersion} with npm (51 MB)`
        : `reading Dawn ${dawnVersion} from ${from}`,
    );
    const tarball = await bringPackage(dawnPackage, from, scratch);
    const target = join(scratch, 'package');
    await unpackPackage(
      tarball,
      target,
      (path) => !path.includes('/') || path.startsWith(`dist/${dawnPlatform}/`),
    );
    await load(join(target, 'index.js'));
    await replace(target, folder);
  });
  if (!existsSync(join(folder, 'index.js')))
    throw new SetupError(`${folder} is not whole`, 'remove that folder and run the set-up again');
  report(`Dawn ${dawnVersion} is ready in ${folder}`);
}

/** Loads Dawn in another process, because a library that does not fit ends the process that loads it. */
async function load(entry: string): Promise<void> {
  const script = 'const { create } = await import(process.argv[1]); create([]); process.exit(0);';
  const run = await execa(
    process.execPath,
    ['--input-type=module', '-e', script, pathToFileURL(entry).href],
    { reject: false, all: true, stdin: 'ignore' },
  );
  if (run.exitCode === 0) return;
  const said = run.all.split('\n').find((line) => /error/i.test(line)); // prettier-ignore
  throw new SetupError(
    `Dawn is there but cannot be loaded (${run.signal ?? `exit code ${String(run.exitCode)}`})${said === undefined ? '' : `: ${said.trim()}`}`,
    'use another backend; Dawn needs a system that is about as new as Debian 12',
  );
}
