import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { readJsonFile } from '../../files/read-json.ts';
import { UnreadableFileError } from '../../files/unreadable-file-error.ts';
import type { Stage, StageRegistry } from '../../runtime/stage.ts';
import { stages } from '../../stages/index.ts';
import { UsageError } from '../exit-codes.ts';
import { PluginError } from './plugin-error.ts';

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
 * checked them. Throws the `PluginError` of the first plugin that is not allowed or cannot be used.
 */
export async function loadRegistry(
  plugins: readonly string[],
  root: string,
  folder: string,
): Promise<StageRegistry> {
  if (plugins.length === 0) return stages;
  const allowed = allowedPlugins(root);
  const entries = plugins.map((name) => allowedEntry(name, folder, root, allowed));
  const { registry, broken } = await withPlugins(entries, root);
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
  return withPlugins(allowedPlugins(root), root, { examples: true });
}

/**
 * The built-in stages and those of the plugins that can be used. `entries` are package names, or paths from
 * the root that begin with `./`. A stage type that exists already makes its plugin a broken one. `examples`
 * says that the examples of the stages are checked too, for which the language is loaded.
 */
export async function withPlugins(
  entries: readonly string[],
  root: string,
  options: { readonly examples?: boolean } = {},
): Promise<LoadedPlugins> {
  const registry = new Map(stages);
  const broken: BrokenPlugin[] = [];
  if (entries.length === 0) return { registry, broken };
  const { importPlugin } = await import('./import-plugin.ts');
  for (const entry of new Set(entries)) {
    try {
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

/** `ravelin.plugins` of the package.json at `root`. */
export function allowedPlugins(root: string): readonly string[] {
  const path = join(root, 'package.json');
  if (!existsSync(path)) return [];
  let manifest: { readonly ravelin?: { readonly plugins?: unknown } | null } | null;
  try {
    manifest = readJsonFile(path) as typeof manifest;
  } catch (error) {
    if (!(error instanceof UnreadableFileError)) throw error;
    throw new UsageError(error.message, `${error.fix}. ravelin reads "ravelin": { "plugins": [] } from it`);
  }
  const plugins = manifest?.ravelin?.plugins ?? [];
  if (Array.isArray(plugins) && plugins.every((name): name is string => typeof name === 'string')) {
    return plugins;
  }
  throw new UsageError(
    `"ravelin.plugins" in ${path} is not a list of names`,
    'write it as ["./plugins/mine.mjs"]',
  );
}
