import { expect, it } from 'vitest';
import type { PlannedCell } from '../../../src/runtime/plan/plan.ts';
import { makeTask } from '../../../src/runtime/run/tasks.ts';
import { makeFolder, makeGraph } from '../fixtures/graphs.ts';
import { planGraph } from '../fixtures/run-graph.ts';

it('a task goes to a device if its stage computes there, or takes it with these parameters', async () => {
  const graph = makeGraph(makeFolder(), [{ id: 'photos', uses: 'test/source', with: { limit: 5 } }]);
  const { cells } = await planGraph(graph);
  const planned = cells[0]!;
  const isOnDevice = (change: Partial<PlannedCell['stage']>): boolean => {
    const changed = { ...planned, stage: { ...planned.stage, ...change } };
    const task = makeTask(graph, 1, { planned: changed, unit: planned.units[0]!, shard: 0 }, [], false, null);
    return task.onDevice ?? false;
  };
  const ofLimit = (limit: number) => (params: never) => (params as { limit: number }).limit === limit;
  expect([
    isOnDevice({}),
    isOnDevice({ device: true }),
    isOnDevice({ usesDevice: ofLimit(5) }),
    isOnDevice({ usesDevice: ofLimit(6) }),
  ]).toEqual([false, true, true, false]);
});
