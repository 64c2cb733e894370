import { listRuns, type RunInfo } from '../runtime/ledger.ts';
import { UsageError } from './exit-codes.ts';

/** The run of this id (or the only one that starts so); the latest where none is given. */
export function findRun(cacheFolder: string, id: string | undefined): RunInfo {
  const runs = listRuns(cacheFolder);
  const latest = runs.at(-1);
  if (latest === undefined) throw new UsageError(`no run in ${cacheFolder}`);
  if (id === undefined || id === 'latest') return latest;
  const matches = runs.filter(({ run }) => run === id || run.startsWith(id));
  if (matches.length === 1) return matches[0]!;
  throw new UsageError(
    matches.length === 0
      ? `no run '${id}' in ${cacheFolder}`
      : `'${id}' could be ${matches.map(({ run }) => run).join(' or ')}`,
    "'ravelin runs ls' lists them",
  );
}

/** Whether the process that writes a run's ledger is still there; only a process of this host can be. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
