import type { AxisLabel } from '../dsl/graph.ts';
import { readLedger } from '../runtime/run/ledger.ts';
import { readValue } from '../runtime/store/read-value.ts';
import type { CommitRecord } from '../runtime/store/record.ts';
import { openStore, type Store } from '../runtime/store/store.ts';
import type { JsonObject } from '../values/json.ts';
import type { MetricsRow } from '../values/metrics.ts';
import { DamageCollector } from './damaged-results.ts';

export type MetricValue = AxisLabel | null;
/** Stage, cell, axes and numbers of one row of scores. */
export type ScoreRow = Readonly<Record<string, MetricValue>>;

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
  for (const event of readLedger(cacheFolder, run)) {
    if (event.type === 'run-started') file = event.file;
    if (event.type === 'cell-planned' && event.partOf === undefined) planned.set(event.cell, event);
    if (event.type === 'cell-finished') finished.set(event.cell, event.keys);
  }
  const damage = new DamageCollector(file);
  const cells: RunCell[] = [];
  for (const [cell, { stage, axes }] of planned) {
    const records = (finished.get(cell) ?? []).map((key) => store.peekRecord(key));
    const rows = records.map((record) => damage.read(cell, () => scoresOf(store, record)));
    const scores = (await Promise.all(rows)).flatMap((found) => found ?? []);
    cells.push({
      cell,
      stage,
      axes,
      recipe: records[0]?.preimage ?? null,
      scores: scores.map((row) => ({ stage, cell, ...axes, ...row.axes, ...row.values })),
    });
  }
  damage.throwIfDamaged();
  return cells;
}

function scoresOf(store: Store, record: CommitRecord | null): readonly MetricsRow[] {
  // Only the first port is the stage's main output; the history of a training, for example, is not.
  const isScores = record !== null && Object.keys(record.outputs)[0] === 'metrics';
  const part = isScores ? record.outputs['metrics']?.[0] : undefined;
  if (part === undefined) return [];
  const value = readValue(store, 'metrics', part.digest);
  return value.kind === 'metrics' ? value.rows : [];
}
