/**
 * Installs TensorFlow: downloads its wheel, unpacks it, compiles the binding and computes something with it.
 * Each step works in a folder of its own and renames it when it is done, so that an interrupted set-up
 * resumes where it stopped.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { compileBinding, findCompiler } from './compile-binding.ts';
import { SetupError } from './errors.ts';
import { compiledBinding, readyFile, tensorflowFolder, tensorflowVersion } from './locations.ts';
import { readMeasurement, writeMeasurement } from './one-dnn.ts';
import { downloadCommand, findPython, pip } from './pip.ts';
import { checkSpace, inScratch, removeLeftovers, replace } from './scratch.ts';
import { cpuWheel, forFixedPython, gpuWheels, requirementsOf } from './tensorflow-wheels.ts';
import { unpackWheel } from './wheel.ts';

export interface TensorflowSetup {
  /** With CUDA and cuDNN. */
  readonly gpu: boolean;
  /** Path of a wheel to use instead of downloading one. */
  readonly fromWheel: string | null;
  /** Folder of wheels to use instead of downloading them. */
  readonly from: string | null;
  readonly report: (line: string) => void;
  /** Computes something in another process, with the build in `folder`. Returns a description of the device. */
  readonly verify: (folder: string) => Promise<string>;
  /**
   * Processor seconds of some convolutions and their gradients in another process, with the build in `folder`,
   * with oneDNN or without.
   */
  readonly timeConvolutions: (folder: string, oneDnn: boolean) => Promise<number>;
  /** Lets the driver compile the kernels that a GPU needs, in another process with the build in `folder`. It never throws. */
  readonly warmUp: (folder: string) => Promise<void>;
}

/** Bytes of disk space needed at the peak. */
const needs = { cpu: 1.3e9, gpu: 9e9 };

/** Sets TensorFlow up. A second call with everything in place only verifies. Throws `SetupError`. */
export async function setUpTensorflow(setup: TensorflowSetup): Promise<void> {
  const { gpu, fromWheel, report, verify, warmUp } = setup;
  if (gpu && fromWheel !== null) {
    throw new SetupError(
      '--from-wheel cannot be combined with --gpu, because CUDA needs more than one wheel',
      'give the folder of all of them: --gpu --from DIR',
    );
  }
  checkPlatform();
  const folder = tensorflowFolder(gpu);
  const ready = readyFile(folder);
  const binding = compiledBinding(folder);
  const packages = join(folder, 'packages');
  if (existsSync(ready) && existsSync(binding)) {
    const device = await verify(folder);
    if (gpu) await warmUp(folder);
    else if (readMeasurement(folder) === null) await measureOneDnn(setup, folder);
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
        packages,
        target: join(scratch, 'tfjs_binding.node'),
        runPath: '../packages/tensorflow',
      });
      await replace(scratch, join(binding, '..'));
    });
  }
  const device = await verify(folder);
  if (!gpu && readMeasurement(folder) === null) await measureOneDnn(setup, folder);
  await writeFile(`${ready}.partial`, JSON.stringify({ tensorflow: tensorflowVersion, device }));
  await rename(`${ready}.partial`, ready);
  // The build is ready without it, and only the first workers would take longer.
  if (gpu) await warmUp(folder);
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
  { gpu, fromWheel, from, report }: TensorflowSetup,
  folder: string,
  packages: string,
): Promise<void> {
  await checkSpace(folder, gpu ? needs.gpu : needs.cpu);
  if (gpu) {
    const python = await findPython();
    const source = from === null ? 'a download of about 3 GB' : `from ${from}`;
    report(`installing TensorFlow ${tensorflowVersion} with CUDA and cuDNN (${source})`);
    await inScratch(folder, async (scratch) => {
      const target = join(scratch, 'packages');
      const requirements = join(scratch, 'requirements.txt');
      await writeFile(requirements, requirementsOf(gpuWheels));
      await pip(python, gpuParameters(target, requirements, from), scratch);
      await replace(target, packages);
    });
    return;
  }
  const given = fromWheel ?? (from === null ? null : await wheelIn(from));
  const wheel = given === null ? await fetchWheel(folder, report) : resolve(given);
  report('unpacking and checking the wheel (10 s)');
  await inScratch(folder, async (scratch) => {
    try {
      await unpackWheel(wheel, scratch, tensorflowVersion);
    } catch (error) {
      // The next attempt must not find a damaged wheel again.
      if (given === null && error instanceof SetupError) await rm(join(folder, 'wheel'), { recursive: true });
      throw error;
    }
    await replace(scratch, packages);
  });
  await rm(join(folder, 'wheel'), { recursive: true, force: true });
}

/** The command of pip that installs TensorFlow for CUDA into `target`, from a folder of wheels or its index. */
export function gpuParameters(target: string, requirements: string, from: string | null): string[] {
  const source = from === null ? [] : ['--no-index', '--find-links', resolve(from)];
  return [
    ...['install', '--target', target, '--no-compile', '--require-hashes', '--requirement', requirements],
    ...forFixedPython,
    ...source,
  ];
}

/** The command of pip that downloads TensorFlow for the CPU into `target`. */
export function cpuParameters(target: string, requirements: string): string[] {
  return [
    ...['download', '--dest', target, '--require-hashes', '--requirement', requirements],
    ...forFixedPython,
  ];
}

async function fetchWheel(folder: string, report: (line: string) => void): Promise<string> {
  const home = join(folder, 'wheel');
  if (!existsSync(home)) {
    const python = await findPython();
    report(`downloading TensorFlow ${tensorflowVersion} with pip (280 MB)`);
    await inScratch(folder, async (scratch) => {
      const target = join(scratch, 'wheel');
      const requirements = join(scratch, 'requirements.txt');
      await writeFile(requirements, requirementsOf([cpuWheel]));
      await pip(python, cpuParameters(target, requirements), scratch);
      await replace(target, home);
    });
  }
  return wheelIn(home);
}

/** The wheel of TensorFlow for the CPU in `folder`. Throws `SetupError` if there is none. */
async function wheelIn(folder: string): Promise<string> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch {
    throw new SetupError(`the folder ${folder} cannot be read`, 'give the folder that has the wheel');
  }
  const file = names.find((name) => /^tensorflow(_cpu)?-.*\.whl$/.test(name));
  if (file === undefined)
    throw new SetupError(
      `${folder} contains no wheel of TensorFlow`,
      `put the wheel there, or remove that folder if the set-up made it; on a machine with a network: ${downloadCommand}`,
    );
  return join(folder, file);
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
