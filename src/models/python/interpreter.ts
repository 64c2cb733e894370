import { execFile } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { MachineError } from '../../values/machine-error.ts';

const run = promisify(execFile);

/** The versions and the device that decide the numbers of a Python model, as far as they are known without loading torch. */
export interface Interpreter {
  readonly python: string;
  readonly torch: string;
  readonly device: 'cpu' | 'cuda' | 'mps';
  /** Name of the GPU; null on a CPU, and where the GPU cannot be asked. */
  readonly deviceName: string | null;
}

const versions =
  'import importlib.metadata as m, json, platform, sys\n' +
  'try: torch = m.version("torch")\n' +
  'except m.PackageNotFoundError: torch = None\n' +
  'print(json.dumps([platform.python_version(), torch]))';

/** A command without a slash is looked up in PATH; a path is relative to the project's root. */
export function interpreterPath(python: string, root: string): string {
  return python.includes('/') && !isAbsolute(python) ? join(root, python) : python;
}

/**
 * Asks the interpreter for its versions, and the driver of the GPU for its name, which takes some tens of
 * milliseconds. `auto` is CUDA if there is a GPU and torch is not built for CPUs only. Throws `MachineError` if there
 * is no such interpreter or it has no torch.
 */
export async function askInterpreter(
  python: string,
  wanted: 'auto' | Interpreter['device'],
  root: string,
): Promise<Interpreter> {
  const command = interpreterPath(python, root);
  const [version, torch] = await askVersions(command, root);
  const gpu = wanted === 'cpu' || wanted === 'mps' || torch.endsWith('+cpu') ? null : await gpuName();
  const device = wanted === 'auto' ? (gpu === null ? 'cpu' : 'cuda') : wanted;
  return { python: version, torch, device, deviceName: device === 'cuda' ? gpu : null };
}

async function askVersions(command: string, root: string): Promise<readonly [string, string]> {
  let answer: unknown;
  try {
    const { stdout } = await run(command, ['-c', versions], { cwd: root, timeout: 30_000 });
    answer = JSON.parse(stdout);
  } catch (error) {
    const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string };
    const reason = reasons[String(code)] ?? ((stderr?.trim() ?? '') || (error as Error).message);
    throw new MachineError(
      `Python cannot be started as ${command}: ${reason}`,
      'install Python and torch (python3 -m venv .venv && .venv/bin/pip install torch), and set python: .venv/bin/python',
      error,
    );
  }
  const [version, torch] = Array.isArray(answer) ? (answer as readonly unknown[]) : [];
  if (typeof version === 'string' && typeof torch === 'string') return [version, torch];
  throw new MachineError(
    `${command} has no torch`,
    `run ${command} -m pip install torch, or set python: to an interpreter that has it`,
  );
}

/** Reasons by the code of the error. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program',
  EACCES: 'it is not a program that may be run',
  ERR_CHILD_PROCESS_STDIO_MAXBUFFER: 'it does not answer as Python does',
};

/** Name of the first GPU of NVIDIA's driver; null if there is none. */
async function gpuName(): Promise<string | null> {
  try {
    const { stdout } = await run('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], {
      timeout: 30_000,
    });
    return stdout.split('\n')[0]?.trim() || null;
  } catch {
    return null;
  }
}
