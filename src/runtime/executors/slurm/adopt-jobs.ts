import { closeBatch, openBatches } from './batch.ts';
import type { Job } from './job-table.ts';
import { isLive } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';

/** An array task that an earlier driver submitted and that has not ended. */
export interface AdoptableTask {
  readonly job: Job;
  readonly index: number;
}

/**
 * Finds the units, by key, that jobs of earlier drivers are still to compute. Jobs without any are closed;
 * the others are reported.
 */
export async function findAdoptable(
  scheduler: Pick<Scheduler, 'queryTasks'>,
  cacheFolder: string,
  report: (message: string) => void,
): Promise<Map<string, AdoptableTask>> {
  const found = new Map<string, AdoptableTask>();
  const batches = openBatches(cacheFolder).flatMap(({ folder, manifest, job }) =>
    job === null ? [] : [{ folder, manifest, number: job.job }],
  );
  if (batches.length === 0) return found;
  const states = await scheduler.queryTasks(batches.map(({ number }) => number));
  const live = new Set(
    states.filter(({ state }) => isLive(state)).map(({ job, index }) => `${job}_${index}`),
  );
  for (const { folder, number, manifest } of batches) {
    const job: Job = { folder, number, groups: manifest.groups };
    const indices = [...job.groups.keys()].filter((index) => live.has(`${number}_${index}`));
    for (const index of indices) for (const { key } of job.groups[index]!) found.set(key, { job, index });
    if (indices.length === 0) closeBatch(folder);
    else
      report(`adopted job ${number} of run ${manifest.run}: ${indices.length} tasks still queued or running`);
  }
  return found;
}
