import type { RunEvent } from '../events.ts';
import { parseEvent } from './parse-event.ts';
import { openLines, type LineReader } from './read-lines.ts';
import { isProcessRunning } from './run-state.ts';
import { unreadableLedger, type RunInfo } from './read-ledger.ts';

export interface FollowRequest {
  readonly info: RunInfo;
  readonly onEvent: (event: RunEvent) => void;
  /** Waits a moment before the ledger is looked at again. */
  readonly pause: () => Promise<unknown>;
  /** Once aborted, nothing is followed any more. */
  readonly signal: AbortSignal;
  /** Whether the process of the run is running: null if this machine cannot know. */
  readonly isRunning?: (info: Pick<RunInfo, 'started'>) => boolean | null;
}

/** A ledger without a beginning that does not grow is given up after this number of looks. */
const mostLooks = 10;

/**
 * Follows the ledger of a run as it grows. Resolves to `finished` once the run has finished; to `ended` if its process
 * has ended without that; to `no-beginning` if the ledger does not say whose it is and does not grow; and to `left`
 * once the signal is aborted. A run on another host is followed until then, because it cannot be seen from here whether it
 * still runs. Throws `StoreError` if the ledger cannot be read.
 */
export async function followLedger({
  info,
  onEvent,
  pause,
  signal,
  isRunning = isProcessRunning,
}: FollowRequest): Promise<'finished' | 'ended' | 'no-beginning' | 'left'> {
  const path = `${info.folder}/events.jsonl`;
  let lines: LineReader;
  try {
    lines = openLines(path);
  } catch (error) {
    throw unreadableLedger(info.run, path, error);
  }
  let { started } = info;
  let looks = 0;
  try {
    while (!signal.aborted) {
      // This is asked before the ledger is read: what a process wrote before its end is then read.
      const ended = isRunning({ started }) === false;
      let grew = false;
      for (const line of lines.next()) {
        grew = true;
        const event = parseEvent(line);
        if (event === null) continue;
        onEvent(event);
        if (event.type === 'run-started') started = event;
        if (event.type === 'run-finished') return 'finished';
      }
      if (ended && !grew) return 'ended';
      looks = grew ? 0 : looks + 1;
      if (started === null && looks >= mostLooks) return 'no-beginning';
      await pause();
    }
    return 'left';
  } finally {
    lines.close();
  }
}
