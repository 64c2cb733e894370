import { readFileSync } from 'node:fs';
import { isDigest } from '../digest.ts';
import { checkedBody, checkedFile } from './checked-file.ts';
import { tryUnlink, writeDurable } from './durable.ts';
import { errorCode, toStoreError } from './errors.ts';
import type { Quarantine } from './quarantine.ts';

/**
 * The states of long units that have not ended, each under the key of its unit. A state decides the result as
 * much as an input does, so it is read back with the same care. Every method throws `StoreError` if the disk
 * refuses.
 */
export interface Checkpoints {
  readonly checkpointPath: (key: string) => string;
  /** The state of a unit as it was written, `absent`, or `damaged` (it is then in quarantine). */
  readonly readCheckpoint: (key: string) => Uint8Array | 'absent' | 'damaged';
  /** Durable once it returns: after a crash the state is this one or the one before. */
  readonly writeCheckpoint: (key: string, state: Uint8Array) => void;
  /** Removes a state that nobody needs any more. A state that cannot be removed is left behind. */
  readonly removeCheckpoint: (key: string) => void;
}

/**
 * The first line of a file names the unit, and the digest of what follows. The number at the end of the name is
 * raised when this changes, so that two versions of ravelin on one cache pass over each other's checkpoints.
 */
const extension = '.v2';

export function openCheckpoints(cacheFolder: string, quarantine: Quarantine): Checkpoints {
  const checkpointPath = (key: string): string =>
    `${cacheFolder}/checkpoints/${key.slice(0, 2)}/${key}${extension}`;
  return {
    checkpointPath,
    readCheckpoint(key) {
      const path = checkpointPath(key);
      let file: Buffer;
      try {
        file = readFileSync(path);
      } catch (error) {
        if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return 'absent';
        throw toStoreError(error, path);
      }
      const state = checkedBody(titleOf(key), file);
      // A copy, because the file's memory may be shared and unaligned, and decoders look at numbers of four bytes.
      if (state !== null) return new Uint8Array(state);
      quarantine(path, `the checkpoint of ${key.slice(0, 12)}…`);
      return 'damaged';
    },
    writeCheckpoint(key, state) {
      const path = checkpointPath(key);
      const file = checkedFile(titleOf(key), state);
      try {
        writeDurable(path, file);
      } catch (error) {
        throw toStoreError(error, path, file.length);
      }
    },
    removeCheckpoint(key) {
      tryUnlink(checkpointPath(key));
    },
  };
}

/** The key of the unit whose checkpoint has this name; null for files of other versions and unfinished ones. */
export function keyOfCheckpoint(name: string): string | null {
  const key = name.endsWith(extension) ? name.slice(0, -extension.length) : '';
  return isDigest(key) ? key : null;
}

function titleOf(key: string): string {
  return `ravelin checkpoint ${key}`;
}
