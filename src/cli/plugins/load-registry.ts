import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { StageRegistry } from '../../runtime/stage.ts';
import { stages } from '../../stages/index.ts';
import { UsageError } from '../exit-codes.ts';

/**
 * The built-in stages and those of the pipeline's `plugins:`. A plugin is an npm package or a module of the
 * project that exports `stages`, a list of what `attackStage(…)` and similar functions return. A pipeline
 * file can only name plugins that the project's package.json allows under `ravelin.plugins`, so a file from
 * elsewhere runs no code. Throws `UsageError` for a plugin that is not allowed or cannot be used.
 */
export async function loadRegistry(
  plugins: readonly string[],
  root: string,
  folder: string,
): Promise<StageRegistry> {
  if (plugins.length === 0) return stages;
  const allowed = allowedPlugins(root);
  const entries = plugins.map((name) =>
    name.startsWith('.') ? `./${relative(root, resolve(folder, name))}` : name,
  );
  for (const [index, entry] of entries.entries()) {
    if (allowed.includes(entry)) continue;
    throw new UsageError(
      `the plugin '${plugins[index]!}' is not allowed in this project`,
      `add "${entry}" to "ravelin": { "plugins": [] } in ${join(root, 'package.json')} if you trust it`,
    );
  }
  return withPlugins(entries, root);
}

/**
 * The built-in stages and those of all plugins that the project at `root` allows. Throws `UsageError` like
 * `loadRegistry`.
 */
export function projectRegistry(root: string): Promise<StageRegistry> {
  return withPlugins(allowedPlugins(root), root);
}

/** `entries` are package names, or paths from the root that begin with `./`. */
async function withPlugins(entries: readonly string[], root: string): Promise<StageRegistry> {
  if (entries.length === 0) return stages;
  const { importPlugin } = await import('./import-plugin.ts');
  const registry = new Map(stages);
  for (const entry of entries) {
    for (const stage of await importPlugin(entry, root)) {
      if (registry.has(stage.uses))
        throw new UsageError(
          `the plugin '${entry}' declares ${stage.uses}, which exists already`,
          'give its stage another name',
        );
      registry.set(stage.uses, stage);
    }
  }
  return registry;
}

/** `ravelin.plugins` of the package.json at `root`. */
export function allowedPlugins(root: string): readonly string[] {
  const path = join(root, 'package.json');
  if (!existsSync(path)) return [];
  let manifest: { readonly ravelin?: { readonly plugins?: unknown } };
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as typeof manifest;
  } catch (error) {
    throw new UsageError(
      `${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      'correct it; ravelin reads "ravelin": { "plugins": [] } from it',
    );
  }
  const plugins = manifest.ravelin?.plugins ?? [];
  if (Array.isArray(plugins) && plugins.every((name): name is string => typeof name === 'string')) {
    return plugins;
  }
  throw new UsageError(
    `"ravelin.plugins" in ${path} is not a list of names`,
    'write it as ["./plugins/mine.mjs"]',
  );
}
