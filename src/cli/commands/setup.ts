import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasNvidia } from '../../setup/nvidia.ts';
import { setUpTensorflow } from '../../setup/tensorflow.ts';
import { SetupError } from '../../setup/errors.ts';
import { oneDnnVariable } from '../../setup/one-dnn.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { complain, formatBytes, print } from '../output.ts';

export interface SetupOptions {
  readonly gpu?: boolean;
  readonly fromWheel?: string;
  readonly from?: string;
  readonly check?: boolean;
  readonly time?: boolean;
  readonly warm?: boolean;
}

/** Installs TensorFlow, or with `check`, `time` or `warm` computes with the installed one. Throws `SetupError`. */
export async function setupTensorflow(options: SetupOptions): Promise<ExitCode> {
  if (options.check === true) {
    const { checkTensorflow } = await import('../../tensors/tensorflow/check.ts');
    print(await checkTensorflow());
    return exitCodes.ok;
  }
  if (options.time === true) {
    const { timeConvolutions } = await import('../../tensors/tensorflow/time-convolutions.ts');
    print(String(await timeConvolutions()));
    return exitCodes.ok;
  }
  if (options.warm === true) {
    await warm();
    return exitCodes.ok;
  }
  await setUpTensorflow({
    gpu: options.gpu ?? false,
    fromWheel: options.fromWheel ?? null,
    from: options.from ?? null,
    report: (line) => complain(line),
    verify: (folder) => computeInChild('--check', folder),
    timeConvolutions: async (folder, oneDnn) =>
      Number(await computeInChild('--time', folder, { [oneDnnVariable]: oneDnn ? '1' : '0' })),
    warmUp: warmInChild,
  });
  return exitCodes.ok;
}

/** Installs Dawn, and says on which device WebGPU computes. Throws `SetupError`. */
export async function setupWebgpu(options: { readonly from?: string }): Promise<ExitCode> {
  const { setUpWebgpu } = await import('../../setup/webgpu.ts');
  await setUpWebgpu({ from: options.from ?? null, report: (line) => complain(line) });
  const { chooseAdapter, forgetAdapters } = await import('../../tensors/webgpu/adapter.ts');
  forgetAdapters();
  const choice = chooseAdapter();
  complain(
    typeof choice === 'string'
      ? `WebGPU has no device here: ${choice}`
      : `WebGPU computes on ${choice.adapter.description || choice.adapter.device}${choice.adapter.software ? ', emulated in software' : ''}`,
  );
  return exitCodes.ok;
}

/** Runs the graphs of `warm-up.ts` on TensorFlow, and prints each with its time. */
async function warm(): Promise<void> {
  const { openBackend } = await import('../../tensors/backend.ts');
  await openBackend('tensorflow');
  const { isOnCuda, warmUp } = await import('../warm-up.ts');
  const seconds = await warmUp(print);
  const folder = process.env['CUDA_CACHE_PATH'];
  print(
    isOnCuda() && folder !== undefined
      ? `the driver keeps what it compiled in ${folder} (${formatBytes(sizeOf(folder))}); all took ${seconds.toFixed(0)} s, and workers start without`
      : `all took ${seconds.toFixed(0)} s on the CPU, for which nothing is compiled`,
  );
}

/** Bytes of all files in a folder; 0 if there is none. */
function sizeOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/**
 * Runs these graphs in a process of its own, with the environment of a worker, and shows what it prints. Without a GPU it says
 * where to call the set-up again. The build is ready whatever comes of it.
 */
async function warmInChild(folder: string): Promise<void> {
  if (!hasNvidia()) {
    complain('there is no GPU here: call this set-up again on a node with one, or the first run compiles');
    return;
  }
  complain('running graphs of networks, attacks and trainings, so that the driver compiles their kernels');
  const child = spawn(process.execPath, [process.argv[1]!, 'setup', 'tensorflow', '--warm'], {
    env: { ...process.env, RAVELIN_TENSORFLOW: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => complain(`  ${line}`));
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const end = await new Promise<string | number | null>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  if (end !== 0)
    complain(`TensorFlow ended with ${String(end)} in these graphs: ${errors.slice(-5).join('\n')}`);
}

/**
 * Computes in a process of its own, because a library that does not fit ends the process that loads it. Returns
 * what that prints.
 */
async function computeInChild(
  option: '--check' | '--time',
  folder: string,
  variables: NodeJS.ProcessEnv = {},
): Promise<string> {
  const env = { ...process.env, RAVELIN_TENSORFLOW: folder, ...variables };
  try {
    const check = [process.argv[1]!, 'setup', 'tensorflow', option];
    return (await promisify(execFile)(process.execPath, check, { env })).stdout.trim();
  } catch (error) {
    const { signal, code, stderr } = error as { signal: string | null; code: unknown; stderr: string };
    const said = stderr.trim().split('\n').slice(-5).join('\n');
    throw new SetupError(
      `TensorFlow is installed but does not compute (${signal ?? `exit code ${String(code)}`}): ${said}`,
      `remove ${folder} and run the set-up again`,
    );
  }
}
