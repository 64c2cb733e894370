import { expect, test } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import type { PlannedCell } from '../../../src/runtime/plan/plan.ts';
import { createDurations } from '../../../src/runtime/run/durations.ts';
import { openPriority } from '../../../src/runtime/run/priority.ts';

const stages = ['photos', 'attack', 'scores'].map((id) => ({ id })) as unknown as Graph['stages'];
const cell = (stage: string, index: number, sharded = true): PlannedCell =>
  ({ index, sharded, cell: { stage } }) as unknown as PlannedCell;

test('units go by kind, then duration, then distance to the end, then cell and shard', () => {
  const durations = createDurations();
  const priorityOf = openPriority(stages, durations);
  const [whole, photos, attack, slow, scores] = [
    cell('photos', 0, false),
    cell('photos', 1),
    cell('attack', 2),
    cell('attack', 3),
    cell('scores', 4),
  ];
  durations.observe(whole, 1e6);
  durations.observe(attack, 1);
  durations.observe(slow, 600);
  durations.observe(photos, 1);
  const ordered: readonly (readonly [PlannedCell, number])[] = [
    [whole, 0],
    [scores, 0],
    [scores, 9_999],
    [attack, 0],
    [attack, 1],
    [photos, 0],
    [slow, 0],
  ];
  const priorities = ordered.map(([planned, shard]) => priorityOf(planned, shard));
  expect(priorities).toEqual([...priorities].sort((a, b) => a - b));
  expect(new Set(priorities).size).toBe(priorities.length);
});
