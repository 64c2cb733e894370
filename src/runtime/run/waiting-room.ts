import type { ClaimHolder, Claims } from '../store/claims.ts';
import type { PlannedCell } from '../plan/plan.ts';
import type { CommitRecord } from '../store/record.ts';
import type { Unit } from '../plan/units.ts';

export interface ReadyUnit {
  readonly planned: PlannedCell;
  readonly shard: number;
  readonly unit: Unit;
}

/** Units that another run is computing: looked after until that run has committed them, or is gone. */
export interface WaitingRoom {
  /** Claims a unit for this run; false where another run has it, which is then waited for. */
  readonly admit: (ready: ReadyUnit) => boolean;
  readonly size: () => number;
  readonly close: () => void;
}

const pollMs = 200;

export function createWaitingRoom(
  claims: Claims,
  readRecord: (key: string) => CommitRecord | null,
  listener: {
    readonly waiting: (ready: ReadyUnit, holder: ClaimHolder) => void;
    /** The other run committed it. */
    readonly found: (ready: ReadyUnit, record: CommitRecord) => void;
    /** The other run gave it up, or died: it is ours now. */
    readonly freed: (ready: ReadyUnit) => void;
  },
): WaitingRoom {
  const waiting = new Map<string, ReadyUnit>();
  let timer: NodeJS.Timeout | null = null;

  const look = (): void => {
    for (const [key, ready] of [...waiting]) {
      const record = readRecord(key);
      if (record === null && claims.take(key) !== null) continue;
      waiting.delete(key);
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
      const key = ready.unit.key!;
      const holder = claims.take(key);
      if (holder === null) return true;
      waiting.set(key, ready);
      listener.waiting(ready, holder);
      timer ??= setInterval(look, pollMs);
      return false;
    },
    size: () => waiting.size,
    close: stop,
  };
}
