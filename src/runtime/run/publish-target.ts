/**
 * Judges the targets of `publish:`. The language judges the path as it is written; this judges where it leads on this
 * disk, through links, and what is there already.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { whyProtected } from '../../dsl/cells/publish-path.ts';
import { StageError } from '../stage.ts';

export interface TargetRules {
  /** Root of the project. */
  readonly root: string;
  readonly cacheFolder: string;
  /** The pipeline file. */
  readonly file: string;
}

/**
 * Returns the real path of the target. Throws `StageError` unless it is a file of the project that belongs neither to its
 * tools nor to the cache.
 */
export function checkTarget(target: string, { root, cacheFolder, file }: TargetRules): string {
  const place = join(realFolder(dirname(target), target), basename(target));
  const inProject = below(realpathSync(root), place);
  if (inProject === null) {
    throw refused(
      target,
      `a link in its path leads out of the project, to ${place}`,
      'publish into the project',
    );
  }
  const cache = realFolder(cacheFolder, target);
  if (below(cache, place) !== null)
    throw refused(target, `it lies in the cache ${cache}`, 'publish beside the cache, not into it');
  const isPipeline = place === join(realFolder(dirname(file), target), basename(file));
  const why = isPipeline ? 'it is the pipeline itself' : whyProtected(inProject);
  if (why !== null) throw refused(target, why, 'publish into a folder for results, such as results/');
  return place;
}

/** Throws `StageError` if there is anything at the target that this cache has not published. */
export function checkReplaced(target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false }) === undefined) return;
  throw refused(
    target,
    'it exists already, and no run with this cache has published it',
    'move it away, or run again with --overwrite',
  );
}

function refused(target: string, why: string, fix: string): StageError {
  return new StageError(why, { code: 'bad-data', file: target, fix });
}

/** The real path of a folder, of which the last parts may not exist yet. */
function realFolder(folder: string, target: string): string {
  try {
    return realpathSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined)
      throw refused(target, `${folder} is a link to what does not exist`, 'correct the link, or remove it');
    return join(realFolder(dirname(folder), target), basename(folder));
  }
}

/** The path relative to a folder, or null if it is neither the folder nor below it. */
function below(folder: string, path: string): string | null {
  const inside = relative(folder, path);
  return inside === '..' || inside.startsWith(`..${sep}`) ? null : inside;
}
