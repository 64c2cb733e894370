import {
  closeSync,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { isAlive } from './process-identity.ts';
import { errorCode } from './errors.ts';
import { faultPoint, isArmed } from './fault.ts';

const fsyncOnAnotherThread = promisify(fsync);
let counter = 0;

/** The name of every unfinished file begins with this. Such a file may be removed once its writer is gone. */
export const temporaryPrefix = '.tmp-';

/**
 * Writes a file so that after a crash at any moment it is either as it was before (or absent) or complete: a
 * temporary file in the same folder, fsync, rename, fsync of the folder. Creates the folder if it is missing.
 */
export function writeDurable(path: string, content: Uint8Array | string): void {
  const { file, temporary } = openTemporary(dirname(path));
  try {
    try {
      writeAll(file, typeof content === 'string' ? Buffer.from(content) : content);
      faultPoint('fsync');
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  }
  moveDurable(temporary, path);
}

/**
 * Writes a temporary file in `folder`, which `moveDurable` then puts in its place. While the disk takes the
 * bytes the processor is free, so `meanwhile` is computed.
 */
export async function writeTemporary<Result>(
  folder: string,
  bytes: Uint8Array,
  meanwhile: () => Result,
): Promise<{ readonly temporary: string; readonly result: Result }> {
  const { file, temporary } = openTemporary(folder);
  try {
    try {
      writeAll(file, bytes);
      faultPoint('fsync');
      const synced = fsyncOnAnotherThread(file);
      const result = meanwhile();
      await synced;
      return { temporary, result };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  }
}

/**
 * Ends a durable write: rename, fsync of the folder. The temporary file is gone afterwards, whatever happens.
 */
export function moveDurable(temporary: string, path: string): void {
  const folder = dirname(path);
  try {
    faultPoint('rename');
    inFolder(folder, () => renameSync(temporary, path));
    faultPoint('renamed');
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  }
  syncFolder(folder);
}

function openTemporary(folder: string, mode?: number): { readonly file: number; readonly temporary: string } {
  const temporary = `${folder}/${temporaryPrefix}${process.pid}-${Date.now().toString(36)}-${counter++}`;
  return { file: inFolder(folder, () => openSync(temporary, 'wx', mode)), temporary };
}

/** Does something in a folder, which is created if it turns out to be missing. */
function inFolder<Result>(folder: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    mkdirSync(folder, { recursive: true });
    syncFolder(dirname(folder));
    return work();
  }
}

/** Replaces a file in one step, but without fsync: for what can be computed again, such as an index. */
export function writeAtomic(path: string, content: Uint8Array | string, mode?: number): void {
  const { file, temporary } = openTemporary(dirname(path), mode);
  try {
    try {
      writeAll(file, typeof content === 'string' ? Buffer.from(content) : content);
    } finally {
      closeSync(file);
    }
    faultPoint('rename');
    renameSync(temporary, path);
    faultPoint('renamed');
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  }
}

/**
 * Writes something that may be lost, because it only spares work: what cannot be written (the disk is full, or may
 * only be read) is done again another time. Never throws. Returns whether it was written.
 */
export function writeSideMemory(path: string, content: Uint8Array | string, mode?: number): boolean {
  try {
    writeAtomic(path, content, mode);
    return true;
  } catch {
    return false;
  }
}

/** Removes the unfinished files of killed processes of this machine from a folder of the user's. */
export function sweepTemporaries(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(temporaryPrefix)
      ? Number.parseInt(name.slice(temporaryPrefix.length), 10)
      : NaN;
    if (pid > 0 && !isAlive(pid)) tryUnlink(`${folder}/${name}`);
  }
}

/**
 * Writes all of `bytes` at the current position of the file. The system may take them in several parts;
 * `took` is called with the size of each, so that the caller knows after an error what is left.
 */
export function writeAll(
  file: number,
  bytes: Uint8Array,
  point: 'write' | 'event' = 'write',
  took: (count: number) => void = () => undefined,
): void {
  let done = 0;
  const write = (length: number): void => {
    const count = writeSync(file, bytes, done, length);
    done += count;
    took(count);
  };
  if (isArmed(point)) {
    write(bytes.length >> 1);
    faultPoint(point);
  }
  while (done < bytes.length) write(bytes.length - done);
}

function syncFolder(folder: string): void {
  let handle: number;
  try {
    handle = openSync(folder, 'r');
  } catch (error) {
    // On Windows a folder cannot be opened, and there is nothing to sync.
    if (errorCode(error) === 'EISDIR' || errorCode(error) === 'EPERM') return;
    throw error;
  }
  try {
    fsyncSync(handle);
  } catch (error) {
    // Some network file systems refuse fsync on a folder, and are synchronous anyway.
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(errorCode(error))) throw error;
  } finally {
    closeSync(handle);
  }
}

export function tryUnlink(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}
