import { complain } from './output.ts';
import { type LoadedPlugins, projectRegistry } from './plugins/load-registry.ts';

/** The project of the working directory: the nearest folder with a package.json or .git. */
export function currentProject(): Promise<string> {
  return projectOf('./pipeline.yaml');
}

/** The project of a pipeline file. */
export async function projectOf(file: string): Promise<string> {
  const { projectRoot } = await import('../dsl/load.ts');
  return projectRoot(file);
}

/**
 * The built-in stages and those of the plugins of a project, by default that of the working directory. A plugin
 * that cannot be used is reported and left out. Throws `UsageError` if package.json cannot be read.
 */
export async function stagesOfProject(root?: string): Promise<LoadedPlugins> {
  const loaded = await projectRegistry(root ?? (await currentProject()));
  const warnings = loaded.broken.map(
    ({ error }) => `warning: ${error.message}${error.fix === undefined ? '' : `\n  fix: ${error.fix}`}`,
  );
  for (const warning of new Set(warnings)) complain(warning);
  if (loaded.broken.length > 0)
    complain(`warning: the stages of ${shown(loaded.broken.map(({ entry }) => entry))} are left out`);
  return loaded;
}

function shown(entries: readonly string[]): string {
  return entries.map((entry) => `'${entry}'`).join(', ');
}
