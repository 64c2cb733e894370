import { parseBytes, parseDuration } from '../../dsl/text/scalars.ts';
import { collectGarbage, freeBytes } from '../../runtime/store/collect-garbage.ts';
import { diskUsage, listRecords, verifyStore } from '../../runtime/store/maintenance.ts';
import { openStore, type Store } from '../../runtime/store/store.ts';
import { monotonicNow } from '../../timing/awake-time.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, formatBytes, formatColumns, print, printJson } from '../output.ts';
import { keptKeys } from '../tidy.ts';

interface Options {
  readonly json?: boolean;
  readonly cache?: string;
}

function open(options: Options): Store {
  return openStore(findCacheFolder(options.cache), (message) => complain(`warning: ${message}`));
}

export function cacheUsage(options: Options): ExitCode {
  const store = open(options);
  const usage = diskUsage(store);
  const free = freeBytes(store.folder);
  if (options.json) {
    printJson({ folder: store.folder, ...usage, freeBytes: free });
    return exitCodes.ok;
  }
  const { objects, records, checkpoints, quarantine, stages } = usage;
  print(
    formatColumns([
      ['folder', store.folder],
      ['objects', `${objects.count}, ${formatBytes(objects.bytes)}`],
      ['records', `${records.count}, ${formatBytes(records.bytes)}`],
      ['checkpoints', `${checkpoints.count}, ${formatBytes(checkpoints.bytes)}`],
      ['quarantine', `${quarantine.count}, ${formatBytes(quarantine.bytes)}`],
      ['disk', `${formatBytes(free)} free`],
    ]),
  );
  if (stages.length === 0) return exitCodes.ok;
  const rows = stages.map(({ uses, records: count, bytes, seconds }) => [
    uses,
    String(count),
    formatBytes(bytes),
    `${seconds.toFixed(1)} s`,
  ]);
  print(`\n${formatColumns([['stage', 'entries', 'size', 'compute'], ...rows])}`);
  return exitCodes.ok;
}

export function cacheList(options: Options): ExitCode {
  const records = listRecords(open(options));
  if (options.json) printJson(records);
  else if (records.length === 0) print('the cache is empty');
  else {
    print(
      formatColumns(
        records.map(({ key, uses, created, seconds, bytes }) => [
          key.slice(0, 12),
          created,
          uses,
          formatBytes(bytes),
          `${seconds.toFixed(2)} s`,
        ]),
      ),
    );
  }
  return exitCodes.ok;
}

export function cacheVerify(options: Options): ExitCode {
  let shown = monotonicNow();
  const result = verifyStore(open(options), (done, total) => {
    if (monotonicNow() - shown < 1_000) return;
    shown = monotonicNow();
    complain(`${done} of ${total} objects`);
  });
  const { objects, bytes, records, checkpoints } = result;
  const { damagedObjects, damagedRecords, damagedCheckpoints, incomplete } = result;
  const damaged = damagedObjects.length + damagedRecords.length + damagedCheckpoints.length;
  if (options.json) printJson(result);
  else {
    print(
      `${objects} objects (${formatBytes(bytes)}), ${records} records and ${checkpoints} checkpoints read: ${damaged === 0 ? 'all intact' : `${damaged} damaged`}`,
    );
    for (const digest of damagedObjects) print(`damaged object ${digest}: moved to quarantine`);
    for (const key of damagedRecords) print(`damaged record ${key}: moved to quarantine`);
    for (const key of damagedCheckpoints)
      print(`damaged checkpoint of ${key}: moved to quarantine; its unit starts again`);
    if (incomplete.length > 0)
      print(`${incomplete.length} entries lack an object; they are recomputed when needed`);
  }
  return damaged === 0 ? exitCodes.ok : exitCodes.storage;
}

export function cacheCollect(
  options: Options & { readonly olderThan: string; readonly maxSize?: string; readonly dryRun?: boolean },
): ExitCode {
  const store = open(options);
  const maxAgeMs = parseDuration(options.olderThan);
  if (maxAgeMs === undefined)
    throw new UsageError(`'${options.olderThan}' is not a duration`, 'write 30d, 12h or 90m');
  const maxBytes = options.maxSize === undefined ? undefined : parseBytes(options.maxSize);
  if (options.maxSize !== undefined && maxBytes === undefined) {
    throw new UsageError(`'${options.maxSize}' is not a size`, 'write 20GiB or 500MiB');
  }
  const report = collectGarbage(store, {
    maxAgeMs,
    ...(maxBytes !== undefined && { maxBytes }),
    keep: keptKeys(store.folder),
    dryRun: options.dryRun === true,
  });
  if (options.json) {
    printJson(report);
    return exitCodes.ok;
  }
  for (const { key, uses, bytes, reason } of report.removed)
    print(`${key.slice(0, 12)}  ${uses}  ${formatBytes(bytes)}  ${reason}`);
  for (const { name, bytes, reason } of report.checkpoints)
    print(`${name.slice(0, 12)}  checkpoint  ${formatBytes(bytes)}  ${reason}`);
  const verb = options.dryRun ? 'would remove' : 'removed';
  print(
    `${verb} ${report.removed.length} entries, ${report.objects} objects and ${report.checkpoints.length} checkpoints, ${formatBytes(report.freedBytes)}; ${formatBytes(report.keptBytes)} are kept`,
  );
  if (report.overBytes > 0)
    print(
      `still ${formatBytes(report.overBytes)} over the limit, because the rest belongs to the latest run of a pipeline, to pinned runs or to runs at work`,
    );
  return exitCodes.ok;
}
