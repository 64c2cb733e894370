import { statfsSync, statSync } from 'node:fs';
import { parseBytes } from '../dsl/text/scalars.ts';
import { keysOfRun, listRuns } from '../runtime/run/read-ledger.ts';
import { liveRuns } from '../runtime/store/claims.ts';
import { collectGarbage, freeBytes } from '../runtime/store/collect-garbage.ts';
import { writeSideMemory } from '../runtime/store/durable.ts';
import { diskUsage } from '../runtime/store/maintenance.ts';
import type { Store } from '../runtime/store/store.ts';
import { complain, formatBytes } from './output.ts';

const dayMs = 86_400_000;
/** Defaults: entries unused for this long are removed, and a part of the disk is always left free. */
const maxAgeMs = 90 * dayMs;
const mostFreeBytes = 5 * 2 ** 30;
const freeShare = 0.02;

/**
 * Collects garbage after a run that computed something, at most once a day, or at once if the disk is nearly
 * full. Results of the latest run of each pipeline and of pinned runs are kept. RAVELIN_CACHE_MAX_SIZE=100GiB
 * limits the cache, and RAVELIN_CACHE_GC=off disables this.
 */
export function tidyCache(store: Store): void {
  if (process.env['RAVELIN_CACHE_GC'] === 'off') return;
  // The run is over, and how it ended does not depend on what follows.
  try {
    collect(store);
  } catch (error) {
    complain(
      `warning: the cache was not tidied up: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function collect(store: Store): void {
  const { blocks, bsize } = statfsSync(store.folder);
  const minFreeBytes = Math.min(mostFreeBytes, freeShare * blocks * bsize);
  const stamp = `${store.folder}/collected`;
  const last = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // A stamp of the future is one of a clock that was wrong.
  if (Math.abs(Date.now() - last) < dayMs && freeBytes(store.folder) >= minFreeBytes) return;
  // It is written first, so that what fails is not tried again by every run.
  writeSideMemory(stamp, '');
  const maxBytes = parseBytes(process.env['RAVELIN_CACHE_MAX_SIZE'] ?? '');
  const { removed, freedBytes } = collectGarbage(store, {
    maxAgeMs,
    minFreeBytes,
    ...(maxBytes !== undefined && { maxBytes }),
    keep: keptKeys(store.folder),
    dryRun: false,
    now: clockOf(stamp),
  });
  if (removed.length > 0)
    complain(
      `garbage collection removed ${removed.length} old entries, ${formatBytes(freedBytes)} (docs/cache.md explains how to change the limits)`,
    );
}

/**
 * The time by the clock of the file system, which wrote the file just now. Ages are counted by it if it is earlier than
 * the clock of this process: that may be another host's, or wrong, and what is old is removed.
 */
function clockOf(stamp: string): number {
  return Math.min(Date.now(), statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
}

/**
 * Keys that the latest run of each pipeline, all pinned runs and all runs at work depend on. Throws `StoreError` if a ledger of these
 * cannot be read, because what it names would then be removed.
 */
export function keptKeys(cacheFolder: string): ReadonlySet<string> {
  const live = liveRuns(cacheFolder).runs;
  const latest = new Map<string, string>();
  const kept = new Set<string>();
  for (const { run, started, pinned } of listRuns(cacheFolder)) {
    if (started !== null) latest.set(started.file, run);
    if (pinned || live.has(run)) kept.add(run);
  }
  for (const run of latest.values()) kept.add(run);
  return new Set([...kept].flatMap((run) => keysOfRun(cacheFolder, run)));
}

/** Reports what takes the space of a full disk. The run has failed by then, and this never fails it in another way. */
export function explainFullDisk(store: Store): void {
  try {
    explainSpace(store);
  } catch (error) {
    complain(
      `warning: could not find out what takes the space: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function explainSpace(store: Store): void {
  const { objects, checkpoints, stages } = diskUsage(store);
  complain(
    `the cache ${store.folder} takes ${formatBytes(objects.bytes + checkpoints.bytes)}; ${formatBytes(freeBytes(store.folder))} are free on its disk`,
  );
  for (const { uses, bytes, records } of stages.slice(0, 5))
    complain(`  ${formatBytes(bytes).padStart(8)}  ${uses} (${records} entries)`);
  if (checkpoints.count > 0)
    complain(
      `  ${formatBytes(checkpoints.bytes).padStart(8)}  checkpoints of unfinished trainings (${checkpoints.count})`,
    );
  complain(
    "fix: free some space, run 'ravelin cache gc', or give --cache DIR on a larger disk; committed results are kept",
  );
}
