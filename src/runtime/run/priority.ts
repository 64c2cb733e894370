import type { Graph } from '../../dsl/graph.ts';
import type { PlannedCell } from '../plan/plan.ts';
import type { Durations } from './durations.ts';

/** The position of a unit among those that can run: smaller numbers go first. */
export type Priority = (planned: PlannedCell, shard: number) => number;

/**
 * Whole units go first, because one worker has to do each of them alone and they are the long ones. Quick
 * units follow, so that first results, and errors in them, are seen before hours of attacks. Then the stage
 * nearest to the end.
 */
export function openPriority(stages: Graph['stages'], durations: Durations): Priority {
  const positions = new Map(stages.map((stage, position) => [stage.id, position]));
  return (planned, shard) => {
    const fromEnd = stages.length - (positions.get(planned.cell.stage) ?? 0);
    const group = planned.sharded ? 1 + durations.classOf(planned) : 0;
    return group * 1e15 + fromEnd * 1e10 + planned.index * 1e4 + shard;
  };
}
