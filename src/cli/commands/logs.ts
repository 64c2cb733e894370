import { existsSync, readFileSync, watchFile } from 'node:fs';
import { listRuns, logPath } from '../../runtime/run/ledger.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';

/** Prints the log of a cell in the latest run in which it printed anything. */
export async function logs(
  cell: string,
  options: { readonly follow?: boolean; readonly cache?: string },
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const path = listRuns(cacheFolder)
    .map(({ run }) => logPath(cacheFolder, run, cell))
    .findLast((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new UsageError(
      `no run has a log of '${cell}'`,
      "give the whole name, as 'ravelin plan' shows it; a cell that printed nothing has none",
    );
  }
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
