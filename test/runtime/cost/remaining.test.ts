import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lowerBound, secondsUntilEnd, type OpenCell } from '../../../src/runtime/cost/remaining.ts';

const cell = (
  units: number,
  seconds: number,
  after: readonly number[] = [],
  running: readonly number[] = [],
): OpenCell => ({
  units,
  seconds,
  after,
  running,
});

describe('the seconds until the end of a run', () => {
  test('are the work over the workers, if nothing waits', () => {
    expect(secondsUntilEnd([cell(8, 3)], 2)).toBe(12);
  });

  test('have a training run alone, and what waits for it after it', () => {
    expect(secondsUntilEnd([cell(1, 30), cell(10, 2, [0])], 2)).toBe(30 + 10);
  });

  test('let what does not wait run beside a long unit', () => {
    expect(secondsUntilEnd([cell(1, 30), cell(10, 2)], 2)).toBe(30);
  });

  test('wait for the shards that are running', () => {
    expect(secondsUntilEnd([cell(0, 0, [], [7, 2]), cell(1, 5, [0])], 2)).toBe(12);
  });

  test('are 0 if nothing is left', () => {
    expect(secondsUntilEnd([], 4)).toBe(0);
    expect(secondsUntilEnd([cell(0, 1), cell(0, 1, [0])], 4)).toBe(0);
  });

  test('are never below the lower bound, and never twice of it (Graham 1966: 2 − 1/workers)', () => {
    const cells = fc
      .array(
        fc.record({
          units: fc.nat(4),
          seconds: fc.integer({ min: 1, max: 9 }),
          before: fc.array(fc.nat(20), { maxLength: 3 }),
        }),
        { maxLength: 12 },
      )
      .map((list) =>
        list.map(({ units, seconds, before }, index) =>
          cell(units, seconds, [...new Set(before.filter((earlier) => earlier < index))]),
        ),
      );
    fc.assert(
      fc.property(cells, fc.integer({ min: 1, max: 5 }), (list, workers) => {
        const [seconds, bound] = [secondsUntilEnd(list, workers), lowerBound(list, workers)];
        expect(seconds).toBeGreaterThanOrEqual(bound - 1e-9);
        // The bound of a cell's units in a chain counts one of them, so several rounds of a cell can add to it.
        const rounds = list.reduce(
          (sum, { units, seconds: each }) => sum + Math.ceil(units / workers) * each,
          0,
        );
        expect(seconds).toBeLessThanOrEqual(Math.max(2 * bound, rounds) + 1e-9);
      }),
      { numRuns: 300 },
    );
  });
});
