import { toCsv } from '../../report/csv.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { complain, formatColumns, print, printJson } from '../output.ts';
import { readRunCells, type MetricValue } from '../run-results.ts';

/**
 * Prints axes and numbers side by side, one row per cell, for every cell of a run whose main output is
 * metrics.
 */
export function metrics(
  id: string | undefined,
  options: { readonly csv?: boolean; readonly json?: boolean; readonly cache?: string },
): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  const rows = readRunCells(cacheFolder, findRun(cacheFolder, id).run).flatMap(({ scores }) => scores);
  if (options.json) printJson(rows);
  else if (rows.length === 0) complain('this run has no metrics');
  else {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    if (options.csv) print(toCsv([names, ...rows.map((row) => names.map((name) => row[name] ?? null))]));
    else print(formatColumns([names, ...rows.map((row) => names.map((name) => format(row[name])))]));
  }
  return exitCodes.ok;
}

function format(value: MetricValue | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'number' && !Number.isInteger(value)
    ? value.toPrecision(4)
    : String(value);
}
