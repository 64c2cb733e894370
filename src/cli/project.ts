import type { StageRegistry } from '../runtime/stage.ts';
import { stages } from '../stages/index.ts';
import { UsageError } from './exit-codes.ts';
import { complain } from './output.ts';
import { projectRegistry } from './plugins/load-registry.ts';

/** The project of the working directory: the nearest folder with a package.json or .git. */
export async function currentProject(): Promise<string> {
  const { projectRoot } = await import('../dsl/load.ts');
  return projectRoot('./pipeline.yaml');
}

/**
 * The built-in stages and those of the project's plugins. If a plugin cannot be loaded, that is reported, and
 * all plugins are left out.
 */
export async function stagesOfProject(): Promise<StageRegistry> {
  try {
    return await projectRegistry(await currentProject());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(`warning: ${error.message}${error.fix === undefined ? '' : `; ${error.fix}`}`);
    complain('warning: only the built-in stages are shown');
    return stages;
  }
}
