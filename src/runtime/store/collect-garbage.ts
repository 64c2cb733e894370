import { statfsSync } from 'node:fs';
import { temporaryPrefix, tryUnlink } from './durable.ts';
import { listRecords, listStored } from './maintenance.ts';
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
  readonly objects: number;
  readonly freedBytes: number;
  readonly keptBytes: number;
  /** The limits could not be met without removing what the latest runs need. */
  readonly overBytes: number;
}

/** A younger object may belong to a commit under way, because objects are written before their record. */
const youngMs = 3_600_000;

/**
 * Removes commit records by age, then those that are cheapest to compute again per byte until the limits are
 * met, then the objects that no record names. A dry run reports the same and removes nothing.
 */
export function collectGarbage(store: Store, rules: GarbageRules): GarbageReport {
  const now = rules.now ?? Date.now();
  const objects = listStored(store, 'objects');
  const sizes = new Map(objects.map(({ name, bytes }) => [name, bytes]));
  const records = listRecords(store);
  const users = new Map<string, number>();
  for (const { digests } of records)
    for (const digest of new Set(digests)) users.set(digest, (users.get(digest) ?? 0) + 1);

  const removed: { key: string; uses: string; bytes: number; reason: string }[] = [];
  const stored = objects.reduce((sum, { bytes }) => sum + bytes, 0);
  let freed = 0;
  const remove = (record: RecordInfo, reason: string): void => {
    removed.push({ key: record.key, uses: record.uses, bytes: record.bytes, reason });
    for (const digest of new Set(record.digests)) {
      const left = users.get(digest)! - 1;
      users.set(digest, left);
      if (left === 0) freed += sizes.get(digest) ?? 0;
    }
  };

  const free = records.filter(({ key }) => !rules.keep.has(key));
  const aged = free.filter(
    ({ created }) => rules.maxAgeMs !== undefined && now - Date.parse(created) > rules.maxAgeMs,
  );
  aged.forEach((record) => remove(record, `older than ${Math.round(rules.maxAgeMs! / 86_400_000)} days`));

  const diskFree = rules.minFreeBytes === undefined ? 0 : freeBytes(store.folder);
  const excess = (): number =>
    Math.max(stored - freed - (rules.maxBytes ?? Infinity), (rules.minFreeBytes ?? 0) - diskFree - freed, 0);
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
    for (const file of listStored(store, 'actions')) {
      if (file.name.startsWith(temporaryPrefix) && now - file.modifiedMs > youngMs) tryUnlink(file.path);
    }
  }
  return { removed, objects: count, freedBytes: freed, keptBytes: stored - freed, overBytes: excess() };
}

/** Bytes that an ordinary user can still write to the disk of a folder. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
