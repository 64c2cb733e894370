import { openCheckpoints } from './checkpoints.ts';
import type { Checkpoints } from './checkpoints.ts';
import { openObjects } from './objects.ts';
import type { Objects } from './objects.ts';
import { openQuarantine } from './quarantine.ts';
import type { CommitRecord } from './record.ts';
import { openRecords } from './records.ts';
import type { Records } from './records.ts';

/**
 * The content-addressed cache of one folder. Most methods are synchronous, because their
 * callers are worker processes and planners.
 */
export interface Store extends Objects, Records, Checkpoints {
  /** Absolute path of the cache folder. */
  readonly folder: string;
  /**
   * Returns the record of a key if it can be reused: undamaged, of this key, and with all objects that it
   * needs present in their size. A damaged record goes to quarantine with a warning and counts as a miss.
   */
  readonly readRecord: (key: string) => CommitRecord | null;
}

export function openStore(folder: string, warn: (message: string) => void = () => undefined): Store {
  const quarantine = openQuarantine(folder, warn);
  const objects = openObjects(folder, quarantine);
  const records = openRecords(folder, quarantine);
  return {
    folder,
    ...objects,
    ...records,
    ...openCheckpoints(folder, quarantine),
    readRecord(key) {
      const record = records.peekRecord(key);
      if (record === null) return null;
      for (const port of Object.keys(record.outputs)) {
        for (const part of record.outputs[port]!) {
          if (!objects.hasObject(part) || part.needs?.every(objects.hasObject) === false) return null;
        }
      }
      return record;
    },
  };
}
