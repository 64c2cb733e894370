import type { AxisLabel } from '../../dsl/graph.ts';
import { toCsv } from '../../report/csv.ts';
import { readLedger } from '../../runtime/ledger.ts';
import { openStore } from '../../runtime/store/store.ts';
import { decodeValue } from '../../values/codec.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { complain, formatColumns, print, printJson } from '../output.ts';

type MetricValue = AxisLabel | null;
type Row = Readonly<Record<string, MetricValue>>;

/** Axes and numbers side by side, one row a cell, for every cell of a run whose main output is metrics. */
export function metrics(
  id: string | undefined,
  options: { readonly csv?: boolean; readonly json?: boolean; readonly cache?: string },
): ExitCode {
  const cacheFolder = findCacheFolder(options.cache);
  const rows = readRows(cacheFolder, findRun(cacheFolder, id).run);
  if (options.json) printJson(rows);
  else if (rows.length === 0) complain('this run has no metrics');
  else {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const cells = rows.map((row) => names.map((name) => format(row[name], options.csv === true)));
    if (options.csv) print(toCsv([names, ...cells]));
    else print(formatColumns([names, ...cells]));
  }
  return exitCodes.ok;
}

function readRows(cacheFolder: string, run: string): Row[] {
  const store = openStore(cacheFolder);
  const planned = new Map<
    string,
    { readonly stage: string; readonly axes: Readonly<Record<string, AxisLabel>> }
  >();
  const rows: Row[] = [];
  const finished = new Map<string, readonly string[]>();
  for (const event of readLedger(cacheFolder, run)) {
    if (event.type === 'cell-planned') planned.set(event.cell, event);
    if (event.type === 'cell-finished') finished.set(event.cell, event.keys);
  }
  // In the order of the pipeline, whatever the order in which cells finished.
  for (const [cell, { stage, axes }] of planned) {
    for (const key of finished.get(cell) ?? []) {
      const outputs = store.peekRecord(key)?.outputs;
      // The first port is the stage's main output; the history of a training, say, is not.
      const part = outputs && Object.keys(outputs)[0] === 'metrics' ? outputs['metrics']?.[0] : undefined;
      if (part === undefined) continue;
      const value = decodeValue('metrics', store.readObject(part.digest));
      if (value.kind !== 'metrics') continue;
      for (const row of value.rows) rows.push({ stage, cell, ...axes, ...row.axes, ...row.values });
    }
  }
  return rows;
}

function format(value: MetricValue | undefined, exact: boolean): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'number' && !exact && !Number.isInteger(value)
    ? value.toPrecision(4)
    : String(value);
}
