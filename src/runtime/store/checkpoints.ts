import { readFileSync } from 'node:fs';
import { isDigest, sha256 } from '../digest.ts';
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
const extension = '.v1';

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
      const end = file.indexOf('\n') + 1;
      // A copy, because the file's memory may be shared and unaligned, and decoders look at numbers of four bytes.
      const state = new Uint8Array(file.subarray(end));
      if (file.toString('latin1', 0, end) === headOf(key, state)) return state;
      quarantine(path, `the checkpoint of ${key.slice(0, 12)}…`);
      return 'damaged';
    },
    writeCheckpoint(key, state) {
      const path = checkpointPath(key);
      const head = Buffer.from(headOf(key, state));
      try {
        writeDurable(path, Buffer.concat([head, state]));
      } catch (error) {
        throw toStoreError(error, path, head.length + state.length);
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

function headOf(key: string, state: Uint8Array): string {
  return `ravelin checkpoint ${key} ${sha256(state)}\n`;
}
