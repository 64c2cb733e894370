import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setUpTensorflow } from '../../setup/tensorflow.ts';
import { SetupError } from '../../setup/errors.ts';
import { oneDnnVariable } from '../../setup/one-dnn.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { complain, print } from '../output.ts';

export interface SetupOptions {
  readonly gpu?: boolean;
  readonly fromWheel?: string;
  readonly from?: string;
  readonly check?: boolean;
  readonly time?: boolean;
}

/** Installs TensorFlow, or with `check` or `time` computes with the installed one. Throws `SetupError`. */
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
  await setUpTensorflow({
    gpu: options.gpu ?? false,
    fromWheel: options.fromWheel ?? null,
    from: options.from ?? null,
    report: (line) => complain(line),
    verify: (folder) => computeInChild('--check', folder),
    timeConvolutions: async (folder, oneDnn) =>
      Number(await computeInChild('--time', folder, { [oneDnnVariable]: oneDnn ? '1' : '0' })),
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
