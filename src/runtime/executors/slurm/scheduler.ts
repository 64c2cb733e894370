/**
 * The commands of Slurm that ravelin needs: sbatch, squeue, scontrol and scancel, but not accounting, which
 * many clusters do not have.
 */
import { dirname } from 'node:path';
import { execa } from 'execa';

/** The scheduler does not answer, or refuses. */
export class SchedulerError extends Error {
  override readonly name = 'SchedulerError';
  /** Exit code of the command line for failures of an executor. */
  readonly exitCode = 6;
}

/** State of one array task that the scheduler still knows. */
export interface ArrayTaskState {
  readonly job: string;
  readonly index: number;
  /** State as squeue names it: PENDING, RUNNING, COMPLETED, FAILED, TIMEOUT, OUT_OF_MEMORY, NODE_FAIL, … */
  readonly state: string;
  readonly reason: string;
  readonly nodes: string;
}

/** Some of the tasks of an array job. */
export interface ArrayTasks {
  readonly job: string;
  readonly indices: readonly number[];
}

export interface SchedulerLimits {
  readonly version: string;
  readonly maxArraySize: number;
}

/**
 * The scheduler as the executor uses it, so that tests can conduct one. All
 * methods reject with `SchedulerError`.
 */
export interface Scheduler {
  readonly readLimits: () => Promise<SchedulerLimits>;
  /** Submits a script, whose logs go to `logs/` beside it. Resolves to the number of the array job. */
  readonly submit: (script: string) => Promise<string>;
  /**
   * The tasks of these jobs that the scheduler knows: queued, running, or ended a few minutes ago at most.
   */
  readonly queryTasks: (jobs: readonly string[]) => Promise<readonly ArrayTaskState[]>;
  readonly cancel: (jobs: readonly string[]) => Promise<void>;
  /** Cancels array tasks, queued or running. */
  readonly cancelTasks: (tasks: readonly ArrayTasks[]) => Promise<void>;
  /** Cancels the tasks of these jobs that have not begun. */
  readonly cancelPending: (jobs: readonly string[]) => Promise<void>;
}

async function call(command: string, parameters: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode, failed, shortMessage } = await execa(command, [...parameters], {
    reject: false,
    timeout: 60_000,
    env: { SLURM_TIME_FORMAT: 'standard' },
  });
  if (failed || exitCode !== 0) {
    const reason = stderr.trim();
    throw new SchedulerError(`${command} failed: ${reason === '' ? shortMessage : reason}`);
  }
  return stdout;
}

export async function readLimits(): Promise<SchedulerLimits> {
  const text = await call('scontrol', ['show', 'config']);
  const setting = (name: string): string | undefined =>
    new RegExp(`^${name}\\s*=\\s*(\\S+)`, 'm').exec(text)?.[1];
  return {
    version: setting('SLURM_VERSION') ?? '?',
    maxArraySize: Number(setting('MaxArraySize') ?? 1001),
  };
}

const commands = ['sbatch', 'squeue', 'scontrol', 'scancel'];

/** Commands of Slurm that are not on the PATH. */
export async function missingCommands(): Promise<readonly string[]> {
  const codes = await Promise.all(
    commands.map(
      async (command) => (await execa(command, ['--version'], { reject: false, timeout: 60_000 })).code,
    ),
  );
  return commands.filter((_, at) => codes[at] === 'ENOENT');
}

/** Whether the cluster has accounting, which nothing here needs. */
export function hasAccounting(): Promise<boolean> {
  return succeeds('sacct', ['--noheader', '--allocations']);
}

/** One line for each partition, for people. */
export async function describePartitions(): Promise<readonly string[]> {
  const text = await call('sinfo', ['--noheader', '--format=%P|%a|%D|%l|%G']);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name, state, nodes, limit, gres] = line.split('|');
      return `${name}: ${state}, ${nodes} nodes, time limit ${limit}, gres ${gres}`;
    });
}

async function succeeds(command: string, parameters: readonly string[]): Promise<boolean> {
  return !(await execa(command, [...parameters], { reject: false, timeout: 60_000 })).failed;
}

async function submitScript(path: string): Promise<string> {
  const answer = (await call('sbatch', ['--parsable', `--output=${logPattern(dirname(path))}`, path])).trim();
  const job = /^(\d+)/.exec(answer.split('\n').at(-1) ?? '')?.[1];
  if (job === undefined) throw new SchedulerError(`sbatch did not print the number of a job, but: ${answer}`);
  return job;
}

/** The path of the logs as a pattern of sbatch, in which `%a` is the index of an array task. */
export function logPattern(folder: string): string {
  if (/[\\\p{Cc}]/u.test(folder)) {
    throw new SchedulerError(
      `sbatch cannot write logs below ${JSON.stringify(folder)}, because of the backslash or control character in it; give another cache with --cache`,
    );
  }
  return `${folder.replaceAll('%', '%%')}/logs/%a.log`;
}

async function queryTasks(jobs: readonly string[]): Promise<ArrayTaskState[]> {
  const parameters = [
    '--noheader',
    '--array',
    '--states=all',
    '--format=%F|%K|%T|%r|%N',
    `--jobs=${jobs.join()}`,
  ];
  const { stdout, stderr, exitCode } = await execa('squeue', parameters, { reject: false, timeout: 60_000 });
  // A job that is over and forgotten is an error if it is the only one in the query; among several it is left
  // out.
  if (exitCode !== 0) {
    if (/Invalid job id/i.test(stderr)) return [];
    throw new SchedulerError(`squeue failed: ${stderr.trim()}`);
  }
  return parseQueue(stdout);
}

export function parseQueue(text: string): ArrayTaskState[] {
  return text.split('\n').flatMap((line) => {
    const [job, index, state, reason, nodes] = line.trim().split('|');
    if (job === undefined || index === undefined || state === undefined || !/^\d+$/.test(index)) return [];
    return [{ job, index: Number(index), state, reason: reason ?? '', nodes: nodes ?? '' }];
  });
}

/** Cancels jobs, or with `pendingOnly` only those of their tasks that have not begun. */
export async function cancelJobs(jobs: readonly string[], pendingOnly = false): Promise<void> {
  // Anything else, such as an option, would be a command to cancel something else.
  const numbers = jobs.filter((job) => /^\d+$/.test(job));
  if (numbers.length === 0) return;
  await call('scancel', [...(pendingOnly ? ['--state=PENDING'] : []), '--', ...numbers]);
}

/** Array tasks as scancel names them: `12_[0-3,7]`. */
export function nameOfTasks({ job, indices }: ArrayTasks): string {
  const ranges: [number, number][] = [];
  for (const index of [...indices].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  const text = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return `${job}_[${text.join()}]`;
}

async function cancelTasks(tasks: readonly ArrayTasks[]): Promise<void> {
  const names = tasks.filter(({ job }) => /^\d+$/.test(job)).map(nameOfTasks);
  if (names.length > 0) await call('scancel', ['--', ...names]);
}

export const slurmScheduler: Scheduler = {
  readLimits,
  submit: submitScript,
  queryTasks,
  cancel: (jobs) => cancelJobs(jobs),
  cancelTasks,
  cancelPending: (jobs) => cancelJobs(jobs, true),
};

/** Whether tasks in this state may still run. */
export function isLive(state: string): boolean {
  return /^(PENDING|RUNNING|CONFIGURING|COMPLETING|SUSPENDED|REQUEUED|REQUEUE_HOLD|RESIZING|SIGNALING|STAGE_OUT|STOPPED)/.test(
    state,
  );
}
