import type { Graph } from '../../dsl/graph.ts';
import { gradientBatch } from '../../values/batch-size.ts';
import { seedStream } from '../digest.ts';
import type { Task, TaskOutcome } from '../executor.ts';
import type { PlannedCell } from '../plan/plan.ts';
import { chunkOf, unitPreimage } from '../plan/units.ts';
import type { BoundInput, Unit } from '../plan/units.ts';
import type { ReadyUnit } from './waiting-room.ts';

/** A ready unit as a worker gets it. Its key and its inputs must be known. */
export function makeTask(
  graph: Graph,
  id: number,
  { planned, unit, shard }: ReadyUnit,
  inputs: readonly BoundInput[],
  recompute: boolean,
  batchLimit: number | null,
): Task {
  return {
    id,
    cell: planned.cell.id,
    stage: planned.cell.stage,
    shardIndex: shard,
    uses: planned.cell.uses,
    params: planned.cell.params,
    inputs,
    shard: planned.sharded ? { first: unit.first, count: unit.count } : null,
    images: planned.images,
    chunk: chunkOf(planned),
    seed: seedStream(graph.seed, planned.cell.stage),
    key: unit.key!,
    preimage: unitPreimage(planned, unit, inputs),
    recompute,
    batchLimit,
    resources: planned.settings.resources,
  };
}

/** Whether the settings of a cell want a unit tried again after this. */
export function isRetried(planned: PlannedCell, outcome: TaskOutcome): boolean {
  const { on } = planned.settings.retry;
  if (outcome.type === 'lost') {
    // Who killed a worker is a guess, so either cause will do.
    return outcome.cause !== 'timeout' && (on.includes('crash') || on.includes('out-of-memory'));
  }
  if (outcome.type !== 'failed') return false;
  const { code } = outcome.failure;
  return (code === 'out-of-memory' || code === 'io') && on.includes(code);
}

/** Half of the batch that was too much; null where memory was not the cause or nothing is left to halve. */
export function smallerBatch(unit: Unit, outcome: TaskOutcome, limit: number | null): number | null {
  let batch: number | undefined;
  if (outcome.type === 'failed' && outcome.failure.code === 'out-of-memory') batch = outcome.failure.batch;
  // A worker that the system killed could not say.
  else if (outcome.type === 'lost' && outcome.cause === 'out-of-memory')
    batch = limit ?? Math.min(unit.count, gradientBatch.rows);
  return batch === undefined || batch <= 1 ? null : Math.floor(batch / 2);
}
