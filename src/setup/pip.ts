/** Python's package installer, as the way to TensorFlow's own releases: it knows the index, mirrors and proxies. */
import { execa } from 'execa';
import { SetupError } from './errors.ts';

/** The Python to run pip with. Throws `SetupError` where there is none, or one without pip. */
export async function findPython(): Promise<string> {
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
        `there is no Python here (tried ${tried.join(', ')}), which fetches TensorFlow`,
        'install python3 with pip, or set RAVELIN_PYTHON, or bring the wheel: ravelin setup tensorflow --from-wheel FILE',
      )
    : new SetupError(
        `${withoutPip} has no pip, which fetches TensorFlow`,
        `install it (Debian: apt install python3-pip; elsewhere: ${withoutPip} -m ensurepip), or bring the wheel: ravelin setup tensorflow --from-wheel FILE`,
      );
}

/** Runs pip with its temporary files in `scratch`, on the disk whose space was looked at. Throws `SetupError`. */
export async function pip(python: string, parameters: readonly string[], scratch: string): Promise<void> {
  const run = await execa(
    python,
    ['-m', 'pip', ...parameters, '--disable-pip-version-check', '--no-cache-dir', '--progress-bar', 'off'],
    { reject: false, all: true, stdin: 'ignore', env: { TMPDIR: scratch } },
  );
  if (run.exitCode !== 0) throw pipError(run.all);
}

/** Tells apart what can go wrong, by what pip prints. */
export function pipError(output: string): SetupError {
  const fromWheel =
    'bring the wheel from a machine with a network: python3 -m pip download --no-deps tensorflow-cpu==2.21.0 there, ravelin setup tensorflow --from-wheel FILE here';
  if (/DO NOT MATCH THE HASHES|hash mismatch/i.test(output)) {
    return new SetupError(
      'pip refused what it downloaded: its hash is not the one in the index',
      'run the set-up again; if it stays so, something between here and the index changes files',
    );
  }
  if (/No space left on device/i.test(output))
    return new SetupError('the disk became full', 'make room, or set RAVELIN_HOME to a larger disk');
  if (
    /NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout|Max retries exceeded|Network is unreachable|ProxyError/i.test(
      output,
    )
  )
    return new SetupError('pip cannot reach its index', fromWheel);
  if (/No matching distribution/i.test(output)) {
    return new SetupError(
      'pip finds no TensorFlow for this Python and platform',
      `use a Python between 3.10 and 3.13 (RAVELIN_PYTHON), or ${fromWheel}`,
    );
  }
  const said = output.trim().split('\n').filter((line) => /error/i.test(line)).at(-1); // prettier-ignore
  return new SetupError(`pip failed${said === undefined ? '' : `: ${said}`}`, fromWheel);
}
