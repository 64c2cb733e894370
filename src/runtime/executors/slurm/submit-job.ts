import type { TaskFailure, WorkerSetup } from '../../executor.ts';
import { writeDurable } from '../../store/durable.ts';
import { createBatch, recordJob } from './batch.ts';
import type { Groups } from './group-tasks.ts';
import type { Job } from './job-table.ts';
import type { SlurmOptions } from './options.ts';
import { SchedulerError } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';
import { slurmScript } from './script.ts';

export interface JobRequest {
  readonly run: string;
  readonly cacheFolder: string;
  readonly setup: WorkerSetup;
  readonly plugins: readonly string[];
  readonly options: SlurmOptions;
  /** Absolute paths of Node and of the worker's entry, as they are on the nodes. */
  readonly node: string;
  readonly entry: string;
}

/** Writes down an array job and its script below the cache, and submits it. `id` names its folder. */
export async function submitJob(
  scheduler: Pick<Scheduler, 'submit'>,
  { run, cacheFolder, setup, plugins, options, node, entry }: JobRequest,
  id: string,
  groups: Groups,
): Promise<Job> {
  const { stage, resources } = groups[0]![0]!;
  const folder = createBatch(cacheFolder, id, { format: 1, run, stage, setup, plugins, groups });
  const name = `ravelin-${stage}`;
  const count = groups.length;
  const path = `${folder}/script.sh`;
  const workingFolder = process.cwd();
  writeDurable(path, slurmScript({ name, folder, count, resources, options, node, entry, workingFolder }));
  const number = await scheduler.submit(path);
  recordJob(folder, { job: number, submittedAt: Date.now() });
  return { folder, number, groups };
}

/** The failure of each task of a job that could not be submitted. */
export function describeSubmitFailure(error: unknown): TaskFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof SchedulerError)) return { code: 'io', message };
  const fix = "check the script in the cache's slurm folder, and run ravelin doctor slurm";
  return { code: 'io', message, fix };
}
