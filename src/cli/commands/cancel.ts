import { hostname } from 'node:os';
import { openBatches } from '../../runtime/executors/slurm/batch.ts';
import type { RunInfo } from '../../runtime/run/read-ledger.ts';
import { identityOf, isProcessRunning } from '../../runtime/run/run-state.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { print } from '../output.ts';

/** Stops the process of a run like Ctrl-C, and cancels the array jobs that it has on a cluster. */
export async function cancel(
  id: string | undefined,
  options: { readonly cache?: string },
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const info = findRun(cacheFolder, id);
  const jobs = openBatches(cacheFolder).flatMap(({ manifest, job }) =>
    manifest.run === info.run && job !== null ? [job.job] : [],
  );
  if (jobs.length > 0) {
    const { cancelJobs } = await import('../../runtime/executors/slurm/scheduler.ts');
    await cancelJobs(jobs);
    print(`cancelled the jobs ${jobs.join(', ')}`);
  }
  print(stop(info));
  return exitCodes.ok;
}

/**
 * Ends the process of a run if it is beyond doubt that the process is that run's, and says what was done. A number
 * of a process alone is not enough: it may have been given to another process since, or never have been the run's.
 */
function stop({ run, started, finished, folder }: RunInfo): string {
  if (finished !== null) return `run ${run} has already finished`;
  if (started === null) return `run ${run} cannot be stopped: its ledger does not say which process it is`;
  const { host, pid } = started;
  if (host !== hostname()) return `run ${run} is on ${host}; cancel it there (${folder})`;
  if (isProcessRunning({ started }) === false) return `run ${run} is no longer running`;
  if (pid === 1) return `run ${run} is process 1, the first of a container: stop the container`;
  if (identityOf(started) === null)
    return `run ${run} may be process ${pid}, but its ledger does not prove it; if it is, end it with: kill ${pid}`;
  process.kill(pid, 'SIGTERM');
  return `stopping run ${run} (process ${pid}) after its running shards`;
}
