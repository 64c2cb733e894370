import { listRuns, type RunInfo } from '../runtime/run/read-ledger.ts';
import { UsageError } from './exit-codes.ts';

/** Finds the run with this id or tag, or the only one that starts with it; the latest if no id is given. */
export function findRun(cacheFolder: string, id: string | undefined): RunInfo {
  const runs = listRuns(cacheFolder);
  const latest = runs.at(-1);
  if (latest === undefined) throw new UsageError(`there is no run in ${cacheFolder}`);
  if (id === undefined || id === 'latest') return latest;
  // The latest run with a tag is meant, so that a tag can move on.
  const tagged = runs.findLast(({ tags }) => tags.includes(id));
  if (tagged !== undefined) return tagged;
  const matches = runs.filter(({ run }) => run === id || run.startsWith(id));
  if (matches.length === 1) return matches[0]!;
  throw new UsageError(
    matches.length === 0
      ? `there is no run '${id}' in ${cacheFolder}`
      : `'${id}' is ambiguous: it could be ${matches.map(({ run }) => run).join(' or ')}`,
    "'ravelin runs ls' lists them",
  );
}
