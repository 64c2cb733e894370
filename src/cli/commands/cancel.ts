import { isAlive } from '../../runtime/store/process-identity.ts';
import { openBatches } from '../../runtime/executors/slurm/batch.ts';
import { hostname } from 'node:os';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { print } from '../output.ts';

/** Stops the process of a run like Ctrl-C, and cancels the array jobs that it has on a cluster. */
export async function cancel(
  id: string | undefined,
  options: { readonly cache?: string },
): Promise<ExitCode> {
  const { run, started, finished, folder } = findRun(findCacheFolder(options.cache), id);
  const jobs = openBatches(findCacheFolder(options.cache)).flatMap(({ manifest, job }) =>
    manifest.run === run && job !== null ? [job.job] : [],
  );
  if (jobs.length > 0) {
    const { cancelJobs } = await import('../../runtime/executors/slurm/scheduler.ts');
    await cancelJobs(jobs);
    print(`cancelled the jobs ${jobs.join(', ')}`);
  }
  if (finished !== null) print(`run ${run} has already finished`);
  else if (started === null || !isAlive(started.pid)) print(`run ${run} is no longer running`);
  else if (started.host !== hostname())
    print(`run ${run} is on ${started.host}; cancel it there (${folder})`);
  else {
    process.kill(started.pid, 'SIGTERM');
    print(`stopping run ${run} (process ${started.pid}) after its running shards`);
  }
  return exitCodes.ok;
}
