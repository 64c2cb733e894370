import { readFileSync } from 'node:fs';
import type { Executor, ExecutorListener, Task, TaskOutcome, WorkerSetup } from '../../executor.ts';
import { writeDurable } from '../../store/durable.ts';
import type { Store } from '../../store/store.ts';
import {
  closeBatch,
  createBatch,
  endedTasks,
  endPath,
  openBatches,
  recordJob,
  taskLogPath,
} from './batch.ts';
import type { Batch } from './batch.ts';
import { createMessageReader } from './messages.ts';
import type { SlurmOptions } from './options.ts';
import { askQueue, cancelJobs, isLive, readLimits, SchedulerError, submitScript } from './scheduler.ts';
import type { ArrayTaskState } from './scheduler.ts';
import { slurmScript } from './script.ts';

export interface SlurmRequest {
  readonly run: string;
  readonly store: Store;
  readonly setup: WorkerSetup;
  readonly plugins: readonly string[];
  readonly options: SlurmOptions;
  readonly node: string;
  readonly entry: string;
  /** For people: jobs submitted and adopted, tasks that wait for an unusual reason. */
  readonly say: (message: string) => void;
}

/** An array job that this driver looks after. */
interface Watched {
  readonly folder: string;
  readonly job: string;
  readonly groups: readonly (readonly Task[])[];
  /** Indices whose end has not been seen. */
  readonly open: Set<number>;
  readonly messages: ReturnType<typeof createMessageReader>;
  /** Indices that the scheduler no longer runs and that have not said a last word, by when that was first seen. */
  readonly missing: Map<number, number>;
}

/** Ready units of a stage come one after the other: what comes within this time goes into one job. */
const gatherMs = 100;
const lookMs = 500;
/** A network file system may show a task's last word a little later than the scheduler shows its end. */
const graceMs = 5_000;
const mostInFlight = 10_000;
const patientReasons = new Set([
  'None',
  'Resources',
  'Priority',
  'JobArrayTaskLimit',
  'BeginTime',
  'Cleaning',
]);

/**
 * Units as array jobs of a Slurm cluster: one `sbatch --array` for the ready units of a stage. The commit record in the shared
 * cache is the truth and the scheduler is asked only for what has ended without a word, at most once in `pollMs`. A driver may
 * die: its jobs go on, and the next driver adopts them. Throws `SchedulerError` where there is no Slurm.
 */
