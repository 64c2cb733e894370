import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wilsonInterval } from '../../src/metrics/wilson.ts';

describe('wilsonInterval', () => {
  // Known values: Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %d in %d is [%d, %d] as in the literature', (successes, n, low, high) => {
    const interval = wilsonInterval(successes, n)!;
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it('solves |p̂ − p| = z √(p(1 − p)/n), which defines it', () => {
    const { low, high } = wilsonInterval(37, 120)!;
    for (const p of [low, high]) {
      expect(Math.abs(37 / 120 - p)).toBeCloseTo(1.959963984540054 * Math.sqrt((p * (1 - p)) / 120), 12);
    }
  });

  it('lies in [0, 1], holds the proportion, and mirrors with the failures', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, share) => {
          const successes = Math.round(n * share);
          const { low, high } = wilsonInterval(successes, n)!;
          const mirrored = wilsonInterval(n - successes, n)!;
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
          expect(low).toBeLessThanOrEqual(successes / n);
          expect(high).toBeGreaterThanOrEqual(successes / n);
          expect(mirrored.low).toBeCloseTo(1 - high, 12);
        },
      ),
      { seed: 1 },
    );
  });

  it('is null for an empty sample and refuses more successes than trials', () => {
    expect(wilsonInterval(0, 0)).toBeNull();
    expect(() => wilsonInterval(3, 2)).toThrow(RangeError);
  });
});
