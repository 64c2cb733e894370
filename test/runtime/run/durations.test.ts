import { expect, test } from 'vitest';
import { createDurations } from '../../../src/runtime/run/durations.ts';
import type { PlannedCell } from '../../../src/runtime/plan/plan.ts';

const cell = (index: number, stage: string): PlannedCell =>
  ({ index, cell: { stage } }) as unknown as PlannedCell;

test('units are put into classes by the mean of their cell, or of their stage where none has run', () => {
  const durations = createDurations();
  const [fast, slow, other] = [cell(0, 'attack'), cell(1, 'attack'), cell(2, 'attack')];
  expect(durations.classOf(slow)).toBe(0);
  durations.observe(fast, 1);
  durations.observe(slow, 19);
  durations.observe(slow, 21);
  expect([fast, slow, other].map((planned) => durations.classOf(planned))).toEqual([0, 2, 2]);
  expect(durations.classOf(cell(3, 'scores'))).toBe(0);
});

test.each([
  [2, 0],
  [2.1, 1],
  [8, 1],
  [8.1, 2],
  [1e9, 7],
])('a mean of %d s is of class %d', (seconds, expected) => {
  const durations = createDurations();
  durations.observe(cell(0, 'attack'), seconds);
  expect(durations.classOf(cell(0, 'attack'))).toBe(expected);
});
