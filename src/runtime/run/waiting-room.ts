import type { ClaimHolder, Claims } from '../store/claims.ts';
import type { CommitRecord } from '../store/record.ts';
import type { Unit } from '../plan/units.ts';
import type { ReadyUnit } from './schedule.ts';

/** The units that another run is computing, until that run has committed them or has given them up. */
export interface WaitingRoom {
  /**
   * Claims a unit for this run. Returns false if another run holds the
   * claim; the unit then waits for that run.
   */
  readonly admit: (ready: ReadyUnit) => boolean;
  /** The units of this cell wait no longer: nobody needs them. */
  readonly forget: (planned: ReadyUnit['planned']) => void;
  readonly size: () => number;
  readonly close: () => void;
}

export interface WaitingRoomListener {
  /** The unit waits for the run that holds its claim. */
  readonly waiting: (ready: ReadyUnit, holder: ClaimHolder) => void;
  /** The other run committed the unit. */
  readonly found: (ready: ReadyUnit, record: CommitRecord) => void;
  /** The other run gave the unit up, or died; this run now holds the claim. */
  readonly freed: (ready: ReadyUnit) => void;
}

const pollMs = 200;

export function createWaitingRoom(
  claims: Claims,
  readRecord: (ready: ReadyUnit) => CommitRecord | null,
  listener: WaitingRoomListener,
): WaitingRoom {
  /** By unit and not by key: several cells may wait for the same result. */
  const waiting = new Map<Unit, ReadyUnit>();
  let timer: NodeJS.Timeout | null = null;

  const poll = (): void => {
    for (const [unit, ready] of [...waiting]) {
      const record = readRecord(ready);
      if (record === null && claims.take(unit.key!) !== null) continue;
      waiting.delete(unit);
      if (record === null) listener.freed(ready);
      else listener.found(ready, record);
    }
    if (waiting.size === 0) stop();
  };
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };

  return {
    admit(ready) {
      const holder = claims.take(ready.unit.key!);
      if (holder === null) return true;
      waiting.set(ready.unit, ready);
      listener.waiting(ready, holder);
      timer ??= setInterval(poll, pollMs);
      return false;
    },
    forget(planned) {
      for (const [unit, ready] of [...waiting]) if (ready.planned === planned) waiting.delete(unit);
      if (waiting.size === 0) stop();
    },
    size: () => waiting.size,
    close: stop,
  };
}
