import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setUpTensorflow } from '../../setup/tensorflow.ts';
import { SetupError } from '../../setup/errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { complain, print } from '../output.ts';

export interface SetupOptions {
  readonly gpu?: boolean;
  readonly fromWheel?: string;
  readonly check?: boolean;
}

/** Installs TensorFlow, or with `check` computes with the installed one. Throws `SetupError`. */
export async function setupTensorflow(options: SetupOptions): Promise<ExitCode> {
  if (options.check === true) {
    const { checkTensorflow } = await import('../../tensors/tensorflow/check.ts');
    print(await checkTensorflow());
    return exitCodes.ok;
  }
  await setUpTensorflow({
    gpu: options.gpu ?? false,
    fromWheel: options.fromWheel ?? null,
    report: (line) => complain(line),
    verify: checkInChild,
  });
  return exitCodes.ok;
}

/** Checks in a process of its own, because a library that does not fit ends the process that loads it. */
async function checkInChild(folder: string | null): Promise<string> {
  const env = { ...process.env, ...(folder === null ? {} : { RAVELIN_TENSORFLOW: folder }) };
  try {
    const check = [process.argv[1]!, 'setup', 'tensorflow', '--check'];
    return (await promisify(execFile)(process.execPath, check, { env })).stdout.trim();
  } catch (error) {
    const { signal, code, stderr } = error as { signal: string | null; code: unknown; stderr: string };
    const said = stderr.trim().split('\n').slice(-5).join('\n');
    throw new SetupError(
      `TensorFlow is installed but does not compute (${signal ?? `exit code ${String(code)}`}): ${said}`,
      folder === null ? 'reinstall the package' : `remove ${folder} and run the set-up again`,
    );
  }
}
