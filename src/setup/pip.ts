/**
 * Python's package installer, which downloads TensorFlow's own releases and published weights: it handles the index,
 * mirrors and proxies.
 */
import { execa } from 'execa';
import { SetupError } from './errors.ts';
import { cpuWheel } from './tensorflow-wheels.ts';

/** The package that pip shall bring, for messages. */
export interface Wanted {
  readonly name: string;
  /** How to bring it where pip cannot, as a remedy. */
  readonly otherwise: string;
  /** The remedy if the index has it for no Python of this kind. */
  readonly ifUnknown: string;
}

/** How to download TensorFlow for the CPU with any Python, for messages. */
export const downloadCommand = [
  'python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_27_x86_64',
  `${cpuWheel.name}==${cpuWheel.version}`,
].join(' ');

const tensorflow: Wanted = {
  name: 'TensorFlow',
  otherwise: `download the wheel on a machine with a network (${downloadCommand}), copy it here, and run ravelin setup tensorflow --from-wheel FILE`,
  ifUnknown: 'see whether pip is configured with an index that has it, or ',
};

/** Finds a Python to run pip with. Throws `SetupError` if there is none, or only one without pip. */
export async function findPython({ name, otherwise }: Wanted = tensorflow): Promise<string> {
  const tried = process.env['RAVELIN_PYTHON'] ? [process.env['RAVELIN_PYTHON']] : ['python3', 'python'];
  let withoutPip: string | null = null;
  for (const python of tried) {
    const version = await execa(python, ['--version'], { reject: false });
    if (version.exitCode !== 0) continue;
    const pip = await execa(python, ['-m', 'pip', '--version'], { reject: false });
    if (pip.exitCode === 0) return python;
    withoutPip = python;
  }
  throw withoutPip === null
    ? new SetupError(
        `found no Python (tried ${tried.join(', ')}), which downloads ${name}`,
        `install python3 with pip, or set RAVELIN_PYTHON, or ${otherwise}`,
      )
    : new SetupError(
        `${withoutPip} has no pip, which downloads ${name}`,
        `install it (Debian: apt install python3-pip; elsewhere: ${withoutPip} -m ensurepip), or ${otherwise}`,
      );
}

/**
 * Runs pip with its temporary files in `scratch`, on the disk whose free space was checked. Throws
 * `SetupError`.
 */
export async function pip(
  python: string,
  parameters: readonly string[],
  scratch: string,
  wanted: Wanted = tensorflow,
): Promise<void> {
  const run = await execa(
    python,
    ['-m', 'pip', ...parameters, '--disable-pip-version-check', '--no-cache-dir', '--progress-bar', 'off'],
    { reject: false, all: true, stdin: 'ignore', env: { TMPDIR: scratch } },
  );
  if (run.exitCode !== 0) throw pipError(run.all, wanted);
}

/** Identifies what went wrong from the output of pip. */
export function pipError(output: string, { name, otherwise, ifUnknown }: Wanted = tensorflow): SetupError {
  if (/DO NOT MATCH THE HASHES|hash mismatch/i.test(output)) {
    return new SetupError(
      'pip refused what it downloaded, because its hash differs from the one in the index',
      'try it again; if that fails too, a proxy or mirror on the way changes files',
    );
  }
  if (/No space left on device/i.test(output))
    return new SetupError(
      'the disk is full',
      'free some space, or set RAVELIN_HOME to a folder on a larger disk',
    );
  if (
    /NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout|Max retries exceeded|Network is unreachable|ProxyError/i.test(
      output,
    )
  )
    return new SetupError('pip cannot reach its index', otherwise);
  if (/No matching distribution/i.test(output)) {
    return new SetupError(`pip found no ${name} for this Python and platform`, `${ifUnknown}${otherwise}`);
  }
  const said = output.trim().split('\n').filter((line) => /error/i.test(line)).at(-1); // prettier-ignore
  return new SetupError(`pip failed${said === undefined ? '' : `: ${said}`}`, otherwise);
}
