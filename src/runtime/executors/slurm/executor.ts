import { monotonicNow } from '../../../timing/awake-time.ts';
import type { Executor, ExecutorListener, Task, TaskOutcome } from '../../executor.ts';
import type { Store } from '../../store/store.ts';
import { findAdoptable } from './adopt-jobs.ts';
import type { AdoptableTask } from './adopt-jobs.ts';
import { closeBatch, endedTasks, endPath, readEnd } from './batch.ts';
import { Gatherer } from './gatherer.ts';
import { groupTasks } from './group-tasks.ts';
import type { Groups } from './group-tasks.ts';
import { type Job, JobTable, type OverdueTask } from './job-table.ts';
import { describeLoss, outcomesOfLostTask } from './lost-task.ts';
import { MessageReader } from './messages.ts';
import { OpenTasks } from './open-tasks.ts';
import { slurmScheduler } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';
import { describeSubmitFailure, submitJob } from './submit-job.ts';
import type { JobRequest } from './submit-job.ts';

export interface SlurmRequest extends Omit<JobRequest, 'cacheFolder'> {
  readonly store: Pick<Store, 'folder' | 'readRecord'>;
  /**
   * Receives messages for people: jobs that were submitted and adopted, tasks that wait for an unusual
   * reason.
   */
  readonly report: (message: string) => void;
}

const lookMs = 500;
/** A network file system may show the end of a task a little later than the scheduler does. */
const graceMs = 5_000;
const mostOpenTasks = 10_000;

/**
 * Computes units as array jobs of a Slurm cluster: one `sbatch --array` for the ready units of a stage.
 * Throws `SchedulerError` if Slurm does not answer.
 */
export async function createSlurmExecutor(
  request: SlurmRequest,
  scheduler: Scheduler = slurmScheduler,
): Promise<Executor> {
  const { maxArraySize } = await scheduler.readLimits();
  const adoptable = await findAdoptable(scheduler, request.store.folder, request.report);
  return new SlurmExecutor(request, scheduler, maxArraySize, adoptable);
}

/**
 * The commit record in the shared cache is the truth, and ends of tasks are seen through the cache as well.
 * The scheduler is queried only for tasks that ended without reporting it, at most once in `pollMs`. A driver
 * may die: its jobs go on, and the next driver adopts them.
 */
class SlurmExecutor implements Executor {
  readonly #request: SlurmRequest;
  readonly #scheduler: Scheduler;
  readonly #maxArraySize: number;
  /** By the keys of their units. */
  readonly #adoptable: Map<string, AdoptableTask>;
  readonly #tasks = new OpenTasks();
  readonly #jobs = new JobTable();
  readonly #messages = new MessageReader();
  readonly #gatherer = new Gatherer((tasks) => this.#submitTogether(tasks));
  readonly #reportedReasons = new Set<string>();
  readonly #timer = setInterval(() => this.#look(), lookMs);
  #submitted = 0;
  #queriedAt = monotonicNow();
  #isQuerying = false;
  #isDrained = false;
  #cancelling: Promise<void> = Promise.resolve();

  constructor(
    request: SlurmRequest,
    scheduler: Scheduler,
    maxArraySize: number,
    adoptable: Map<string, AdoptableTask>,
  ) {
    this.#request = request;
    this.#scheduler = scheduler;
    this.#maxArraySize = maxArraySize;
    this.#adoptable = adoptable;
  }

  capacity(): number {
    return mostOpenTasks - this.#tasks.size;
  }

  submit(task: Task): void {
    this.#tasks.add(task);
    const adopted = this.#adoptable.get(task.key);
    if (adopted === undefined) {
      this.#gatherer.add(task);
      return;
    }
    this.#adoptable.delete(task.key);
    this.#jobs.add(adopted.job, [adopted.index]);
  }

  listen(listener: ExecutorListener): void {
    this.#tasks.listen(listener);
  }

