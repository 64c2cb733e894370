import { readFileSync, statSync } from 'node:fs';
import { isDigest } from '../digest.ts';
import { writeDurable } from './durable.ts';
import { errorCode, toStoreError } from './errors.ts';
import type { Quarantine } from './quarantine.ts';
import { encodeRecord, isForeignRecord, parseRecord } from './record.ts';
import type { CommitRecord } from './record.ts';

/** The commit records, each under its key. Every method throws `StoreError` if the disk refuses. */
export interface Records {
  readonly recordPath: (key: string) => string;
  /**
   * Returns the record alone, whether or not its objects are still there: for
   * explanations. Damaged ones go to quarantine.
   */
  readonly peekRecord: (key: string) => CommitRecord | null;
  /** Writes the commit record, the last step of a commit. */
  readonly commit: (record: Omit<CommitRecord, 'preimage'>, preimageText: string) => void;
}

export function openRecords(cacheFolder: string, quarantine: Quarantine): Records {
  const folder = `${cacheFolder}/actions/`;
  const recordPath = (key: string): string => `${folder}${key.slice(0, 2)}/${key}.json`;

  let lastWasHit = false;
  const readText = (key: string): string | null => {
    const path = recordPath(key);
    try {
      // An exception costs several times a stat, and a stat a third of a hit; hits and misses come in long
      // rows.
      if (!lastWasHit && statSync(path, { throwIfNoEntry: false }) === undefined) return null;
      const text = readFileSync(path, 'utf8');
      lastWasHit = true;
      return text;
    } catch (error) {
      lastWasHit = false;
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
      throw toStoreError(error, path);
    }
  };

  return {
    recordPath,
    peekRecord(key) {
      // A key from a file of the cache becomes part of a path.
      if (!isDigest(key)) return null;
      const text = readText(key);
      if (text === null) return null;
      const record = parseRecord(text, key);
      if (record === null && !isForeignRecord(text))
        quarantine(recordPath(key), `commit record ${key.slice(0, 12)}…`);
      return record;
    },
    commit(record, preimageText) {
      const path = recordPath(record.key);
      const text = encodeRecord(record, preimageText);
      try {
        writeDurable(path, text);
      } catch (error) {
        throw toStoreError(error, path, text.length);
      }
    },
  };
}
