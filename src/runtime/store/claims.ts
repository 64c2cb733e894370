/**
 * Claims say which of the runs that share a cache computes what. They only save work: results are right
 * without them, because a commit is atomic and equal recipes give equal bytes. So nothing here ever fails a
 * run.
 *
 * A run has one file `claims/run-ID` that says who it is and is rewritten every few seconds. A claim is a
 * hard link to it under the name of the key. It appears with its content in one step and shares the file's
 * time, so one heartbeat serves all claims of a run, across hosts as well.
 */
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { readJsonFile } from '../../files/read-json.ts';
import { isDigest } from '../digest.ts';
import { isRunning, ownIdentity } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { tryUnlink } from './durable.ts';
import { errorCode } from './errors.ts';

export interface ClaimHolder extends ProcessIdentity {
  readonly run: string;
}

export interface Claims {
  /**
   * Claims a key for this run. Returns null, or who else holds it. The claim
   * of a dead or silent run is taken over.
   */
  readonly take: (key: string) => ClaimHolder | null;
  readonly release: (key: string) => void;
  /** Releases all claims of this run. */
  readonly close: () => void;
}

export interface ClaimTimes {
  readonly heartbeatMs: number;
  /**
   * A run whose heartbeat has not been seen for so long counts as dead:
   * it was stopped, or lost with its host.
   */
  readonly silentMs: number;
}

const defaultTimes: ClaimTimes = { heartbeatMs: 2_000, silentMs: 30_000 };

export function openClaims(cacheFolder: string, run: string, times: ClaimTimes = defaultTimes): Claims {
  const folder = `${cacheFolder}/claims`;
  const own: ClaimHolder = { run, ...ownIdentity() };
  const ownPath = `${folder}/run-${run}`;
  /**
   * The time of each other run's file, and when that time was first seen: only
   * the clock of this process is trusted.
   */
  const seen = new Map<string, { readonly modifiedMs: number; readonly sinceMs: number }>();
  const taken = new Set<string>();
  const pathOf = (key: string): string => `${folder}/${key}`;

  let file: number;
  try {
    mkdirSync(folder, { recursive: true });
    file = openSync(ownPath, 'wx');
    writeIdentity(file, own);
  } catch {
    // If the cache cannot be written to, the first commit will report it.
    return { take: () => null, release: () => undefined, close: () => undefined };
  }
  const heartbeat = setInterval(() => writeIdentity(file, own), times.heartbeatMs).unref();

  const isDead = (holder: ClaimHolder, modifiedMs: number): boolean => {
    if (isRunning(holder) === false) return true;
    const last = seen.get(holder.run);
    const now = performance.now();
    if (last?.modifiedMs === modifiedMs) return now - last.sinceMs > times.silentMs;
    seen.set(holder.run, { modifiedMs, sinceMs: now });
    return false;
  };

  /** Returns who holds a claim; null if nobody does, or a run that is dead. */
  const holderOf = (path: string): ClaimHolder | null => {
    const holder = readHolder(path);
    const modifiedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return holder === null || modifiedMs === undefined || isDead(holder, modifiedMs) ? null : holder;
  };

  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    // A file without content may be that of a run that is just starting.
    if (readHolder(path) !== null && holderOf(path) === null) tryUnlink(path);
  }
  return {
    take(key) {
      const path = pathOf(key);
      // Two rounds are enough: if another run is faster in the second one, the claim is that run's.
      for (let round = 0; round < 2; round++) {
        try {
          linkSync(ownPath, path);
          taken.add(key);
          return null;
        } catch (error) {
          // On a file system without links, or on a full disk, runs do not see each other.
          if (errorCode(error) !== 'EEXIST') return null;
        }
        const holder = holderOf(path);
        if (holder?.run === run) return null;
        if (holder !== null) return holder;
        // A living run may have claimed it since it was read; the shard is then computed twice, with the same
        // bytes.
        tryUnlink(path);
      }
      const holder = holderOf(path);
      return holder === null || holder.run === run ? null : holder;
    },
    release(key) {
      if (taken.delete(key)) tryUnlink(pathOf(key));
    },
    close() {
      clearInterval(heartbeat);
      for (const key of taken) tryUnlink(pathOf(key));
      taken.clear();
      tryUnlink(ownPath);
      closeSync(file);
    },
  };
}

/** When a run that computes something last said that it is there, by the clock of the file system; null if it never did. */
export function heartbeatOf(cacheFolder: string, run: string): number | null {
  try {
    return statSync(`${cacheFolder}/claims/run-${run}`).mtimeMs;
  } catch {
    return null;
  }
}

export interface LiveRuns {
  /** Ids of the runs that compute in this cache at this moment. */
  readonly runs: ReadonlySet<string>;
  /** Keys of the units that they compute. */
  readonly keys: ReadonlySet<string>;
}

/**
 * Who works in a cache at this moment, as far as one look can say. A run on another host counts as alive until its
 * file has not changed for an hour: clocks of hosts differ, and sparing too much is harmless.
 */
export function liveRuns(cacheFolder: string): LiveRuns {
  const folder = `${cacheFolder}/claims`;
  const runs = new Set<string>();
  const keys = new Set<string>();
  for (const name of namesIn(folder)) {
    const holder = readHolder(`${folder}/${name}`);
    if (holder === null || !mayBeAlive(holder, `${folder}/${name}`)) continue;
    runs.add(holder.run);
    if (isDigest(name)) keys.add(name);
  }
  return { runs, keys };
}

const goneMs = 3_600_000;

function mayBeAlive(holder: ClaimHolder, path: string): boolean {
  const running = isRunning(holder);
  if (running !== null) return running;
  const modifiedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return modifiedMs !== undefined && Math.abs(Date.now() - modifiedMs) < goneMs;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function writeIdentity(file: number, identity: ClaimHolder): void {
  try {
    writeSync(file, JSON.stringify(identity), 0);
  } catch {
    // Other runs will consider this one silent, and compute its shards a second time.
  }
}

function readHolder(path: string): ClaimHolder | null {
  try {
    const holder = readJsonFile(path) as Partial<ClaimHolder>;
    return typeof holder.run === 'string' && typeof holder.pid === 'number' ? (holder as ClaimHolder) : null;
  } catch {
    return null;
  }
}
