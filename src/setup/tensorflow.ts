/**
 * Installs TensorFlow: downloads its wheel, unpacks it, compiles the binding and computes something with it.
 * Each step works in a folder of its own and renames it when it is done, so that an interrupted set-up
 * resumes where it stopped.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { compileBinding, findCompiler } from './compile-binding.ts';
import { SetupError } from './errors.ts';
import { readMeasurement, writeMeasurement } from './one-dnn.ts';
import { bindingPackage, bindingPackageName, compiledBinding, prebuiltBinding } from './locations.ts';
import { readyFile, tensorflowFolder, tensorflowVersion } from './locations.ts';
import { findPython, pip } from './pip.ts';
import { unpackWheel } from './wheel.ts';
import { reinstall } from './reinstall.ts';

export interface TensorflowSetup {
  /** With CUDA and cuDNN. */
  readonly gpu: boolean;
  /** Path of a wheel to use instead of downloading one. */
  readonly fromWheel: string | null;
  readonly report: (line: string) => void;
  /**
   * Computes something in another process, with the build in `folder` or, if it is null, the package's own.
   * Returns a description of the device.
   */
  readonly verify: (folder: string | null) => Promise<string>;
  /**
   * Processor seconds of some convolutions and their gradients in another process, with the build in `folder`,
   * with oneDNN or without.
   */
  readonly timeConvolutions: (folder: string, oneDnn: boolean) => Promise<number>;
}

/** Bytes of disk space needed at the peak. */
const needs = { cpu: 1.3e9, gpu: 9e9 };

/** Sets TensorFlow up. A second call with everything in place only verifies. Throws `SetupError`. */
export async function setUpTensorflow(setup: TensorflowSetup): Promise<void> {
  const { gpu, fromWheel, report, verify } = setup;
  if (gpu && fromWheel !== null) {
    throw new SetupError(
      '--from-wheel cannot be combined with --gpu, because CUDA needs more than one wheel',
      'give only --gpu; set PIP_NO_INDEX and PIP_FIND_LINKS to let pip take wheels from a folder',
    );
  }
  const sources = bindingPackage();
  if (sources === null) {
    throw new SetupError(`the npm package ${bindingPackageName} is not installed`, reinstall());
  }
  if (prebuiltBinding(sources) !== null && fromWheel === null && !gpu) {
    report(`${bindingPackageName} has its own binding: ${await verify(null)}`);
    return;
  }
  checkPlatform();
  const folder = tensorflowFolder(gpu);
  const ready = readyFile(folder, sources);
  const binding = compiledBinding(folder, sources);
  const packages = join(folder, 'packages');
  if (existsSync(ready) && existsSync(binding)) {
    const device = await verify(folder);
    if (!gpu && readMeasurement(folder) === null) await measureOneDnn(setup, folder);
    report(`already set up in ${folder}: ${device}`);
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
  if (!gpu) await measureOneDnn(setup, folder);
  await writeFile(`${ready}.partial`, JSON.stringify({ tensorflow: tensorflowVersion, device }));
  await rename(`${ready}.partial`, ready);
  report(`ready in ${folder}: ${device}`);
}

/** Finds out whether oneDNN is faster on this processor, and keeps the answer beside the build. */
async function measureOneDnn({ report, timeConvolutions }: TensorflowSetup, folder: string): Promise<void> {
  report('timing convolutions with oneDNN and without (10 s)');
  const best = { with: Infinity, without: Infinity };
  // They take turns, because other programs on the machine disturb both alike then.
  for (let round = 0; round < 2; round++) {
    for (const side of ['with', 'without'] as const)
      best[side] = Math.min(best[side], await timeConvolutions(folder, side === 'with'));
  }
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  writeMeasurement(folder, { processor, ...best });
  const [faster, ratio] =
    best.with <= best.without
      ? ['with oneDNN', best.without / best.with]
      : ['without oneDNN', best.with / best.without];
  report(`TensorFlow computes ${faster}, which is ${ratio.toFixed(1)} times as fast on ${processor}`);
}

async function bringPackages(
  { gpu, fromWheel, report }: TensorflowSetup,
  folder: string,
  packages: string,
): Promise<void> {
  await checkSpace(folder, gpu ? needs.gpu : needs.cpu);
  if (gpu) {
    const python = await findPython();
    report(`installing TensorFlow ${tensorflowVersion} with CUDA and cuDNN (a download of about 3 GB)`);
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
      // The next attempt must not find a damaged wheel again.
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
    report(`downloading TensorFlow ${tensorflowVersion} with pip (280 MB)`);
    await inScratch(folder, async (scratch) => {
      const target = join(scratch, 'wheel');
      const what = `tensorflow-cpu==${tensorflowVersion}`;
      await pip(python, ['download', '--no-deps', '--only-binary=:all:', '--dest', target, what], scratch);
      await replace(target, home);
    });
  }
  const file = (await readdir(home)).find((name) => name.endsWith('.whl'));
  if (file === undefined)
    throw new SetupError(`${home} contains no wheel`, 'remove that folder and run the set-up again');
  return join(home, file);
}

/**
 * Throws `SetupError` on platforms whose TensorFlow wheels do not contain the libraries that the binding
 * links with.
 */
export function checkPlatform(
  platform: string = process.platform,
  arch: string = process.arch,
  glibc: string | null = glibcVersion(),
): void {
  const instead = 'use the wasm backend, which needs no set-up';
  if (platform !== 'linux' || arch !== 'x64')
    throw new SetupError(`the set-up supports linux x64 only, and this is ${platform} ${arch}`, instead);
  if (glibc === null)
    throw new SetupError('TensorFlow needs glibc, and this Linux has another C library', instead);
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 27))
    throw new SetupError(`TensorFlow needs glibc 2.27 or later, and this is glibc ${glibc}`, instead);
}

function glibcVersion(): string | null {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime ?? null;
}

/** Throws `SetupError` if the disk of `folder` has fewer than `bytes` free bytes. */
export async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  const gigabytes = (value: number): string => (value / 1e9).toFixed(1);
  throw new SetupError(
    `${folder} has ${gigabytes(bavail * bsize)} GB left, but ${gigabytes(bytes)} GB are needed`,
    'free some space, or set RAVELIN_HOME to a folder on a larger disk',
  );
}

/**
 * Gives `work` a folder and removes it afterwards, whatever happens, with everything that was not moved out
 * of it.
 */
async function inScratch(folder: string, work: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = join(folder, `partial-${process.pid}`);
  await mkdir(scratch, { recursive: true });
  try {
    await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Renames atomically. If another set-up was faster, its result stays. */
async function replace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** Removes the folders of set-ups that were killed, but not of those that are running. */
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
