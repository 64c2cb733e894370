/** Locks around the change of a small file that several processes read, change and write, such as the last keys of a pipeline. */
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { monotonicNow } from '../../timing/awake-time.ts';
import { tryUnlink } from './durable.ts';
import { errorCode } from './errors.ts';

/** A lock that has not changed for so long is that of a process that was killed: the work under a lock takes milliseconds. */
const defaultStaleMs = 5_000;
const pauseMs = 5;

/**
 * Does `work`, which reads the file at `path`, changes its content and writes it, while no other process does so in the same
 * way. Other processes wait, and this one for them; the thread does nothing meanwhile. In a folder in which no lock can be
 * made, the work is done without one, and has the error itself.
 */
export function whileLocked<Result>(path: string, work: () => Result, staleMs = defaultStaleMs): Result {
  const lock = `${path}.lock`;
  const isLocked = take(lock, staleMs);
  try {
    return work();
  } finally {
    if (isLocked) tryUnlink(lock);
  }
}

/** Returns false if the folder takes no lock. */
function take(lock: string, staleMs: number): boolean {
  let [seen, seenSinceMs] = ['', 0];
  try {
    mkdirSync(dirname(lock), { recursive: true });
  } catch {
    return false;
  }
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx'));
      return true;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') return false;
    }
    const print = printOf(lock);
    const now = monotonicNow();
    if (seen !== print) [seen, seenSinceMs] = [print, now];
    else if (now - seenSinceMs >= staleMs) removeStale(lock, print);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}

/** Which lock it is: another one has another file or time. */
function printOf(lock: string): string {
  const stat = statSync(lock, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeNs}`;
}

/** Removes the lock of a killed process. Of several that do so at once, one moves it away; a fresh lock is put back. */
function removeStale(lock: string, print: string): void {
  const aside = `${lock}-${process.pid}`;
  try {
    renameSync(lock, aside);
    if (printOf(aside) === print) tryUnlink(aside);
    else renameSync(aside, lock);
  } catch {
    // Another process was faster.
  }
}
