import { nameOfTasks } from '../../../../src/runtime/executors/slurm/scheduler.ts';
import type {
  ArrayTasks,
  ArrayTaskState,
  Scheduler,
  SchedulerLimits,
} from '../../../../src/runtime/executors/slurm/scheduler.ts';

/**
 * A scheduler that runs nothing: the test says in which state each array task is. Its jobs are 101, 102, …
 */
export class ConductedScheduler implements Scheduler {
  /** What was asked of it, in order: `submit SCRIPT`, `query 101,102`, `cancel 101`, `cancel pending 101`. */
  readonly calls: string[] = [];
  /** What it answers; a task that is not here is unknown to it. */
  states: ArrayTaskState[] = [];
  /** What it answers instead, as long as it is set. */
  error: Error | null = null;
  maxArraySize = 1001;
  #jobs = 100;

  readonly readLimits = (): Promise<SchedulerLimits> =>
    Promise.resolve({ version: '22.05', maxArraySize: this.maxArraySize });

  readonly submit = (script: string): Promise<string> =>
    this.#answer(`submit ${script}`, () => String(++this.#jobs));

  readonly queryTasks = (jobs: readonly string[]): Promise<readonly ArrayTaskState[]> =>
    this.#answer(`query ${jobs.join()}`, () => this.states.filter(({ job }) => jobs.includes(job)));

  readonly cancel = (jobs: readonly string[]): Promise<void> =>
    this.#answer(`cancel ${jobs.join()}`, () => undefined);

  readonly cancelTasks = (tasks: readonly ArrayTasks[]): Promise<void> =>
    this.#answer(`cancel ${tasks.map(nameOfTasks).join()}`, () => undefined);

  readonly cancelPending = (jobs: readonly string[]): Promise<void> =>
    this.#answer(`cancel pending ${jobs.join()}`, () => undefined);

  #answer<T>(call: string, answer: () => T): Promise<T> {
    this.calls.push(call);
    return this.error === null ? Promise.resolve(answer()) : Promise.reject(this.error);
  }
}

export function state(
  job: string,
  index: number,
  name: string,
  { reason = 'None', nodes = '' } = {},
): ArrayTaskState {
  return { job, index, state: name, reason, nodes };
}
