import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { packageFolder } from './package-folder.ts';

/**
 * The way to get the pipeline that a missing file is named after, if ravelin comes with one: the documentation runs them as
 * `pipelines/NAME.yaml`, which after a global install is not in the working directory. Undefined for other names.
 */
export function remedyOfMissingPipeline(file: string): string | undefined {
  const folder = join(packageFolder(), 'pipelines');
  if (extname(file) !== '.yaml' || !existsSync(join(folder, basename(file)))) return undefined;
  return `ravelin comes with a pipeline of this name, in ${folder}: cp -r ${folder} .`;
}
