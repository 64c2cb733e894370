import { guardStream, writeLine } from '../../../console/write.ts';
import type { Task, TaskMessage, TaskOutcome, WorkerSetup } from '../../executor.ts';
import type { StageRegistry } from '../../stage.ts';
import { openStore } from '../../store/store.ts';
import { InputCache } from '../task/input-cache.ts';
import { runTask, type TaskSurroundings } from '../task/run-task.ts';
import { profileWorker, type WorkerProfile } from '../task/worker-profile.ts';
import type { AliveMessage, DriverMessage } from './messages.ts';

const heartbeatMs = 1_000;

/**
 * Main loop of a worker process: takes tasks over IPC, computes them one after the other and commits them to
 * the store. The process ends with its driver; a task that is being computed then is lost, one that is
 * committed is not. `registry` may be a function that loads the plugins, which is called before the first
 * task.
 */
export function serveWorker(
  registry: StageRegistry | ((setup: WorkerSetup) => Promise<StageRegistry>),
  checks: Pick<TaskSurroundings, 'checkNumerics'> = {},
): void {
  if (process.send === undefined)
    throw new Error('ravelin starts its workers itself; this entry is not a command');
  guardStream(process.stdout);
  guardStream(process.stderr);
  const send = (message: TaskMessage | AliveMessage): void => {
    process.send?.(message);
  };
  const queue: Task[] = [];
  const abort = new AbortController();
  const pause = new AbortController();
  const cache = new InputCache();
  let setup: WorkerSetup | null = null;
  let profile: WorkerProfile | null = null;
  /** Seconds from the start of the process to its first task. */
  let starting = 0;
  let isStartReported = false;
  let stages: StageRegistry | null = null;
  let busy = false;

  /** Adds the time of the start to the first unit that is committed. */
  const withStart = (outcome: TaskOutcome): TaskOutcome => {
    if (outcome.type !== 'committed' || outcome.time === undefined || isStartReported) return outcome;
    isStartReported = true;
    return { ...outcome, time: { ...outcome.time, starting } };
  };

  const work = async (): Promise<void> => {
    if (busy || setup === null) return;
    busy = true;
    let running: Task | undefined;
    const store = openStore(setup.cacheFolder, (message) => {
      if (running !== undefined) send({ type: 'warning', id: running.id, message });
    });
    if (stages === null) {
      stages = typeof registry === 'function' ? await registry(setup) : registry;
      starting = performance.now() / 1000;
    }
    while ((running = queue.shift()) !== undefined) {
      send({ type: 'started', id: running.id });
      const signals = { signal: abort.signal, pause: pause.signal };
      const surroundings = { registry: stages, setup, store, cache, ...signals, ...checks, send };
      send(withStart(await runTask(running, surroundings)));
      profile?.keep();
    }
    busy = false;
  };

  process.on('message', (message: DriverMessage) => {
    if (message.type === 'end') process.exit(0);
    if (message.type === 'pause') pause.abort();
    else if (message.type === 'setup') {
      setup = message.setup;
      if (setup.profiles !== undefined) {
        const path = `${setup.profiles}/worker-${message.worker}-${process.pid}.cpuprofile`;
        profile = profileWorker(path, (problem) => writeLine(process.stderr, problem));
      }
    } else {
      queue.push(message.task);
      void work();
    }
  });
  process.on('disconnect', () => {
    abort.abort();
    process.exit(0);
  });
  // Ctrl-C reaches the whole process group, and the driver decides what it means.
  process.on('SIGINT', () => undefined);
  setInterval(() => {
    send({ type: 'alive', bytes: process.memoryUsage.rss() });
    profile?.keep();
  }, heartbeatMs).unref();
}
