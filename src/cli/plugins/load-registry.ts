import { join, relative, resolve } from 'node:path';
import type { Stage, StageRegistry } from '../../runtime/stage.ts';
import { stages } from '../../stages/index.ts';
import { readPermissions } from './permissions.ts';
import { PluginError } from './plugin-error.ts';
import { requireTrust } from './trust.ts';

/** Stages by name, and the plugins whose stages are missing among them. */
export interface LoadedPlugins {
  readonly registry: StageRegistry;
  readonly broken: readonly BrokenPlugin[];
}

export interface BrokenPlugin {
  /** A package name, or a path from the root that begins with `./`. */
  readonly entry: string;
  readonly error: PluginError;
}

/**
 * The built-in stages and those of the pipeline's `plugins:`, as a worker loads them after the command has
 * checked them and the trust in the project. Throws the `PluginError` of the first plugin that is not allowed or cannot be used.
 */
export async function loadRegistry(
  plugins: readonly string[],
  root: string,
  folder: string,
): Promise<StageRegistry> {
  if (plugins.length === 0) return stages;
  const allowed = readPermissions(root).plugins;
  const entries = plugins.map((name) => allowedEntry(name, folder, root, allowed));
  const { registry, broken } = await withPlugins(entries, root, { isTrusted: true });
  for (const { error } of broken) throw error;
  return registry;
}

/**
 * The entry of a plugin that a pipeline in `folder` names. A plugin is an npm package or a module of the
 * project that exports `stages`. A pipeline file can only name plugins that the project's package.json allows
 * under `ravelin.plugins`, so a file from elsewhere runs no code. Throws `PluginError` for any other.
 */
export function allowedEntry(name: string, folder: string, root: string, allowed: readonly string[]): string {
  const entry = name.startsWith('.') ? `./${relative(root, resolve(folder, name))}` : name;
  if (allowed.includes(entry)) return entry;
  throw new PluginError({
    message: `the plugin '${name}' is not allowed in this project`,
    fix: `add "${entry}" to "ravelin": { "plugins": [] } in ${join(root, 'package.json')} if you trust it`,
  });
}

/** The built-in stages and those of all plugins that the project at `root` allows. */
export function projectRegistry(root: string): Promise<LoadedPlugins> {
  return withPlugins(readPermissions(root).plugins, root, { examples: true });
}

/**
 * The built-in stages and those of the plugins that can be used. `entries` are package names, or paths from
 * the root that begin with `./`. A stage type that exists already makes its plugin a broken one. `examples`
 * says that the examples of the stages are checked too, for which the language is loaded. In a project that is not
 * trusted all are broken, and none is loaded; `isTrusted` says that this has been checked.
 */
export async function withPlugins(
  entries: readonly string[],
  root: string,
  options: { readonly examples?: boolean; readonly isTrusted?: boolean } = {},
): Promise<LoadedPlugins> {
  const registry = new Map(stages);
  const broken: BrokenPlugin[] = [];
  if (entries.length === 0) return { registry, broken };
  const { importPlugin } = await import('./import-plugin.ts');
  for (const entry of new Set(entries)) {
    try {
      if (options.isTrusted !== true) requireTrust(root);
      const added = await importPlugin(entry, root);
      if (options.examples === true) (await import('./check-examples.ts')).checkExamples(added, entry);
      const uses = added.map((stage) => stage.uses);
      const taken = uses.find((name, index) => registry.has(name) || uses.indexOf(name) !== index);
      if (taken !== undefined) throw takenName(taken, entry, registry.get(taken));
      for (const stage of added) registry.set(stage.uses, stage);
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      broken.push({ entry, error });
    }
  }
  return { registry, broken };
}

function takenName(uses: string, entry: string, owner: Stage | undefined): PluginError {
  const builtIn = 'which is built in';
  const owned = owner?.plugin === undefined ? builtIn : `which the plugin '${owner.plugin}' declares too`;
  return new PluginError({
    message: `the plugin '${entry}' declares ${uses}${owner === undefined ? ' twice' : `, ${owned}`}`,
    fix: 'give its stage another name',
  });
}
