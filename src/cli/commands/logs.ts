import { existsSync, readFileSync, watchFile } from 'node:fs';
import { logPath } from '../../runtime/run/ledger.ts';
import { listRuns } from '../../runtime/run/read-ledger.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';
import { eventsOfRun } from '../run-events.ts';

/** Prints the logs of a cell and of its parts in the latest run in which one of them printed anything. */
export async function logs(
  cell: string,
  options: { readonly follow?: boolean; readonly cache?: string },
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const found = latestLogs(cacheFolder, cell);
  if (found === undefined) {
    throw new UsageError(
      `no run has a log of '${cell}'`,
      "give the whole name, as 'ravelin plan' shows it; a cell that printed nothing has none",
    );
  }
  for (const { part, path } of found) {
    if (part !== cell) print(`${part}:\n${readFileSync(path, 'utf8').replaceAll(/^(?=.)/gm, '  ')}`);
  }
  const path = found.find(({ part }) => part === cell)?.path;
  if (path === undefined) return exitCodes.ok;
  let shown = readFileSync(path);
  if (shown.length > 0) print(shown.toString('utf8'));
  if (!options.follow) return exitCodes.ok;
  watchFile(path, { interval: 250 }, () => {
    const next = readFileSync(path);
    if (next.length > shown.length) process.stdout.write(next.subarray(shown.length));
    shown = next;
  });
  return new Promise(() => undefined);
}

/** The logs in the latest run that has any. Ledgers of earlier runs are not read. */
function latestLogs(cacheFolder: string, cell: string): ReturnType<typeof logsIn> | undefined {
  for (const { run } of listRuns(cacheFolder).reverse()) {
    const logs = logsIn(cacheFolder, run, cell);
    if (logs.length > 0) return logs;
  }
  return undefined;
}

/** The logs of a cell and its parts in a run, the parts first. */
function logsIn(
  cacheFolder: string,
  run: string,
  cell: string,
): readonly { readonly part: string; readonly path: string }[] {
  const planned = eventsOfRun(cacheFolder, run, ['cell-planned']);
  const own = planned.find((event) => event.cell === cell);
  const parts = planned.filter(
    ({ partOf, axes }) =>
      partOf !== undefined &&
      partOf === own?.stage &&
      Object.entries(axes).every(([axis, label]) => !(axis in own.axes) || own.axes[axis] === label),
  );
  return [...parts.map((event) => event.cell), cell]
    .map((part) => ({ part, path: logPath(cacheFolder, run, part) }))
    .filter(({ path }) => existsSync(path));
}
