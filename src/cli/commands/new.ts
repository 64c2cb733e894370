import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';
import { packageFolder } from '../package-folder.ts';
import { allowedPlugins } from '../plugins/load-registry.ts';
import { currentProject } from '../project.ts';

/** The kinds of plugins: the example that each starts from, and the first half of its `uses`. */
const kinds: Readonly<Record<string, { readonly example: string; readonly folder: string }>> = {
  attack: { example: 'mi-fgsm', folder: 'attack' },
  defense: { example: 'gaussian-blur', folder: 'defense' },
  metric: { example: 'top-k', folder: 'evaluate' },
  report: { example: 'confusion', folder: 'report' },
  dataset: { example: 'csv-images', folder: 'dataset' },
};

/**
 * Writes a working plugin with its test into plugins/, and allows it in the project's package.json. Throws
 * `UsageError` if the kind is unknown, if the name cannot name a stage, or if a file exists already.
 */
export async function newPlugin(kind: string, name: string): Promise<ExitCode> {
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (known === undefined) {
    throw new UsageError(
      `unknown kind of plugin '${kind}'`,
      `write ravelin new ${Object.keys(kinds).join('|')} NAME`,
    );
  }
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new UsageError(
      `'${name}' cannot name a stage`,
      'use lower-case letters, digits and hyphens, such as my-attack',
    );
  }
  const root = await currentProject();
  const uses = `${known.folder}/${name}`;
  const plugin = join(root, 'plugins', `${name}.mjs`);
  const test = join(root, 'plugins', `${name}.test.mjs`);
  for (const file of [plugin, test])
    if (existsSync(file)) throw new UsageError(`${file} exists`, 'give another name, or remove the file');
  const examples = join(packageFolder(), 'examples', 'plugins');
  const read = (file: string): string => readFileSync(join(examples, file), 'utf8');
  mkdirSync(join(root, 'plugins'), { recursive: true });
  writeFileSync(plugin, read(`${known.example}.mjs`).replace(/uses: '[^']+'/, `uses: '${uses}'`));
  writeFileSync(
    test,
    read(`${known.example}.test.mjs`).replaceAll(`./${known.example}.mjs`, `./${name}.mjs`),
  );
  allow(`./plugins/${name}.mjs`, root);
  print(`${plugin}
${test}

It is allowed in ${join(root, 'package.json')}. Next:
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
  const allowed = allowedPlugins(root);
  if (allowed.includes(plugin)) return;
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '{ "private": true }';
  const manifest = JSON.parse(text) as Record<string, unknown> & { ravelin?: object };
  const indent = /^[ \t]+/m.exec(text)?.[0] ?? 2;
  manifest.ravelin = { ...manifest.ravelin, plugins: [...allowed, plugin] };
  writeFileSync(path, `${JSON.stringify(manifest, null, indent)}\n`);
}
