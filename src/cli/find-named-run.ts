import { resolve } from 'node:path';
import { latestRun, type RunInfo } from '../runtime/run/read-ledger.ts';
import { cacheFolderOf, findCacheFolder } from './cache-folder.ts';
import { isPipelineFile } from './command-words.ts';
import { UsageError } from './exit-codes.ts';
import { findRun } from './find-run.ts';

/** Finds a run by its id, or the latest run of a pipeline file, and the cache that has it; the latest run if nothing is named. */
export function findNamedRun(
  named: string | undefined,
  cache: string | undefined,
): { readonly cacheFolder: string; readonly info: RunInfo } {
  if (named === undefined || !isPipelineFile(named)) {
    const cacheFolder = findCacheFolder(cache);
    return { cacheFolder, info: findRun(cacheFolder, named) };
  }
  const cacheFolder = cacheFolderOf(named, cache);
  const info = latestRun(cacheFolder, resolve(named));
  if (info === null)
    throw new UsageError(
      `${named} has no runs in ${cacheFolder}`,
      `run it with 'ravelin run ${named}', or name its cache with --cache`,
    );
  return { cacheFolder, info };
}
