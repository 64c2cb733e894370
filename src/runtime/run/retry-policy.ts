/**
 * Decides what happens to a unit after its attempt ended: a table from what happened to what comes next,
 * without any state.
 */
import type { StageSettings } from '../../dsl/graph.ts';
import { gradientBatch } from '../../values/batch-size.ts';
import type { TaskFailure, TaskOutcome } from '../executor.ts';

/** The history of a unit in this run. */
export interface UnitHistory {
  /** Attempts so far that count against `retry.max`, including the present one. */
  readonly attempts: number;
  /** How often it found its inputs damaged. */
  readonly damagedInputs: number;
  /** Most images to compute at a time, after it ran out of memory with more; null at first. */
  readonly batchLimit: number | null;
}

export interface RetryRules {
  readonly retry: StageSettings['retry'];
  /** Images of the unit; 0 for a whole unit. */
  readonly images: number;
  /** The folder to look at if inputs are damaged again and again. */
  readonly cacheFolder: string;
}

/** The step that a run takes after an outcome of a unit. `history` is the history of the unit from then on. */
export type NextStep =
  | { readonly do: 'commit'; readonly result: Extract<TaskOutcome, { type: 'committed' }> }
  /** The unit was given back before it began. */
  | { readonly do: 'put-back'; readonly history: UnitHistory }
  | {
      readonly do: 'retry';
      readonly because: TaskFailure;
      /** Most images to compute at a time from now on; null if the limit stays as it is. */
      readonly smallerBatch: number | null;
      readonly history: UnitHistory;
    }
  | { readonly do: 'recompute-inputs'; readonly digests: readonly string[]; readonly history: UnitHistory }
  | { readonly do: 'fail'; readonly failure: TaskFailure };

export const untried: UnitHistory = { attempts: 0, damagedInputs: 0, batchLimit: null };

/** A unit that finds its inputs damaged more often than this has another problem. */
const mostDamagedInputs = 5;

export function beginAttempt(history: UnitHistory): UnitHistory {
  return { ...history, attempts: history.attempts + 1 };
}

export function nextStep(outcome: TaskOutcome, history: UnitHistory, rules: RetryRules): NextStep {
  switch (outcome.type) {
    case 'committed':
      return { do: 'commit', result: outcome };
    case 'returned':
      return { do: 'put-back', history: withoutThisAttempt(history) };
    case 'damaged':
      return afterDamagedInputs(outcome.digests, history, rules);
    case 'failed':
    case 'lost':
      return afterFailure(outcome, history, rules);
  }
}

/** Damaged inputs are not the unit's fault, so the attempt does not count. */
function afterDamagedInputs(
  digests: readonly string[],
  history: UnitHistory,
  { cacheFolder }: RetryRules,
): NextStep {
  const damagedInputs = history.damagedInputs + 1;
  if (damagedInputs <= mostDamagedInputs) {
    const next = { ...withoutThisAttempt(history), damagedInputs };
    return { do: 'recompute-inputs', digests, history: next };
  }
  const message = `its inputs were damaged ${damagedInputs} times in a row; check the disk under ${cacheFolder}`;
  return { do: 'fail', failure: { code: 'storage', message } };
}

function afterFailure(
  outcome: Extract<TaskOutcome, { type: 'failed' | 'lost' }>,
  history: UnitHistory,
  { retry, images }: RetryRules,
): NextStep {
  const failure: TaskFailure =
    outcome.type === 'failed' ? outcome.failure : { code: outcome.cause, message: outcome.message };
  const batch = smallerBatch(outcome, images, history.batchLimit);
  // Halving the batch ends by itself, and each attempt differs from the last. If a worker was killed, memory
  // is only a guess, so those attempts have to be counted.
  const isHalved = outcome.type === 'failed' && batch !== null && retry.max > 0;
  if (!isWorthRetrying(outcome, retry.on) || !(isHalved || history.attempts <= retry.max))
    return { do: 'fail', failure };
  const next = batch === null ? history : { ...history, batchLimit: batch };
  return { do: 'retry', because: failure, smallerBatch: batch, history: next };
}

function isWorthRetrying(
  outcome: Extract<TaskOutcome, { type: 'failed' | 'lost' }>,
  causes: StageSettings['retry']['on'],
): boolean {
  if (outcome.type === 'lost') {
    // The cause of a lost worker is a guess, so either of the two will do.
    return outcome.cause !== 'timeout' && (causes.includes('crash') || causes.includes('out-of-memory'));
  }
  const { code } = outcome.failure;
  return (code === 'out-of-memory' || code === 'io') && causes.includes(code);
}

/** Half of the batch that was too large; null if memory was not the cause or a single image was too much. */
function smallerBatch(
  outcome: Extract<TaskOutcome, { type: 'failed' | 'lost' }>,
  images: number,
  limit: number | null,
): number | null {
  let batch: number | undefined;
  if (outcome.type === 'failed') {
    if (outcome.failure.code === 'out-of-memory') batch = outcome.failure.batch;
  } else if (outcome.cause === 'out-of-memory') {
    // A worker that the system killed could not report the size of its batch.
    batch = limit ?? Math.min(images, gradientBatch.rows);
  }
  return batch === undefined || batch <= 1 ? null : Math.floor(batch / 2);
}

function withoutThisAttempt(history: UnitHistory): UnitHistory {
  return { ...history, attempts: history.attempts - 1 };
}
