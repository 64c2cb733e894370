import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Stage, StageRegistry } from '../runtime/stage.ts';
import { stages } from '../stages/index.ts';
import { UsageError } from './exit-codes.ts';

/**
 * The built-in stages and those of the pipeline's `plugins:`. A plugin is an npm package or a module of the project that
 * exports `stages`, a list of `defineStage(…)`. A pipeline file can only name plugins that the project's package.json
 * allows under `ravelin.plugins`: a file from elsewhere runs no code.
 */
export async function loadRegistry(
  plugins: readonly string[],
  root: string,
  folder: string,
): Promise<StageRegistry> {
  if (plugins.length === 0) return stages;
  const allowed = allowedPlugins(root);
  const registry = new Map(stages);
  for (const name of plugins) {
    const path = name.startsWith('.') ? resolve(folder, name) : undefined;
    const entry = path === undefined ? name : `./${relative(root, path)}`;
    if (!allowed.includes(entry)) {
      throw new UsageError(
        `the plugin '${name}' is not allowed in this project`,
        `add "${entry}" to "ravelin": { "plugins": [] } in ${join(root, 'package.json')} if you trust it`,
      );
    }
    for (const stage of await importStages(name, path, root)) {
      if (registry.has(stage.uses))
        throw new UsageError(`the plugin '${name}' declares ${stage.uses}, which exists already`);
      registry.set(stage.uses, stage);
    }
  }
  return registry;
}

async function importStages(name: string, path: string | undefined, root: string): Promise<readonly Stage[]> {
  let module: { readonly stages?: unknown };
  try {
    const file = path ?? createRequire(join(root, 'package.json')).resolve(name);
    module = (await import(pathToFileURL(file).href)) as { readonly stages?: unknown };
  } catch (error) {
    throw new UsageError(
      `the plugin '${name}' cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!Array.isArray(module.stages)) throw new UsageError(`the plugin '${name}' exports no list 'stages'`);
  return module.stages as readonly Stage[];
}

function allowedPlugins(root: string): readonly string[] {
  const path = join(root, 'package.json');
  if (!existsSync(path)) return [];
  const { ravelin } = JSON.parse(readFileSync(path, 'utf8')) as { ravelin?: { plugins?: readonly string[] } };
  return ravelin?.plugins ?? [];
}
