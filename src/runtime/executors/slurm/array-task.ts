import { guardStream, writeLine } from '../../../console/write.ts';
import { monotonicNow } from '../../../timing/awake-time.ts';
import { appendFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { hostname } from 'node:os';
import { profileWorker } from '../task/worker-profile.ts';
import { InputCache } from '../task/input-cache.ts';
import { runTask, type TaskSurroundings } from '../task/run-task.ts';
import type { TaskMessage, TaskOutcome, WorkerSetup } from '../../executor.ts';
import type { StageRegistry } from '../../stage.ts';
import { writeAtomic } from '../../store/durable.ts';
import { openStore } from '../../store/store.ts';
import { endPath, messagesPath, readManifest } from './batch.ts';
import { warningSeconds } from './script.ts';

/** Progress is written at most this often, to spare the file system of the cluster. */
const progressMs = 2_000;

/**
 * Main function of one array task: computes the units of its index one after the other and commits them to
 * the shared cache. Its messages go to a file of their own, and its outcomes to `ends/` after the last
 * commit. When the scheduler warns of the time limit, it finishes the present unit if it can, and asks to be
 * queued again for the rest. A unit with checkpoints then goes on from its last one.
 */
export async function serveArrayTask(
  folder: string,
  index: number,
  loadRegistry: (setup: WorkerSetup, plugins: readonly string[]) => Promise<StageRegistry>,
  checks: Pick<TaskSurroundings, 'checkNumerics'> = {},
): Promise<void> {
  // What stages print goes to the log of the job, which may be on a full disk.
  guardStream(process.stdout);
  guardStream(process.stderr);
  const { setup, plugins, groups } = readManifest(folder);
  const tasks = groups[index];
  if (tasks === undefined) throw new Error(`the batch ${folder} has no task ${index}`);
  const path = messagesPath(folder, index);
  let lastProgress = -Infinity;
  const send = (message: TaskMessage): void => {
    if (message.type === 'progress') {
      if (monotonicNow() - lastProgress < progressMs) return;
      lastProgress = monotonicNow();
    }
    appendFileSync(path, `${JSON.stringify(message)}\n`);
  };
  let running = -1;
  const store = openStore(setup.cacheFolder, (message) => send({ type: 'warning', id: running, message }));
  const profile =
    setup.profiles === undefined
      ? null
      : profileWorker(profilePath(setup.profiles, index), (problem) => writeLine(process.stderr, problem));
  const registry = await loadRegistry(setup, plugins);
  const cache = new InputCache();
  const signal = new AbortController().signal;
  const pause = new AbortController();
  const time = { isUp: false };
  process.on('SIGUSR2', () => {
    time.isUp = true;
    pause.abort();
    writeLine(
      process.stdout,
      `the time limit is near (${warningSeconds} s): finishing this shard, or going back to the queue`,
    );
    // This leaves 30 s to go back into the queue.
    setTimeout(() => void requeue(), (warningSeconds - 30) * 1000).unref();
  });
  const outcomes: TaskOutcome[] = [];
  for (const task of tasks) {
    if (time.isUp) return requeue();
    running = task.id;
    writeLine(process.stdout, `${task.cell} shard ${task.shardIndex} on ${hostname()}`);
    send({ type: 'started', id: task.id });
    const surroundings = { registry, setup, store, cache, signal, pause: pause.signal, ...checks, send };
    const outcome = await runTask(task, surroundings);
    // It goes on from its checkpoint when its turn comes again.
    if (outcome.type === 'returned') return requeue();
    outcomes.push(outcome);
    profile?.keep();
    if (outcome.type === 'failed')
      writeLine(process.stderr, outcome.failure.stack ?? outcome.failure.message);
  }
  writeAtomic(endPath(folder, index), JSON.stringify(outcomes));
}

/** An array task that was queued again writes another file. */
function profilePath(folder: string, index: number): string {
  const job = process.env['SLURM_ARRAY_JOB_ID'] ?? 'job';
  return `${folder}/task-${job}-${index}-${hostname()}-${process.pid}.cpuprofile`;
}

/** Goes back into the queue. What is committed will be found in the cache. */
function requeue(): Promise<never> {
  const job = `${process.env['SLURM_ARRAY_JOB_ID'] ?? ''}_${process.env['SLURM_ARRAY_TASK_ID'] ?? ''}`;
  return new Promise(() => execFile('scontrol', ['requeue', job], () => process.exit(0)));
}
