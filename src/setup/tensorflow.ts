/**
 * Brings TensorFlow: fetch its wheel, unpack it, compile the binding, compute something with it. Each step works in a
 * folder of its own and renames it when it is done, so that a set-up that was interrupted goes on where it stopped.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { compileBinding, findCompiler } from './compile-binding.ts';
import { SetupError } from './errors.ts';
import { bindingPackage, bindingPackageName, compiledBinding, prebuiltBinding } from './locations.ts';
import { readyFile, tensorflowFolder, tensorflowVersion } from './locations.ts';
import { findPython, pip } from './pip.ts';
import { unpackWheel } from './wheel.ts';

export interface TensorflowSetup {
  /** With CUDA and cuDNN. */
  readonly gpu: boolean;
  /** Wheel that is here already. */
  readonly fromWheel: string | null;
  readonly report: (line: string) => void;
  /** Computes with the build in `folder`, or the package's own where null, in another process; what it ran on. */
  readonly verify: (folder: string | null) => Promise<string>;
}

/** Bytes on disk at the worst moment. */
const needs = { cpu: 1.3e9, gpu: 9e9 };

/** Throws `SetupError`. A second call with everything in place only verifies. */
export async function setUpTensorflow(setup: TensorflowSetup): Promise<void> {
  const { gpu, fromWheel, report, verify } = setup;
  if (gpu && fromWheel !== null) {
    throw new SetupError(
      'one wheel does not hold CUDA',
      'run with --gpu alone; pip reads PIP_NO_INDEX and PIP_FIND_LINKS for a folder of wheels',
    );
  }
  const sources = bindingPackage();
  if (sources === null) {
    throw new SetupError(
      `the npm package ${bindingPackageName} is not installed`,
      'run npm ci (without --omit=optional)',
    );
  }
  if (prebuiltBinding(sources) !== null && fromWheel === null && !gpu) {
    report(`${bindingPackageName} brought its own binding: ${await verify(null)}`);
    return;
  }
  checkPlatform();
  const folder = tensorflowFolder(gpu);
  const ready = readyFile(folder, sources);
  const binding = compiledBinding(folder, sources);
  const packages = join(folder, 'packages');
  if (existsSync(ready) && existsSync(binding)) {
    report(`in place in ${folder}: ${await verify(folder)}`);
    return;
  }
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  const compiler = existsSync(binding) ? null : await findCompiler();
  if (!existsSync(packages)) await bringPackages(setup, folder, packages);
  if (compiler !== null) {
    report(`compiling the binding with ${compiler} (10 s)`);
    await inScratch(folder, async (scratch) => {
      await compileBinding(compiler, {
        sources: sources.folder,
        packages,
        target: join(scratch, 'tfjs_binding.node'),
        runPath: '../packages/tensorflow',
      });
      await replace(scratch, join(binding, '..'));
    });
  }
  const device = await verify(folder);
  await writeFile(`${ready}.partial`, JSON.stringify({ tensorflow: tensorflowVersion, device }));
  await rename(`${ready}.partial`, ready);
  report(`ready in ${folder}: ${device}`);
}

async function bringPackages(
  { gpu, fromWheel, report }: TensorflowSetup,
  folder: string,
  packages: string,
): Promise<void> {
  await checkSpace(folder, gpu ? needs.gpu : needs.cpu);
  if (gpu) {
    const python = await findPython();
    report(`installing TensorFlow ${tensorflowVersion} with CUDA and cuDNN (some 3 GB to download)`);
    await inScratch(folder, async (scratch) => {
      const target = join(scratch, 'packages');
      const what = `tensorflow[and-cuda]==${tensorflowVersion}`;
      await pip(python, ['install', '--target', target, '--no-compile', what], scratch);
      await replace(target, packages);
    });
    return;
  }
  const wheel = fromWheel === null ? await fetchWheel(folder, report) : resolve(fromWheel);
  report('unpacking and checking the wheel (10 s)');
  await inScratch(folder, async (scratch) => {
    try {
      await unpackWheel(wheel, scratch, tensorflowVersion);
    } catch (error) {
      // What is damaged must not be found again by the next attempt.
      if (fromWheel === null && error instanceof SetupError)
        await rm(join(folder, 'wheel'), { recursive: true });
      throw error;
    }
    await replace(scratch, packages);
  });
  await rm(join(folder, 'wheel'), { recursive: true, force: true });
}

async function fetchWheel(folder: string, report: (line: string) => void): Promise<string> {
  const home = join(folder, 'wheel');
  if (!existsSync(home)) {
    const python = await findPython();
    report(`fetching TensorFlow ${tensorflowVersion} with pip (280 MB)`);
    await inScratch(folder, async (scratch) => {
      const target = join(scratch, 'wheel');
      const what = `tensorflow-cpu==${tensorflowVersion}`;
      await pip(python, ['download', '--no-deps', '--only-binary=:all:', '--dest', target, what], scratch);
      await replace(target, home);
    });
  }
  const file = (await readdir(home)).find((name) => name.endsWith('.whl'));
  if (file === undefined) throw new SetupError(`${home} holds no wheel`, 'remove that folder and run again');
  return join(home, file);
}

/** Throws where TensorFlow's wheels have no libraries that the binding could be linked with. */
export function checkPlatform(
  platform: string = process.platform,
  arch: string = process.arch,
  glibc: string | null = glibcVersion(),
): void {
  const instead = 'use the wasm backend here; it needs no set-up';
  if (platform !== 'linux' || arch !== 'x64')
    throw new SetupError(`this is ${platform} ${arch}, the set-up knows linux x64 only`, instead);
  if (glibc === null)
    throw new SetupError('this Linux has another C library than glibc, which TensorFlow needs', instead);
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 27))
    throw new SetupError(`this is glibc ${glibc}, TensorFlow needs 2.27`, instead);
}

function glibcVersion(): string | null {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime ?? null;
}

/** Throws where the disk of `folder` has fewer bytes left. */
export async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  const gigabytes = (value: number): string => (value / 1e9).toFixed(1);
  throw new SetupError(
    `${folder} has ${gigabytes(bavail * bsize)} GB left and ${gigabytes(bytes)} are needed`,
    'make room, or set RAVELIN_HOME to a folder on a larger disk',
  );
}

/** A folder that goes away, whatever happens, with what was not moved out of it. */
async function inScratch(folder: string, work: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = join(folder, `partial-${process.pid}`);
  await mkdir(scratch, { recursive: true });
  try {
    await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Atomic: another set-up that was faster keeps its result. */
async function replace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** Removes what killed set-ups left; those that still run keep theirs. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /^partial-(\d+)$/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await rm(join(folder, name), { recursive: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
