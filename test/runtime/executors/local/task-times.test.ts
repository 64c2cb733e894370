import { expect, test } from 'vitest';
import { TaskTimes } from '../../../../src/runtime/executors/local/task-times.ts';

test('a stage type is short once its tasks take less than 25 ms on average, and not before one has ended', () => {
  const times = new TaskTimes();
  expect(times.isShort('a')).toBe(false);
  times.observe('a', 24);
  expect([times.isShort('a'), times.isShort('b')]).toEqual([true, false]);
  times.observe('a', 30);
  expect(times.isShort('a')).toBe(false);
  times.observe('a', 10);
  expect(times.isShort('a')).toBe(true);
});