  drain(): void {
    this.#isDrained = true;
    for (const { key, id } of this.#gatherer.takeBack()) this.#tasks.end(key, { type: 'returned', id }, 0);
    const query = (): Promise<void> => this.#query();
    this.#cancelling = this.#scheduler.cancelPending(this.#jobs.openNumbers()).then(query, query);
  }

  cancel(ids: readonly number[]): void {
    const cancelled = new Set(ids);
    this.#gatherer.forget(cancelled);
    this.#tasks.forget(cancelled);
    this.#cancelUnwanted();
  }

  kill(): void {
    this.#cancelling = this.#scheduler
      .cancel(this.#jobs.openNumbers())
      .catch((error: unknown) => this.#request.report(String(error)));
  }

  async close(): Promise<void> {
    await this.#gatherer.close();
    await this.#cancelling;
    clearInterval(this.#timer);
  }

  async #submitTogether(tasks: readonly Task[]): Promise<void> {
    const { unitsPerTask } = this.#request.options;
    for (const groups of groupTasks(tasks, { unitsPerTask, maxArraySize: this.#maxArraySize }))
      await this.#submitJob(groups);
  }

  async #submitJob(groups: Groups): Promise<void> {
    const { run, store, report } = this.#request;
    try {
      const id = `${run}-${this.#submitted++}`;
      const job = await submitJob(
        this.#scheduler,
        { ...this.#request, cacheFolder: store.folder },
        id,
        groups,
      );
      this.#jobs.add(job, groups.keys());
      // They may have been cancelled meanwhile.
      this.#cancelUnwanted();
      report(`submitted ${groups[0]![0]!.stage}: job ${job.number} with ${groups.length} tasks`);
    } catch (error) {
      const failure = describeSubmitFailure(error);
      for (const { key, id } of groups.flat()) this.#tasks.end(key, { type: 'failed', id, failure }, 0);
    }
  }

  /**
   * Reads the messages and ends that array tasks have written, and queries the scheduler if it is time to.
   */
  #look(): void {
    for (const job of this.#jobs.openJobs()) {
      this.#messages.read(job, (key, message, index) => this.#tasks.report(key, message, index));
      for (const index of endedTasks(job.folder)) {
        if (this.#jobs.end(job, index)) this.#end(job.groups[index]!, this.#outcomesOf(job, index), index);
      }
      if (job.open.size === 0) closeBatch(job.folder);
    }
    if (monotonicNow() - this.#queriedAt >= this.#request.options.pollMs && !this.#isQuerying)
      void this.#query();
  }

  /**
   * Cancels the array tasks that have nothing more to compute that somebody waits for. Units that an earlier run submitted and this
   * one has not come to yet may be wanted.
   */
  #cancelUnwanted(): void {
    const unwanted = this.#jobs.openJobs().flatMap((job) => {
      const indices = [...job.open].filter(
        (index) => !job.groups[index]!.some(({ key }) => this.#tasks.has(key) || this.#adoptable.has(key)),
      );
      return indices.length > 0 ? [{ job, indices }] : [];
    });
    if (unwanted.length === 0) return;
    for (const { job, indices } of unwanted) for (const index of indices) this.#jobs.end(job, index);
    const cancelled = this.#scheduler
      .cancelTasks(unwanted.map(({ job, indices }) => ({ job: job.number, indices })))
      .catch((error: unknown) => this.#request.report(String(error)))
      .then(() => {
        for (const { job } of unwanted) if (job.open.size === 0) closeBatch(job.folder);
      });
    this.#cancelling = Promise.all([this.#cancelling, cancelled]).then(() => undefined);
  }

  #outcomesOf({ folder, groups, number }: Job, index: number): readonly TaskOutcome[] {
    const units = groups[index]!;
    const outcomes = readEnd(folder, index, units.length);
    if (outcomes !== null) return outcomes;
    const message = `the report of task ${index} of job ${number} cannot be read: ${endPath(folder, index)}`;
    return outcomesOfLostTask(units, this.#request.store.readRecord, { cause: 'crash', message });
  }

  /**
   * Looks for tasks that ended without reporting it: killed, out of memory, on a node that failed, cancelled.
   */
  async #query(): Promise<void> {
    const jobs = this.#jobs.openJobs();
    if (jobs.length === 0) return;
    this.#isQuerying = true;
    this.#queriedAt = monotonicNow();
    try {
      const states = await this.#scheduler.queryTasks(jobs.map(({ number }) => number));
      const { pollMs } = this.#request.options;
      const findings = this.#jobs.compare(jobs, states, monotonicNow(), this.#isDrained ? 0 : graceMs);
      for (const { job, reason } of findings.held) this.#reportReason(job.number, reason);
      if (findings.isEndOnItsWay)
        this.#queriedAt = Math.min(this.#queriedAt, monotonicNow() - pollMs + graceMs);
      // Their ends may have been written since the last look.
      if (findings.overdue.length > 0) this.#look();
      for (const task of findings.overdue) this.#markLost(task);
    } catch (error) {
      this.#request.report(
        `${error instanceof Error ? error.message : String(error)}; querying the scheduler again later`,
      );
    }
    this.#isQuerying = false;
  }

  #markLost(task: OverdueTask): void {
    const { job, index, state } = task;
    if (!this.#jobs.end(job, index)) return;
    const isCancelledByDrain = this.#isDrained && state?.state.startsWith('CANCELLED') === true;
    const loss = isCancelledByDrain ? null : describeLoss(task);
    const units = job.groups[index]!;
    this.#end(units, outcomesOfLostTask(units, this.#request.store.readRecord, loss), index);
  }

  #end(units: readonly Task[], outcomes: readonly TaskOutcome[], index: number): void {
    units.forEach(({ key }, at) => {
      const outcome = outcomes[at];
      if (outcome !== undefined) this.#tasks.end(key, outcome, index);
    });
  }

  /** Each reason is reported once in a run: it holds up many tasks alike. */
  #reportReason(job: string, reason: string): void {
    if (this.#reportedReasons.has(reason)) return;
    this.#reportedReasons.add(reason);
    this.#request.report(`job ${job} is waiting: ${reason}`);
  }
}
