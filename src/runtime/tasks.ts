import type { Graph } from '../dsl/graph.ts';
import { seedStream } from './digest.ts';
import type { Task, TaskOutcome } from './executor.ts';
import type { PlannedCell } from './plan.ts';
import { chunkOf, unitPreimage } from './units.ts';
import type { BoundInput } from './units.ts';
import type { ReadyUnit } from './waiting-room.ts';

/** A ready unit as a worker gets it. Its key and its inputs must be known. */
export function makeTask(
  graph: Graph,
  id: number,
  { planned, unit, shard }: ReadyUnit,
  inputs: readonly BoundInput[],
  recompute: boolean,
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
