/** What ravelin asks of Slurm: sbatch, squeue, scontrol and scancel, never accounting, which many clusters do not have. */
import { execa } from 'execa';

/** The scheduler cannot be asked, or refuses. */
export class SchedulerError extends Error {
  override readonly name = 'SchedulerError';
  /** Exit code of the command line for failures of an executor. */
  readonly exitCode = 6;
}

/** State of one array task that the scheduler still knows. */
export interface ArrayTaskState {
  readonly job: string;
  readonly index: number;
  /** As squeue names it: PENDING, RUNNING, COMPLETED, FAILED, TIMEOUT, OUT_OF_MEMORY, NODE_FAIL, … */
  readonly state: string;
  readonly reason: string;
  readonly nodes: string;
}

export interface SchedulerLimits {
  readonly version: string;
  readonly maxArraySize: number;
}

async function call(command: string, parameters: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode, failed, shortMessage } = await execa(command, [...parameters], {
    reject: false,
    timeout: 60_000,
    env: { SLURM_TIME_FORMAT: 'standard' },
  });
  if (failed || exitCode !== 0) {
    const said = stderr.trim();
    throw new SchedulerError(`${command} failed: ${said === '' ? shortMessage : said}`);
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
  const found = await Promise.all(commands.map((command) => answers(command, ['--version'])));
  return commands.filter((_, at) => !found[at]);
}

/** Whether there is accounting, which nothing here needs. */
export function hasAccounting(): Promise<boolean> {
  return answers('sacct', ['--noheader', '--allocations']);
}

/** One line a partition, for people. */
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

async function answers(command: string, parameters: readonly string[]): Promise<boolean> {
  return !(await execa(command, [...parameters], { reject: false, timeout: 60_000 })).failed;
}

/** Submits a script; returns the number of the array job. */
export async function submitScript(path: string): Promise<string> {
  const said = (await call('sbatch', ['--parsable', path])).trim();
  const job = /^(\d+)/.exec(said.split('\n').at(-1) ?? '')?.[1];
  if (job === undefined) throw new SchedulerError(`sbatch gave no job number: ${said}`);
  return job;
}

/** Tasks of these jobs that the scheduler knows: queued, running, or ended a few minutes ago at most. */
export async function askQueue(jobs: readonly string[]): Promise<ArrayTaskState[]> {
  const parameters = [
    '--noheader',
    '--array',
    '--states=all',
    '--format=%F|%K|%T|%r|%N',
    `--jobs=${jobs.join()}`,
  ];
  const { stdout, stderr, exitCode } = await execa('squeue', parameters, { reject: false, timeout: 60_000 });
  // With one job it says so where that is over and forgotten; with several it leaves those out.
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

/** Cancels jobs, or with `pendingOnly` the tasks of theirs that have not begun. */
export async function cancelJobs(jobs: readonly string[], pendingOnly = false): Promise<void> {
  if (jobs.length === 0) return;
  await call('scancel', [...(pendingOnly ? ['--state=PENDING'] : []), ...jobs]);
}

/** Whether tasks in this state may still run. */
export function isLive(state: string): boolean {
  return /^(PENDING|RUNNING|CONFIGURING|COMPLETING|SUSPENDED|REQUEUED|REQUEUE_HOLD|RESIZING|SIGNALING|STAGE_OUT|STOPPED)/.test(
    state,
  );
}
