import { isAbsolute, relative, resolve, sep } from 'node:path';
import { StageError } from '../stage.ts';

/**
 * Makes a path of a pipeline absolute. Relative paths start at the folder of the pipeline file. Throws a
 * `StageError` if the path leaves the project root; symbolic links inside the root are the user's own and may
 * lead anywhere.
 */
export function resolveInside(root: string, folder: string, path: string): string {
  const absolute = resolve(folder, path);
  const inside = relative(root, absolute);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new StageError(`'${path}' leaves the project root ${root}`, {
      code: 'bad-data',
      file: path,
      fix: 'move the file into the project, or link it there',
    });
  }
  return absolute;
}
