import type { RunEvent } from '../runtime/events.ts';
import { readLedger } from '../runtime/run/read-ledger.ts';
import { StoreError } from '../runtime/store/errors.ts';
import { complain } from './output.ts';
import { counted } from '../values/counted.ts';

/**
 * The events of a run of some types, in order, for commands. A ledger that is damaged or cannot be read is a
 * warning, and what can be read of it is returned.
 */
export function eventsOfRun<T extends RunEvent['type']>(
  cacheFolder: string,
  run: string,
  types: readonly T[],
): readonly Extract<RunEvent, { type: T }>[] {
  const events: Extract<RunEvent, { type: T }>[] = [];
  let damaged = 0;
  try {
    for (const event of readLedger(cacheFolder, run, types, () => damaged++)) events.push(event);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    complain(`warning: ${error.message}\n  fix: ${error.fix}`);
  }
  if (damaged > 0)
    complain(
      `warning: ${counted(damaged, 'line')} in the ledger of run ${run} cannot be read, so something may be missing here\n  fix: run the pipeline again, which computes nothing that is there and writes a new ledger`,
    );
  return events;
}

type Failed = Extract<RunEvent, { type: 'cell-failed' }>;

/** The failures that stand: those of cells that nobody has let the run try again later. */
export function remainingFailures(events: readonly Pick<RunEvent, 'type'>[]): readonly Failed[] {
  let failures: readonly Failed[] = [];
  for (const event of events as readonly RunEvent[]) {
    if (event.type === 'cell-failed') failures = [...failures, event];
    else if (event.type === 'cell-retried') failures = failures.filter(({ cell }) => cell !== event.cell);
  }
  return failures;
}

/** The cells of a run that have failed in the end. */
export function failuresOfRun(cacheFolder: string, run: string): readonly Failed[] {
  return remainingFailures(eventsOfRun(cacheFolder, run, ['cell-failed', 'cell-retried']));
}
