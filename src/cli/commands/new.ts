import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';
import { projectRegistry } from '../plugins/load-registry.ts';
import { isTrusted } from '../plugins/trust.ts';
import { pluginFiles, writePlugin } from '../plugins/write-plugin.ts';
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
  const [plugin, test] = pluginFiles(root, name);
  for (const file of [plugin, test])
    if (existsSync(file)) throw new UsageError(`${file} exists`, 'give another name, or remove the file');
  const owner = (await projectRegistry(root)).registry.get(uses);
  if (owner !== undefined) {
    const by = owner.plugin === undefined ? 'is built in' : `is declared by the plugin '${owner.plugin}'`;
    throw new UsageError(`the stage type ${uses} ${by}`, `give another name, such as my-${name}`);
  }
  writePlugin(root, randomised ? `randomised-${kind}` : kind, name);
  const first = isTrusted(root)
    ? ''
    : `
  ravelin trust            lets the plugins of this project run; look at the others before`;
  print(`${plugin}
${test}

It is allowed in ${join(root, 'package.json')}. Next:${first}
  ravelin test             runs its test, which says what must be true of every ${kind}
  ravelin stages ${uses}   shows its parameters, inputs and outputs
  ravelin schema --out pipeline.schema.json   lets editors complete it
In a pipeline:
  plugins: [./plugins/${name}.mjs]     # relative to the pipeline file
  stages: { mine: { uses: ${uses} } }`);
  return exitCodes.ok;
}
