import { realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ioError } from '../../dataset/shared/files.ts';

/**
 * The path of a file in the folder of the file `path`; null if `location` is a link that leads out of that folder.
 * Throws `StageError` if it does not exist.
 */
export async function pathBeside(path: string, location: string): Promise<string | null> {
  const folder = dirname(path);
  const file = join(folder, location);
  const inside = (await realPath(file)).startsWith((await realPath(folder)).replace(/[/\\]?$/, sep));
  return inside ? file : null;
}

async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw ioError(path, cause);
  }
}
