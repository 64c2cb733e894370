import { formatMetric } from '../dashboard/format.ts';
import type { AxisLabel } from '../dsl/graph.ts';
import { DamagedObjectError } from '../runtime/store/errors.ts';
import { readValue } from '../runtime/store/read-value.ts';
import type { Outputs } from '../runtime/store/record.ts';
import { openStore, type Store } from '../runtime/store/store.ts';
import { axisColumn, joinAxes } from '../report/rows.ts';
import type { JsonObject } from '../values/json.ts';
import { readableLabel } from '../values/readable-number.ts';
import { DamageCollector } from './damaged-results.ts';
import { complain } from './output.ts';
import { eventsOfRun } from './run-events.ts';

export type MetricValue = AxisLabel | null;
/** Columns of one row of scores, side by side: stage, cell, axes and numbers. */
export type ScoreColumns = Readonly<Record<string, MetricValue>>;

/** One row of the scores of a cell. */
export interface ScoreRow {
  readonly stage: string;
  readonly cell: string;
  /** The axes inside the scores, such as the strength of a curve, beside those of the cell. */
  readonly inner: Readonly<Record<string, AxisLabel>>;
  /** All axes, those of the cell first. */
  readonly axes: Readonly<Record<string, AxisLabel>>;
  readonly values: Readonly<Record<string, number | null>>;
}

/**
 * The rows with one column for each axis and number. An axis that is called as a number of any row (`linf`), or as the
 * columns `stage` and `cell`, is the column `axes.linf`.
 */
export function scoreColumns(rows: readonly ScoreRow[]): readonly ScoreColumns[] {
  const taken = new Set(['stage', 'cell', ...rows.flatMap(({ values }) => Object.keys(values))]);
  return rows.map(({ stage, cell, axes, values }) => ({
    stage,
    cell,
    ...Object.fromEntries(Object.entries(axes).map(([axis, label]) => [axisColumn(axis, taken), label])),
    ...values,
  }));
}

/** A row in short: its cell with the axes inside the scores, and its accuracy or first number. */
export function shortScore({ cell, inner, values }: ScoreRow): [name: string, number: string] {
  const labels = Object.entries(inner).map(([axis, label]) => `${axis}=${readableLabel(label)}`);
  return [[cell, ...labels].join(' '), firstNumber(values)];
}

/** The accuracy of a row as text, or its first number if it has none; empty if it has no number. */
function firstNumber(values: ScoreRow['values']): string {
  const numbers = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null);
  const shown = numbers.find(([name]) => name === 'accuracy') ?? numbers[0];
  return shown === undefined ? '' : formatMetric(...shown);
}

/** Results of a run as far as the cache still has them, in the order of the pipeline, without parts of cells. */
export interface RunCell {
  readonly cell: string;
  readonly stage: string;
  readonly axes: Readonly<Record<string, AxisLabel>>;
  /** Recipe of its first shard; null if the cell did not finish, or its record is gone. */
  readonly recipe: JsonObject | null;
  readonly scores: readonly ScoreRow[];
}

/** Rejects with `DamagedResultsError` if the scores of some cells are damaged. */
export async function readRunCells(cacheFolder: string, run: string): Promise<readonly RunCell[]> {
  const store = openStore(cacheFolder);
  const planned = new Map<string, { readonly stage: string; readonly axes: RunCell['axes'] }>();
  const finished = new Map<string, readonly string[]>();
  let file = '';
  for (const event of eventsOfRun(cacheFolder, run, ['run-started', 'cell-planned', 'cell-finished'])) {
    if (event.type === 'run-started') file = event.file;
    if (event.type === 'cell-planned' && event.partOf === undefined) planned.set(event.cell, event);
    if (event.type === 'cell-finished') finished.set(event.cell, event.keys);
  }
  const damage = new DamageCollector(file);
  const cells: RunCell[] = [];
  for (const [cell, { stage, axes }] of planned) {
    const records = (finished.get(cell) ?? []).map((key) => store.peekRecord(key));
    const outputs = records.flatMap((record) => (record === null ? [] : [record.outputs]));
    const scores = await damage.read(cell, () => readScores(store, { id: cell, stage, axes }, outputs));
    cells.push({ cell, stage, axes, recipe: records[0]?.preimage ?? null, scores: scores ?? [] });
  }
  damage.throwIfDamaged();
  return cells;
}

interface ScoredCell {
  readonly id: string;
  readonly stage: string;
  readonly axes: RunCell['axes'];
}

/** The rows of scores that a cell with these outputs has. A damaged object is a warning, and has none. */
export function scoresOf(store: Store, cell: ScoredCell, units: readonly Outputs[]): readonly ScoreRow[] {
  try {
    return readScores(store, cell, units);
  } catch (error) {
    if (!(error instanceof DamagedObjectError)) throw error;
    complain(`warning: the scores of ${cell.id} are left out: ${error.message}`);
    return [];
  }
}

/** Throws `DamagedObjectError`. */
function readScores(
  store: Store,
  { id, stage, axes }: ScoredCell,
  units: readonly Outputs[],
): readonly ScoreRow[] {
  return units.flatMap((outputs) => {
    // Only the first port is the stage's main output; the history of a training, for example, is not.
    const part = Object.keys(outputs)[0] === 'metrics' ? outputs['metrics']?.[0] : undefined;
    if (part === undefined) return [];
    const value = readValue(store, 'metrics', part.digest);
    if (value.kind !== 'metrics') return [];
    const joined = joinAxes(axes, value.rows);
    return value.rows.map((row, index) => ({
      stage,
      cell: id,
      inner: row.axes,
      axes: joined[index]!,
      values: row.values,
    }));
  });
}
