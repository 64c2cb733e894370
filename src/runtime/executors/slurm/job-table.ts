import type { Groups } from './group-tasks.ts';
import { isLive } from './scheduler.ts';
import type { ArrayTaskState } from './scheduler.ts';

/** An array job that this driver looks after. */
export interface Job {
  /** Its folder in the cache. */
  readonly folder: string;
  /** The number that the scheduler gave to it. */
  readonly number: string;
  readonly groups: Groups;
}

/** A job with the indices of the array tasks whose end has not been seen. */
export interface OpenJob extends Job {
  readonly open: ReadonlySet<number>;
}

export interface OverdueTask {
  readonly job: OpenJob;
  readonly index: number;
  /** Undefined if the scheduler does not know the task any more. */
  readonly state: ArrayTaskState | undefined;
}

/** Conclusions about the jobs from the states of their array tasks, as the scheduler reports them. */
export interface Findings {
  /** Tasks that the scheduler has not been running for longer than their end may take to be seen. */
  readonly overdue: readonly OverdueTask[];
  /** Some tasks are not running any more, but their end may still be on its way. */
  readonly isEndOnItsWay: boolean;
  /** Tasks that wait for an unusual reason. */
  readonly held: readonly { readonly job: Job; readonly reason: string }[];
}

interface Entry extends OpenJob {
  readonly open: Set<number>;
  /**
   * Indices that the scheduler does not run and whose end has not been seen,
   * with the time when that was first so.
   */
  readonly missingSince: Map<number, number>;
}

/** Reasons for which every task waits now and then. */
const usualReasons = new Set(['None', 'Resources', 'Priority', 'JobArrayTaskLimit', 'BeginTime', 'Cleaning']);

/** The array jobs of a driver: which of their tasks have not ended, and which of these are overdue. */
export class JobTable {
  readonly #byFolder = new Map<string, Entry>();

  /** Looks after these array tasks of a job, besides those that it looks after already. */
  add(job: Job, indices: Iterable<number>): void {
    let entry = this.#byFolder.get(job.folder);
    if (entry === undefined) {
      entry = { ...job, open: new Set(), missingSince: new Map() };
      this.#byFolder.set(job.folder, entry);
    }
    for (const index of indices) entry.open.add(index);
  }

  /** Jobs with tasks that have not ended, in the order in which they were added. */
  openJobs(): OpenJob[] {
    return [...this.#byFolder.values()].filter(({ open }) => open.size > 0);
  }

  openNumbers(): string[] {
    return this.openJobs().map(({ number }) => number);
  }

  /** Notes the end of an array task. Returns false if it is not one of those that are looked after. */
  end({ folder }: Job, index: number): boolean {
    return this.#byFolder.get(folder)?.open.delete(index) ?? false;
  }

  /**
   * Compares the open tasks of these jobs with what the scheduler said when it was queried for them. A task
   * without an end becomes overdue `graceMs` after the scheduler was first seen not to run it.
   */
  compare(
    jobs: readonly OpenJob[],
    states: readonly ArrayTaskState[],
    now: number,
    graceMs: number,
  ): Findings {
    const byTask = new Map(states.map((state) => [`${state.job}_${state.index}`, state]));
    const overdue: OverdueTask[] = [];
    const held: { job: Job; reason: string }[] = [];
    let isEndOnItsWay = false;
    for (const { folder } of jobs) {
      const job = this.#byFolder.get(folder)!;
      for (const index of job.open) {
        const state = byTask.get(`${job.number}_${index}`);
        if (state !== undefined && isLive(state.state)) {
          job.missingSince.delete(index);
          if (state.state === 'PENDING' && !usualReasons.has(state.reason))
            held.push({ job, reason: state.reason });
          continue;
        }
        const since = job.missingSince.get(index) ?? now;
        job.missingSince.set(index, since);
        if (now - since < graceMs) isEndOnItsWay = true;
        else overdue.push({ job, index, state });
      }
    }
    return { overdue, isEndOnItsWay, held };
  }
}
