import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeText } from '../../console/write.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, printPart } from '../output.ts';
import { projectRegistry } from '../plugins/load-registry.ts';
import { readPermissions } from '../plugins/permissions.ts';
import { requireTrust } from '../plugins/trust.ts';
import { currentProject } from '../project.ts';
import { terminal } from '../terminal.ts';

/**
 * Runs the tests of the project's plugins with Node's own runner: NAME.test.mjs beside a plugin if there is
 * one, otherwise the invariants of its kind. In them, `import 'ravelin'` and `import 'ravelin/testing'` mean
 * this ravelin. A plugin that cannot be used is reported instead. Throws `UsageError` if there is nothing to
 * test.
 */
export async function testPlugins(names: readonly string[]): Promise<ExitCode> {
  const root = await currentProject();
  const plugins = readPermissions(root).plugins.filter((entry) => entry.startsWith('.'));
  const unknown = names.find((name) => !plugins.some((entry) => isNamed(entry, name)));
  if (unknown !== undefined || plugins.length === 0) {
    throw new UsageError(
      unknown === undefined
        ? `${join(root, 'package.json')} allows no plugin of the project`
        : `'${unknown}' is not a plugin of this project`,
      plugins.length === 0 ? 'write one with: ravelin new attack NAME' : `there is ${plugins.join(', ')}`,
    );
  }
  requireTrust(root);
  const named = plugins.filter((entry) => names.length === 0 || names.some((name) => isNamed(entry, name)));
  const broken = (await projectRegistry(root)).broken.filter(({ entry }) => named.includes(entry));
  for (const { error } of broken)
    complain(`error: ${error.message}${error.fix === undefined ? '' : `\n  fix: ${error.fix}`}`);
  const chosen = named.filter((entry) => broken.every((other) => other.entry !== entry));
  if (chosen.length === 0) return exitCodes.cellFailed;
  const files = chosen.map((entry) => testFileOf(join(root, entry)));
  const generic = chosen.filter((_, index) => files[index] === null);
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const { execa } = await import('execa');
  const { stdout, stderr } = terminal();
  const child = execa(
    process.execPath,
    [
      `--import=${new URL('register.js', import.meta.url).href}`,
      '--test',
      ...(generic.length > 0 ? [here('plugin-test.js')] : []),
      ...files.filter((file) => file !== null),
    ],
    {
      cwd: root,
      // The runner has colours on a terminal. Elsewhere its text comes to us, as a reader that leaves would end it.
      stdio: ['inherit', stdout.isTTY ? 'inherit' : 'pipe', stderr.isTTY ? 'inherit' : 'pipe'],
      buffer: false,
      reject: false,
      env: { RAVELIN_TEST_ROOT: root, RAVELIN_TEST_PLUGINS: JSON.stringify(generic) },
    },
  );
  child.stdout?.setEncoding('utf8').on('data', printPart);
  child.stderr?.setEncoding('utf8').on('data', (text: string) => writeText(stderr, text));
  const { exitCode = 1 } = await child;
  return exitCode === 0 && broken.length === 0 ? exitCodes.ok : exitCodes.cellFailed;
}

/** `./plugins/blur.mjs` can be named by its path or as `blur`. */
function isNamed(entry: string, name: string): boolean {
  return (
    relative('.', entry) === relative('.', name) ||
    entry
      .split('/')
      .at(-1)!
      .replace(/\.[cm]?[jt]s$/, '') === name
  );
}

function testFileOf(plugin: string): string | null {
  const candidates = ['mjs', 'js', 'cjs', 'ts', 'mts'].map((end) =>
    plugin.replace(/\.[cm]?[jt]s$/, `.test.${end}`),
  );
  return candidates.find((file) => existsSync(file)) ?? null;
}
