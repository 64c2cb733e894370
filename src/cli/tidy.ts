import { statfsSync, statSync } from 'node:fs';
import { parseBytes } from '../dsl/scalars.ts';
import { keysOfRun, listRuns } from '../runtime/run/ledger.ts';
import { collectGarbage, freeBytes } from '../runtime/store/collect-garbage.ts';
import { writeAtomic } from '../runtime/store/durable.ts';
import { diskUsage } from '../runtime/store/maintenance.ts';
import type { Store } from '../runtime/store/store.ts';
import { complain, formatBytes } from './output.ts';

const dayMs = 86_400_000;
/** Without a word from the user: what nobody has used for so long goes, and a disk is never filled to the brim. */
const maxAgeMs = 90 * dayMs;
const mostFreeBytes = 5 * 2 ** 30;
const freeShare = 0.02;

/**
 * Garbage collection after a run that computed something: at most once a day, or at once where little is free. Results of the latest run of
 * each pipeline and of pinned runs stay. RAVELIN_CACHE_MAX_SIZE=100GiB caps the cache, RAVELIN_CACHE_GC=off switches this off.
 */
export function tidyCache(store: Store): void {
  if (process.env['RAVELIN_CACHE_GC'] === 'off') return;
  const { blocks, bsize } = statfsSync(store.folder);
  const minFreeBytes = Math.min(mostFreeBytes, freeShare * blocks * bsize);
  const stamp = `${store.folder}/collected`;
  const last = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - last < dayMs && freeBytes(store.folder) >= minFreeBytes) return;
  const maxBytes = parseBytes(process.env['RAVELIN_CACHE_MAX_SIZE'] ?? '');
  const { removed, freedBytes } = collectGarbage(store, {
    maxAgeMs,
    minFreeBytes,
    ...(maxBytes !== undefined && { maxBytes }),
    keep: keptKeys(store.folder),
    dryRun: false,
  });
  writeAtomic(stamp, '');
  if (removed.length > 0)
    complain(
      `garbage collection removed ${removed.length} old entries, ${formatBytes(freedBytes)} (docs/cache.md says how to change the limits)`,
    );
}

/** What the latest run of each pipeline and all pinned runs rest on. */
export function keptKeys(cacheFolder: string): ReadonlySet<string> {
  const latest = new Map<string, string>();
  const kept = new Set<string>();
  for (const { run, started, pinned } of listRuns(cacheFolder)) {
    if (started !== null) latest.set(started.file, run);
    if (pinned) kept.add(run);
  }
  for (const run of latest.values()) kept.add(run);
  return new Set([...kept].flatMap((run) => keysOfRun(cacheFolder, run)));
}

/** Says where the space of a full disk went. */
export function explainFullDisk(store: Store): void {
  const { objects, stages } = diskUsage(store);
  complain(
    `the cache ${store.folder} takes ${formatBytes(objects.bytes)}; ${formatBytes(freeBytes(store.folder))} are free on its disk`,
  );
  for (const { uses, bytes, records } of stages.slice(0, 5))
    complain(`  ${formatBytes(bytes).padStart(8)}  ${uses} (${records} entries)`);
  complain(
    "fix: free some space, or 'ravelin cache gc', or --cache DIR on a larger disk; what is committed is kept",
  );
}
