import { heartbeatOf } from '../store/claims.ts';
import { isAlive, isRunning } from '../store/process-identity.ts';
import type { ProcessIdentity } from '../store/process-identity.ts';
import type { RunInfo } from './read-ledger.ts';

/**
 * How a run ended, or whether it runs. It is `unknown` if this machine cannot see that: the run is on another host
 * and gives no sign of life, or its ledger has lost its beginning.
 */
export type RunState = 'ok' | 'failed' | 'interrupted' | 'running' | 'killed' | 'unknown';

/** A run says every two seconds that it is there; clocks of hosts may differ by some of this. */
const freshMs = 60_000;

export function stateOfRun(cacheFolder: string, info: RunInfo, now = Date.now()): RunState {
  if (info.finished !== null) return info.finished.status;
  const running = isProcessRunning(info);
  if (running !== null) return running ? 'running' : 'killed';
  const heartbeat = heartbeatOf(cacheFolder, info.run);
  return heartbeat !== null && Math.abs(now - heartbeat) < freshMs ? 'running' : 'unknown';
}

/** Whether the process of a run is running on this machine; null if it is on another one, or not known. */
export function isProcessRunning({ started }: Pick<RunInfo, 'started'>): boolean | null {
  if (started === null) return null;
  const identity = identityOf(started);
  if (identity !== null) return isRunning(identity);
  // A run of an earlier version, which wrote down the number of its process alone: another may have it now.
  const { host, pid } = started;
  return isRunning({ host, pid, boot: null, started: null }) === null || isAlive(pid) ? null : false;
}

/** The process of a run; null if its ledger does not name it beyond doubt. */
export function identityOf(started: NonNullable<RunInfo['started']>): ProcessIdentity | null {
  const { host, pid, boot, processStarted } = started;
  return boot === undefined || processStarted === undefined
    ? null
    : { host, pid, boot, started: processStarted };
}
