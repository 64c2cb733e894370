import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJsonText } from '../../files/read-json.ts';
import { readTextFile } from '../../files/read-text.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';
import { packageFolder } from '../package-folder.ts';
import { projectRegistry } from '../plugins/load-registry.ts';
import { readPermissions } from '../plugins/permissions.ts';
import { isTrusted, trust } from '../plugins/trust.ts';
import { currentProject } from '../project.ts';

/** The kinds of plugins, each with the first half of its `uses`. */
const kinds: Readonly<Record<string, string>> = {
  attack: 'attack',
  defense: 'defense',
  metric: 'evaluate',
  report: 'report',
  dataset: 'dataset',
};

/**
 * Writes a working plugin with its test into plugins/, and allows it in the project's package.json. Throws
 * `UsageError` if the kind is unknown, if the name cannot name a stage or is taken, or if a file exists
 * already.
 */
export async function newPlugin(
  kind: string,
  name: string,
  { randomised = false }: { readonly randomised?: boolean },
): Promise<ExitCode> {
  const folder = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (folder === undefined) {
    throw new UsageError(
      `unknown kind of plugin '${kind}'`,
      `write ravelin new ${Object.keys(kinds).join('|')} NAME`,
    );
  }
  if (randomised && kind !== 'defense') {
    throw new UsageError(
      `--randomised is for defenses, not for the kind '${kind}'`,
      `leave it out, or write ravelin new defense ${name} --randomised`,
    );
  }
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new UsageError(
      `'${name}' cannot name a stage`,
      'use lower-case letters, digits and hyphens, such as my-attack',
    );
  }
  const root = await currentProject();
  const uses = `${folder}/${name}`;
  const plugin = join(root, 'plugins', `${name}.mjs`);
  const test = join(root, 'plugins', `${name}.test.mjs`);
  for (const file of [plugin, test])
    if (existsSync(file)) throw new UsageError(`${file} exists`, 'give another name, or remove the file');
  const owner = (await projectRegistry(root)).registry.get(uses);
  if (owner !== undefined) {
    const by = owner.plugin === undefined ? 'is built in' : `is declared by the plugin '${owner.plugin}'`;
    throw new UsageError(`the stage type ${uses} ${by}`, `give another name, such as my-${name}`);
  }
  const template = join(packageFolder(), 'templates', 'plugins', randomised ? `randomised-${kind}` : kind);
  const title = `${name[0]!.toUpperCase()}${name.slice(1).replaceAll('-', ' ')}`;
  const read = (end: string): string =>
    readFileSync(`${template}${end}`, 'utf8').replaceAll('my-plugin', name).replaceAll('My plugin', title);
  mkdirSync(join(root, 'plugins'), { recursive: true });
  writeFileSync(plugin, read('.mjs'));
  writeFileSync(test, read('.test.mjs'));
  allow(`./plugins/${name}.mjs`, root);
  // The only code of the project is what the user has just asked for.
  const { plugins, slurmFlags } = readPermissions(root);
  if (plugins.length === 1 && slurmFlags.length === 0) trust(root);
  const first = isTrusted(root)
    ? ''
    : `
  ravelin trust            lets the plugins of this project run; look at the others before`;
  print(`${plugin}
${test}

It is allowed in ${join(root, 'package.json')}. Next:${first}
  ravelin test             runs its test, which says what must be true of every ${kind}
  ravelin stages ${uses}   shows its parameters and ports
  ravelin schema --out pipeline.schema.json   lets editors complete it
In a pipeline:
  plugins: [./plugins/${name}.mjs]     # relative to the pipeline file
  stages: { mine: { uses: ${uses} } }`);
  return exitCodes.ok;
}

/**
 * Adds a plugin to `ravelin.plugins` of the project's package.json, and creates the file if it is missing.
 */
function allow(plugin: string, root: string): void {
  const path = join(root, 'package.json');
  const allowed = readPermissions(root).plugins;
  if (allowed.includes(plugin)) return;
  const text = existsSync(path) ? readTextFile(path) : '{ "private": true }';
  const manifest = parseJsonText(text, path) as Record<string, unknown> & { ravelin?: object };
  const indent = /^[ \t]+/m.exec(text)?.[0] ?? 2;
  manifest.ravelin = { ...manifest.ravelin, plugins: [...allowed, plugin] };
  writeFileSync(path, `${JSON.stringify(manifest, null, indent)}\n`);
}