export async function createSlurmExecutor(request: SlurmRequest): Promise<Executor> {
  const { store, options, say } = request;
  const { maxArraySize } = await readLimits();
  const watched: Watched[] = [];
  const adoptable = await findAdoptable(store, say);
  /** Units without an end, by key: how a message finds its task, whoever submitted it. */
  const flying = new Map<string, Task>();
  const gathered: Task[] = [];
  const toldReasons = new Set<string>();
  let listener: ExecutorListener = () => undefined;
  let gathering: NodeJS.Timeout | null = null;
  let submitting: Promise<void> = Promise.resolve();
  let cancelling: Promise<void> = Promise.resolve();
  let askedAt = Date.now();
  let asking = false;
  let drained = false;
  let batches = 0;

  const finish = (key: string, outcome: TaskOutcome, worker: number): void => {
    const task = flying.get(key);
    if (task === undefined) return;
    flying.delete(key);
    listener({ ...outcome, id: task.id }, worker);
  };

  const watch = (folder: string, job: string, groups: Watched['groups'], open: Iterable<number>): Watched => {
    const entry = {
      folder,
      job,
      groups,
      open: new Set(open),
      messages: createMessageReader(folder),
      missing: new Map(),
    };
    watched.push(entry);
    return entry;
  };

  const submitAll = async (): Promise<void> => {
    gathering = null;
    for (const tasks of groupBy(gathered.splice(0), batchName).values()) {
      const groups = chunks(tasks, options.unitsPerTask);
      for (const part of chunks(groups, maxArraySize)) await submitBatch(part);
    }
  };

  const submitBatch = async (groups: readonly (readonly Task[])[]): Promise<void> => {
    const { setup, plugins, run, node, entry } = request;
    const [first] = groups[0]!;
    const id = `${run}-${batches++}`;
    try {
      const folder = createBatch(store.folder, id, {
        format: 1,
        run,
        stage: first!.stage,
        setup,
        plugins,
        groups,
      });
      const script = slurmScript({
        name: `ravelin-${first!.stage}`,
        folder,
        count: groups.length,
        resources: first!.resources,
        options,
        node,
        entry,
      });
      writeDurable(`${folder}/script.sh`, script);
      const job = await submitScript(`${folder}/script.sh`);
      recordJob(folder, { job, submittedAt: Date.now() });
      watch(folder, job, groups, groups.keys());
      say(`submitted ${first!.stage}: job ${job} with ${groups.length} tasks`);
    } catch (error) {
      const failure = {
        code: 'io' as const,
        message: error instanceof Error ? error.message : String(error),
        ...(error instanceof SchedulerError && {
          fix: "look at the script in the cache's slurm folder, and at ravelin doctor slurm",
        }),
      };
      for (const { key, id: task } of groups.flat()) finish(key, { type: 'failed', id: task, failure }, 0);
    }
  };

  /** Ends and messages that the tasks have written. */
  const look = (): void => {
    for (const batch of watched) {
      if (batch.open.size === 0) continue;
      batch.messages.read(
        batch.open,
        (index, key, message) => {
          const task = key === null ? undefined : flying.get(key);
          if (task !== undefined) listener({ ...message, id: task.id }, index);
        },
        batch.groups,
      );
      for (const index of endedTasks(batch.folder)) {
        if (!batch.open.delete(index)) continue;
        const outcomes = JSON.parse(readFileSync(endPath(batch.folder, index), 'utf8')) as TaskOutcome[];
        batch.groups[index]!.forEach((task, at) => {
          const outcome = outcomes[at];
          if (outcome !== undefined) finish(task.key, outcome, index);
        });
      }
      if (batch.open.size === 0) closeBatch(batch.folder);
    }
    if (Date.now() - askedAt >= options.pollMs && !asking) void ask();
  };

  /** Tasks that have ended without a word: killed, out of memory, on a node that failed, cancelled. */
  const ask = async (): Promise<void> => {
    const live = watched.filter(({ open }) => open.size > 0);
    if (live.length === 0) return;
    asking = true;
    askedAt = Date.now();
    try {
      const states = new Map(
        (await askQueue(live.map(({ job }) => job))).map((state) => [`${state.job}_${state.index}`, state]),
      );
      const overdue = live.flatMap((batch) =>
        [...batch.open]
          .map((index) => ({ batch, index, state: states.get(`${batch.job}_${index}`) }))
          .filter(({ index, state }) => isOverdue(batch, index, state)),
      );
      // Their last words may have come meanwhile.
      if (overdue.length > 0) look();
      for (const { batch, index, state } of overdue) bury(batch, index, state);
    } catch (error) {
      say(`${error instanceof Error ? error.message : String(error)}; asking again later`);
    }
    asking = false;
  };

  /** Whether the scheduler has not known the task for longer than a file system may take to show its end. */
  const isOverdue = (batch: Watched, index: number, state: ArrayTaskState | undefined): boolean => {
    if (state !== undefined && isLive(state.state)) {
      batch.missing.delete(index);
      if (state.state === 'PENDING' && !patientReasons.has(state.reason) && !toldReasons.has(state.reason)) {
        toldReasons.add(state.reason);
        say(`job ${batch.job} waits: ${state.reason}`);
      }
      return false;
    }
    const since = batch.missing.get(index) ?? Date.now();
    batch.missing.set(index, since);
    if (Date.now() - since < graceMs && !drained) {
      askedAt = Math.min(askedAt, Date.now() - options.pollMs + graceMs);
      return false;
    }
    return true;
  };

  /** Settles the units of a task that ended without a word: committed, lost, or never begun. */
  const bury = (batch: Watched, index: number, state: ArrayTaskState | undefined): void => {
    if (!batch.open.delete(index)) return;
    let isFirst = true;
    for (const { key, id } of batch.groups[index]!) {
      const record = store.readRecord(key);
      if (record !== null) {
        finish(
          key,
          {
            type: 'committed',
            id,
            outputs: record.outputs,
            seconds: record.seconds,
            reused: true,
            peakBytes: 0,
          },
          index,
        );
      } else if (isFirst && !(drained && state?.state.startsWith('CANCELLED') === true)) {
        isFirst = false;
        finish(key, { type: 'lost', id, ...describeLoss(batch, index, state) }, index);
      } else finish(key, { type: 'returned', id }, index);
    }
  };

  const timer = setInterval(look, lookMs);
  const jobs = (): string[] => watched.filter(({ open }) => open.size > 0).map(({ job }) => job);
  return {
    capacity: () => mostInFlight - flying.size,
    submit(task) {
      flying.set(task.key, task);
      const found = adoptable.get(task.key);
      if (found !== undefined) {
        adoptable.delete(task.key);
        const { batch, index } = found;
        const known = watched.find(({ folder }) => folder === batch.folder);
        if (known === undefined) watch(batch.folder, batch.job!.job, batch.manifest.groups, [index]);
        else known.open.add(index);
        return;
      }
      gathered.push(task);
      gathering ??= setTimeout(() => {
        submitting = submitting.then(submitAll);
      }, gatherMs);
    },
    listen(next) {
      listener = next;
    },
    drain() {
      drained = true;
      for (const { key, id } of gathered.splice(0)) finish(key, { type: 'returned', id }, 0);
      cancelling = cancelJobs(jobs(), true).then(ask, ask);
    },
    kill() {
      cancelling = cancelJobs(jobs()).catch((error: unknown) => say(String(error)));
    },
    async close() {
      if (gathering !== null) clearTimeout(gathering);
      await submitting;
      await cancelling;
      clearInterval(timer);
    },
  };
}

