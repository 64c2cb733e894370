import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runNow } from '../../src/timing/run-clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('The clock of a run counts milliseconds, whatever is done to the time of day', () => {
  const began = runNow();
  vi.setSystemTime(new Date('2001-01-01'));
  expect(runNow()).toBe(began);
  vi.advanceTimersByTime(1500);
  vi.setSystemTime(new Date('2101-01-01'));
  expect(runNow()).toBe(began + 1500);
});

it('The clock of a run begins at the time of day, in whole milliseconds', () => {
  vi.useRealTimers();
  const now = runNow();
  expect(Number.isSafeInteger(now)).toBe(true);
  // It is of this run of the tests: a clock that begins at 0 is decades away.
  expect(new Date(now).getFullYear()).toBeGreaterThanOrEqual(2024);
});
