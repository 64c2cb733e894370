import { statfsSync } from 'node:fs';
import { keyOfCheckpoint } from './checkpoints.ts';
import { liveRuns, type LiveRuns } from './claims.ts';
import { temporaryPrefix, tryUnlink } from './durable.ts';
import { listStored, type StoredFile } from './list-stored.ts';
import { listRecords } from './maintenance.ts';
import type { RecordInfo } from './maintenance.ts';
import type { Store } from './store.ts';

export interface GarbageRules {
  /** Records that are older than this and not in `keep` are removed. */
  readonly maxAgeMs?: number;
  /** The most that all objects together may take. */
  readonly maxBytes?: number;
  /** Space that has to stay free on the disk. */
  readonly minFreeBytes?: number;
  /** Keys of the latest and of pinned runs: never removed. */
  readonly keep: ReadonlySet<string>;
  /** Keys whose records are removed whatever their age. */
  readonly remove?: ReadonlySet<string>;
  readonly dryRun: boolean;
  readonly now?: number;
}

export interface GarbageReport {
  readonly removed: readonly {
    readonly key: string;
    readonly uses: string;
    readonly bytes: number;
    readonly reason: string;
  }[];
  /** States of units that have not ended; `name` is that of the file, which begins with the key of the unit. */
  readonly checkpoints: readonly { readonly name: string; readonly bytes: number; readonly reason: string }[];
  readonly objects: number;
  readonly freedBytes: number;
  readonly keptBytes: number;
  /** The limits could not be met without removing what the latest runs need. */
  readonly overBytes: number;
}

/** A younger object may belong to a commit under way, because objects are written before their record. */
const youngMs = 3_600_000;

/** A limit on the size spares younger checkpoints: whoever interrupted a long training may want to go on. */
const resumableMs = 7 * 86_400_000;

/**
 * Removes commit records and checkpoints by age, then old checkpoints and the records that are cheapest to compute
 * again per byte until the limits are met, then the objects that no record names. While other runs are at work, what
 * was committed in the last hour stays. A dry run reports the same and removes nothing.
 */
export function collectGarbage(store: Store, rules: GarbageRules): GarbageReport {
  const now = rules.now ?? Date.now();
  const live = liveRuns(store.folder);
  const objects = listStored(store, 'objects');
  const sizes = new Map(objects.map(({ name, bytes }) => [name, bytes]));
  const records = listRecords(store);
  const states = listStored(store, 'checkpoints');
  const users = new Map<string, number>();
  for (const { digests } of records)
    for (const digest of new Set(digests)) users.set(digest, (users.get(digest) ?? 0) + 1);

  const removed: { key: string; uses: string; bytes: number; reason: string }[] = [];
  const stored = [...objects, ...states].reduce((sum, { bytes }) => sum + bytes, 0);
  let freed = 0;
  const remove = (record: RecordInfo, reason: string): void => {
    removed.push({ key: record.key, uses: record.uses, bytes: record.bytes, reason });
    for (const digest of new Set(record.digests)) {
      const left = users.get(digest)! - 1;
      users.set(digest, left);
      if (left === 0) freed += sizes.get(digest) ?? 0;
    }
  };
  const diskFree = rules.minFreeBytes === undefined ? 0 : freeBytes(store.folder);
  const excess = (): number =>
    Math.max(stored - freed - (rules.maxBytes ?? Infinity), (rules.minFreeBytes ?? 0) - diskFree - freed, 0);

  const isOld = (time: number): boolean => rules.maxAgeMs !== undefined && now - time > rules.maxAgeMs;
  const oldReason = `older than ${Math.round((rules.maxAgeMs ?? 0) / 86_400_000)} days`;
  const free = records.filter((record) => !rules.keep.has(record.key) && !isInUse(record, live, now));
  const isNamed = ({ key }: RecordInfo): boolean => rules.remove?.has(key) === true;
  const aged = free.filter((record) => isNamed(record) || isOld(Date.parse(record.created)));
  aged.forEach((record) => remove(record, isNamed(record) ? 'no longer wanted' : oldReason));

  const committed = new Set(records.map(({ key }) => key));
  const checkpoints = new Map<StoredFile, string>();
  const drop = (state: StoredFile, reason: string): void => {
    checkpoints.set(state, reason);
    freed += state.bytes;
  };
  for (const state of states) {
    const key = keyOfCheckpoint(state.name);
    if (key !== null && live.keys.has(key)) continue;
    if (isOld(state.modifiedMs)) drop(state, oldReason);
    else if (now - state.modifiedMs <= youngMs) continue;
    else if (state.name.startsWith(temporaryPrefix)) drop(state, 'left by a process that was killed');
    else if (key !== null && committed.has(key)) drop(state, 'its unit has been computed');
    else if (now - state.modifiedMs > resumableMs && excess() > 0)
      drop(state, 'over the size limit, and not used for a week');
  }

  const gone = new Set(aged);
  const cheapest = free
    .filter((record) => !gone.has(record))
    .sort((a, b) => a.seconds / Math.max(a.bytes, 1) - b.seconds / Math.max(b.bytes, 1));
  for (const record of cheapest) {
    if (excess() === 0) break;
    remove(record, 'over the size limit, and the cheapest to compute again per byte');
  }

  // Records are removed first: an object without a record is garbage, but a record without its object is a
  // miss.
  if (!rules.dryRun) removed.forEach(({ key }) => tryUnlink(store.recordPath(key)));
  let count = 0;
  for (const object of objects) {
    const isUnused = (users.get(object.name) ?? 0) === 0;
    const wasUsed = users.has(object.name);
    if (!isUnused || (!wasUsed && now - object.modifiedMs < youngMs)) continue;
    if (!wasUsed) freed += object.bytes;
    count++;
    if (!rules.dryRun) tryUnlink(object.path);
  }
  if (!rules.dryRun) {
    for (const { path } of checkpoints.keys()) tryUnlink(path);
    for (const file of listStored(store, 'actions')) {
      if (file.name.startsWith(temporaryPrefix) && now - file.modifiedMs > youngMs) tryUnlink(file.path);
    }
  }
  return {
    removed,
    checkpoints: [...checkpoints].map(([{ name, bytes }, reason]) => ({ name, bytes, reason })),
    objects: count,
    freedBytes: freed,
    keptBytes: stored - freed,
    overBytes: excess(),
  };
}

/**
 * A run at work reads what it has committed, which its ledger may not say yet. So while there is one, everybody's
 * records of the last hour stay; what it reads besides is in `keep`, or is computed again if it is missed.
 */
function isInUse({ key, created }: RecordInfo, { runs, keys }: LiveRuns, now: number): boolean {
  return keys.has(key) || (runs.size > 0 && Math.abs(now - Date.parse(created)) < youngMs);
}

/** Bytes that an ordinary user can still write to the disk of a folder. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
