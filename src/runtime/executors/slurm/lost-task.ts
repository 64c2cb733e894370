import { readFileSync } from 'node:fs';
import type { Task, TaskOutcome } from '../../executor.ts';
import { storedResult } from '../../store/record.ts';
import type { CommitRecord } from '../../store/record.ts';
import { taskLogPath } from './batch.ts';
import type { OverdueTask } from './job-table.ts';

export interface Loss {
  readonly cause: 'crash' | 'out-of-memory' | 'timeout';
  readonly message: string;
}

/**
 * The fate of the units of an array task that ended without reporting it. It computes them in order: those
 * with a commit record are committed, the first one without is lost, and the rest has not begun. With `loss`
 * null, the task was cancelled before it began, and nothing is lost.
 */
export function outcomesOfLostTask(
  units: readonly Task[],
  readRecord: (key: string) => CommitRecord | null,
  loss: Loss | null,
): TaskOutcome[] {
  let pending = loss;
  return units.map(({ key, id }): TaskOutcome => {
    const record = readRecord(key);
    if (record !== null) {
      return { type: 'committed', id, ...storedResult(record), peakBytes: 0 };
    }
    if (pending === null) return { type: 'returned', id };
    const outcome: TaskOutcome = { type: 'lost', id, ...pending };
    pending = null;
    return outcome;
  });
}

/** Says for the user how the scheduler ended a task, with the last lines of its log. */
export function describeLoss({ job, index, state }: OverdueTask): Loss {
  const name = state?.state ?? 'unknown to the scheduler';
  const cause = name === 'OUT_OF_MEMORY' ? 'out-of-memory' : name === 'TIMEOUT' ? 'timeout' : 'crash';
  const where = state === undefined || state.nodes === '' ? '' : ` on ${state.nodes}`;
  const reason = state === undefined || state.reason === 'None' ? '' : ` (${state.reason})`;
  const path = taskLogPath(job.folder, index);
  const message = `task ${index} of job ${job.number} ended${where}: ${name}${reason}${lastLines(path)}; its log is ${path}`;
  return { cause, message };
}

function lastLines(path: string): string {
  try {
    const lines = readFileSync(path, 'utf8').trim().split('\n').slice(-10).join('\n');
    return lines === '' ? '' : `; its last output was: ${lines}`;
  } catch {
    return '';
  }
}
