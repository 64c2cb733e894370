import type { Graph } from '../../dsl/graph.ts';
import { seedStream } from '../digest.ts';
import type { Task } from '../executor.ts';
import { chunkOf, rangeOf, unitPreimage } from '../plan/units.ts';
import type { BoundInput } from '../plan/units.ts';
import type { ReadyUnit } from './schedule.ts';

/** Writes down a ready unit as the task that a worker gets. */
export function makeTask(
  graph: Pick<Graph, 'seed'>,
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
    ...(computesOnDevice(planned) && { onDevice: true }),
    params: planned.cell.params,
    inputs,
    shard: planned.sharded ? { first: unit.first, count: unit.count } : null,
    images: planned.images,
    chunk: chunkOf(planned),
    seed: seedStream(graph.seed, { ...planned.cell, uses: planned.stage.partOf ?? planned.cell.uses }),
    key: unit.key!,
    preimage: unitPreimage(planned, unit, inputs),
    files: planned.files(...rangeOf(planned, unit)),
    recompute,
    batchLimit,
    resources: planned.settings.resources,
  };
}

function computesOnDevice({ stage, cell }: ReadyUnit['planned']): boolean {
  return stage.device || stage.usesDevice?.(cell.params as never) === true;
}
