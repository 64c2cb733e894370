import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { onLoss } from '../../console/write.ts';
import { logPath } from '../../runtime/run/ledger.ts';
import { listRuns } from '../../runtime/run/read-ledger.ts';
import { cacheFolderOf, findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, print, printPart } from '../output.ts';
import { eventsOfRun } from '../run-events.ts';
import { terminal } from '../terminal.ts';

const pollMs = 250;

/** Prints the logs of a cell and of its parts in the latest run in which one of them printed anything. */
export async function logs(
  first: string | undefined,
  second: string | undefined,
  options: { readonly follow?: boolean; readonly cache?: string },
): Promise<ExitCode> {
  const { file, cell } = fileAndCell(first, second);
  const cacheFolder = file === null ? findCacheFolder(options.cache) : cacheFolderOf(file, options.cache);
  const { found, own } = findLogs(cacheFolder, cell, file);
  for (const { part, path } of found) {
    if (part !== cell) print(`${part}:\n${readFileSync(path, 'utf8').replaceAll(/^(?=.)/gm, '  ')}`);
  }
  if (options.follow) return follow(found.find(({ part }) => part === cell)?.path ?? own);
  for (const { part, path } of found) if (part === cell) print(readFileSync(path, 'utf8'));
  if (found.length === 0) complain(`'${cell}' printed nothing`);
  return exitCodes.ok;
}

/** A cell alone, or after a pipeline file. Throws `UsageError` for a file alone, and for nothing. */
function fileAndCell(
  first: string | undefined,
  second: string | undefined,
): { readonly file: string | null; readonly cell: string } {
  if (first !== undefined && second !== undefined) return { file: first, cell: second };
  if (first !== undefined && !/\.ya?ml$/i.test(first)) return { file: null, cell: first };
  throw new UsageError(
    first === undefined ? 'no cell was given' : `no cell was given after ${first}`,
    "name one; 'ravelin dag --expand' lists them",
  );
}

interface CellLogs {
  /** The files that there are, those of the parts first. */
  readonly found: readonly { readonly part: string; readonly path: string }[];
  /** Path of the log of the cell itself, whether the file is there or not. */
  readonly own: string;
}

/**
 * The logs of the latest run in which the cell printed anything; if it never did, those of the latest run that
 * has the cell, which are none yet. With a pipeline file, of its runs alone. Throws `UsageError` if no run has it.
 */
function findLogs(cacheFolder: string, cell: string, file: string | null): CellLogs {
  let latest: CellLogs | undefined;
  const path = file === null ? null : resolve(file);
  for (const { run, started } of listRuns(cacheFolder).reverse()) {
    if (path !== null && started?.file !== path) continue;
    const logs = logsIn(cacheFolder, run, cell);
    if (logs !== null && logs.found.length > 0) return logs;
    latest ??= logs ?? undefined;
  }
  if (latest !== undefined) return latest;
  throw new UsageError(
    `no run${file === null ? '' : ` of ${file}`} has a cell '${cell}'`,
    "give the whole name, as 'ravelin plan' shows it, in quotes",
  );
}

/** The logs of a cell and its parts in a run, the parts first; null if the run does not have the cell. */
function logsIn(cacheFolder: string, run: string, cell: string): CellLogs | null {
  const planned = eventsOfRun(cacheFolder, run, ['cell-planned']);
  const own = planned.find((event) => event.cell === cell);
  if (own === undefined) return null;
  const parts = planned.filter(
    ({ partOf, axes }) =>
      partOf !== undefined &&
      partOf === own.stage &&
      Object.entries(axes).every(([axis, label]) => !(axis in own.axes) || own.axes[axis] === label),
  );
  return {
    found: [...parts.map((event) => event.cell), cell]
      .map((part) => ({ part, path: logPath(cacheFolder, run, part) }))
      .filter(({ path }) => existsSync(path)),
    own: logPath(cacheFolder, run, cell),
  };
}

/** Prints a log as it grows, until Ctrl-C or until nobody reads it any more. */
function follow(path: string): Promise<ExitCode> {
  const decoder = new StringDecoder('utf8');
  let shown = 0;
  const look = (): void => {
    if (!existsSync(path)) return;
    const bytes = readFileSync(path);
    if (bytes.length > shown) printPart(decoder.write(bytes.subarray(shown)));
    shown = bytes.length;
  };
  look();
  const clock = setInterval(look, pollMs);
  return new Promise((done) =>
    onLoss(terminal().stdout, () => {
      clearInterval(clock);
      done(exitCodes.ok);
    }),
  );
}