/** Units of jobs that an earlier driver submitted and that still run, or have ended since, by key. */
async function findAdoptable(
  store: Store,
  say: (message: string) => void,
): Promise<Map<string, { readonly batch: Batch; readonly index: number }>> {
  const found = new Map<string, { readonly batch: Batch; readonly index: number }>();
  const batches = openBatches(store.folder).filter(({ job }) => job !== null);
  if (batches.length === 0) return found;
  const states = await askQueue(batches.map(({ job }) => job!.job));
  const live = new Set(
    states.filter(({ state }) => isLive(state)).map(({ job, index }) => `${job}_${index}`),
  );
  for (const batch of batches) {
    let count = 0;
    batch.manifest.groups.forEach((tasks, index) => {
      if (!live.has(`${batch.job!.job}_${index}`)) return;
      count++;
      for (const { key } of tasks) found.set(key, { batch, index });
    });
    if (count === 0) closeBatch(batch.folder);
    else
      say(
        `adopted job ${batch.job!.job} of run ${batch.manifest.run}: ${count} tasks still queued or running`,
      );
  }
  return found;
}

/** Units that may share a job: of one stage, with the same needs. */
function batchName({ stage, resources }: Task): string {
  return `${stage} ${JSON.stringify(resources)}`;
}

function groupBy<T>(items: readonly T[], name: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(name(item));
    if (group === undefined) groups.set(name(item), [item]);
    else group.push(item);
  }
  return groups;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}

function describeLoss(
  batch: Watched,
  index: number,
  state: ArrayTaskState | undefined,
): { readonly cause: 'crash' | 'out-of-memory' | 'timeout'; readonly message: string } {
  const name = state?.state ?? 'unknown to the scheduler';
  const cause = name === 'OUT_OF_MEMORY' ? 'out-of-memory' : name === 'TIMEOUT' ? 'timeout' : 'crash';
  const where = state === undefined || state.nodes === '' ? '' : ` on ${state.nodes}`;
  const reason = state === undefined || state.reason === 'None' ? '' : ` (${state.reason})`;
  const path = taskLogPath(batch.folder, index);
  return {
    cause,
    message: `task ${index} of job ${batch.job} ended${where}: ${name}${reason}${lastLines(path)}; its log is ${path}`,
  };
}

function lastLines(path: string): string {
  try {
    const said = readFileSync(path, 'utf8').trim().split('\n').slice(-10).join('\n');
    return said === '' ? '' : `; it said: ${said}`;
  } catch {
    return '';
  }
}
