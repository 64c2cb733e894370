import type { AxisLabel } from '../dsl/graph.ts';
import { readLedger } from '../runtime/run/ledger.ts';
import { openStore } from '../runtime/store/store.ts';
import { decodeValue } from '../values/codec.ts';
import type { JsonObject } from '../values/json.ts';

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

export function readRunCells(cacheFolder: string, run: string): readonly RunCell[] {
  const store = openStore(cacheFolder);
  const planned = new Map<string, { readonly stage: string; readonly axes: RunCell['axes'] }>();
  const finished = new Map<string, readonly string[]>();
  for (const event of readLedger(cacheFolder, run)) {
    if (event.type === 'cell-planned' && event.partOf === undefined) planned.set(event.cell, event);
    if (event.type === 'cell-finished') finished.set(event.cell, event.keys);
  }
  return [...planned].map(([cell, { stage, axes }]) => {
    const records = (finished.get(cell) ?? []).map((key) => store.peekRecord(key));
    const scores: ScoreRow[] = [];
    for (const record of records) {
      // Only the first port is the stage's main output; the history of a training, for example, is not.
      const isScores = record !== null && Object.keys(record.outputs)[0] === 'metrics';
      const part = isScores ? record.outputs['metrics']?.[0] : undefined;
      if (part === undefined) continue;
      const value = decodeValue('metrics', store.readObject(part.digest));
      if (value.kind !== 'metrics') continue;
      for (const row of value.rows) scores.push({ stage, cell, ...axes, ...row.axes, ...row.values });
    }
    return { cell, stage, axes, recipe: records[0]?.preimage ?? null, scores };
  });
}
