import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from './exit-codes.ts';

/**
 * The absolute path of the cache: `--cache DIR`, the environment's RAVELIN_CACHE, or `.ravelin` beside the
 * pipeline.
 */
export function cacheFolderOf(file: string, option: string | undefined): string {
  return resolve(option ?? cacheVariable() ?? join(dirname(resolve(file)), '.ravelin'));
}

/**
 * The cache for commands that name no pipeline: `--cache DIR` or RAVELIN_CACHE, else the nearest `.ravelin`
 * in this folder or one above, else the most recently used one in the folders directly below. Throws
 * `UsageError` if there is none.
 */
export function findCacheFolder(option: string | undefined): string {
  const given = option ?? cacheVariable();
  if (given !== undefined) {
    const stat = statSync(given, { throwIfNoEntry: false });
    if (stat === undefined) throw new UsageError(`there is no cache at ${given}`);
    if (!stat.isDirectory()) throw new UsageError(`${given} is a file`, 'give the folder of a cache');
    return resolve(given);
  }
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const candidate = join(folder, '.ravelin');
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) break;
  }
  const below = readdirSync('.', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => resolve(entry.name, '.ravelin'))
    .filter((candidate) => existsSync(candidate))
    .sort((a, b) => lastUse(b) - lastUse(a));
  if (below[0] !== undefined) return below[0];
  throw new UsageError(
    'found no .ravelin folder here or above',
    'go to the folder of a pipeline that has run, or give --cache DIR',
  );
}

function lastUse(cache: string): number {
  const runs = join(cache, 'runs');
  return statSync(existsSync(runs) ? runs : cache).mtimeMs;
}

/** RAVELIN_CACHE; an empty value counts as unset. */
function cacheVariable(): string | undefined {
  const value = process.env['RAVELIN_CACHE'];
  return value === '' ? undefined : value;
}
