import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAwakeClock, limitTime } from '../../src/timing/awake-time.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const minute = 60_000;
const day = 24 * 60 * minute;

/** A clock that can be moved on without a timer running, as if the process were stopped. */
function stoppable(): { readonly now: () => number; readonly stop: (ms: number) => void } {
  let stoppedMs = 0;
  return { now: () => performance.now() + stoppedMs, stop: (ms) => void (stoppedMs += ms) };
}

describe('a limit of time', () => {
  it.each([0, 1, 250, 9_999, 10_000, 10_001, 30 * minute])(
    'of %d ms ends after them and not before',
    (ms) => {
      const reached = vi.fn();
      limitTime(ms, reached);
      vi.advanceTimersByTime(Math.max(ms - 1, 0));
      expect(reached).toHaveBeenCalledTimes(ms === 0 ? 1 : 0);
      vi.advanceTimersByTime(1);
      expect(reached).toHaveBeenCalledTimes(1);
    },
  );

  it('may be longer than the 24.8 days of a timer', () => {
    const reached = vi.fn();
    limitTime(30 * day, reached);
    vi.advanceTimersByTime(30 * day - 1);
    expect(reached).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(reached).toHaveBeenCalledTimes(1);
  });

  it.each([
    [10 * minute, 60 * minute],
    [6_000, 9_000],
    [6_000, 60 * minute],
    [30 * day, 2 * day],
  ])('of %d ms does not count a stop of %d ms, but for a second', (ms, stopMs) => {
    const { now, stop } = stoppable();
    const reached = vi.fn();
    limitTime(ms, reached, now);
    vi.advanceTimersByTime(ms / 2);
    stop(stopMs);
    vi.advanceTimersByTime(ms / 2 - 1_001);
    expect(reached).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_001);
    expect(reached).toHaveBeenCalledTimes(1);
  });

  it('does not change with the time of day', () => {
    const reached = vi.fn();
    limitTime(minute, reached);
    vi.setSystemTime(Date.now() + 400 * day);
    vi.advanceTimersByTime(minute - 1);
    expect(reached).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(reached).toHaveBeenCalledTimes(1);
  });

  it('can be cancelled at any time', () => {
    const reached = vi.fn();
    const cancel = limitTime(minute, reached);
    vi.advanceTimersByTime(30_000);
    cancel();
    vi.advanceTimersByTime(minute);
    expect(reached).not.toHaveBeenCalled();
  });
});

it('an awake clock counts what passes between two readings, and of a long stop a few seconds', () => {
  const { now, stop } = stoppable();
  const read = createAwakeClock(1_000, now);
  vi.advanceTimersByTime(1_000);
  expect(read()).toBe(1_000);
  stop(15 * minute);
  expect(read()).toBe(3_000);
  expect(read()).toBe(3_000);
});
