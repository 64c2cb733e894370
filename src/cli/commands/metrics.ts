import { toCsv } from '../../report/csv.ts';
import { didYouMean } from '../../values/nearest.ts';
import { greyLevels, isRadius } from '../../values/readable-number.ts';
import { choiceWords } from '../../dashboard/format.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { findNamedRun } from '../find-named-run.ts';
import { complain, formatColumns, print, printJson } from '../output.ts';
import { type MetricValue, readRunCells, type ScoreColumns, scoreColumns } from '../run-results.ts';

/**
 * Prints axes and numbers side by side, one row per cell, for every cell of a run whose main output is
 * metrics. A pipeline file stands for its latest run.
 */
export async function metrics(
  named: string | undefined,
  options: {
    readonly csv?: boolean;
    readonly json?: boolean;
    readonly columns?: readonly string[];
    readonly cache?: string;
  },
): Promise<ExitCode> {
  const { cacheFolder, info } = findNamedRun(named, options.cache);
  const rows = scoreColumns((await readRunCells(cacheFolder, info.run)).flatMap(({ scores }) => scores));
  const names = chosenColumns(rows, options.columns);
  const choices = choiceWords(info.started?.choices);
  const title = `the run ${info.run} of ${info.started?.pipeline ?? '?'}${choices === '' ? '' : ` (with${choices})`}`;
  if (options.json) printJson(options.columns === undefined ? rows : rows.map((row) => only(row, names)));
  else if (rows.length === 0)
    complain(
      `${title} has no metrics\n  fix: name another run or a pipeline file; 'ravelin runs' lists them`,
    );
  else {
    if (choices !== '') complain(`scores of ${title}`);
    if (options.csv) print(toCsv([names, ...rows.map((row) => names.map((name) => row[name] ?? null))]));
    else print(formatColumns([names, ...rows.map((row) => names.map((name) => format(name, row[name])))]));
  }
  return exitCodes.ok;
}

/** All columns, or those that are asked for, in that order. Throws `UsageError` for one that no row has. */
function chosenColumns(
  rows: readonly ScoreColumns[],
  chosen: readonly string[] | undefined,
): readonly string[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const wrong = rows.length === 0 ? undefined : chosen?.find((name) => !names.includes(name));
  if (wrong !== undefined)
    throw new UsageError(
      `there is no column '${wrong}'${didYouMean(wrong, names)}`,
      `use ${names.join(', ')}`,
    );
  return chosen ?? names;
}

function only(row: ScoreColumns, names: readonly string[]): ScoreColumns {
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
}

function format(name: string, value: MetricValue | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value);
  return (isRadius(name) ? greyLevels(value) : null) ?? value.toPrecision(4);
}
