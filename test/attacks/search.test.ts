import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SearchResult, searchStrength } from '../../src/attacks/search.ts';

interface Run {
  readonly result: SearchResult;
  readonly evaluations: number;
  readonly last: number;
}

function drive(
  dissimilarityAt: (strength: number) => number,
  options: Partial<Parameters<typeof searchStrength>[0]> = {},
): Run {
  const search = searchStrength({
    target: 0.1,
    tolerance: 0.01,
    start: 0.05,
    maximum: 1,
    refinements: 60,
    ...options,
  });
  let step = search.next();
  let evaluations = 0;
  let last = 0;
  while (step.done !== true) {
    evaluations++;
    last = dissimilarityAt(step.value);
    step = search.next(last);
  }
  return { result: step.value, evaluations, last };
}

describe('searchStrength', () => {
  it('finds the strength of a linear dissimilarity in at most three evaluations', () => {
    const { result, evaluations } = drive((strength) => 0.4 * strength);
    expect(result.status).toBe('reached');
    expect(evaluations).toBeLessThanOrEqual(3);
  });

  it('is within the tolerance for every saturating dissimilarity', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.double({ min: 0.01, max: 0.95, noNaN: true }),
        (rate, start, share) => {
          const at = (strength: number): number => 1 - Math.exp(-rate * strength);
          const target = share * at(1);
          const { result, last } = drive(at, { start, target, tolerance: 1e-4 });
          expect(result.status).toBe('reached');
          expect(Math.abs(last - target)).toBeLessThanOrEqual(1e-4 * target);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });

  it('reports the greatest dissimilarity if the target is out of reach', () => {
    const { result } = drive((strength) => Math.min(strength, 0.07));
    expect(result).toEqual({ status: 'unreachable', greatest: 0.07 });
  });

  it('stops at a jump with the strength above it', () => {
    const { result } = drive((strength) => (strength < 0.3 ? 0.05 : 0.2));
    expect(result.status).toBe('jump');
    if (result.status === 'jump') {
      expect(result.dissimilarity).toBe(0.2);
      expect(result.strength).toBeGreaterThanOrEqual(0.3);
      expect(result.strength).toBeLessThan(0.31);
    }
  });
});

describe('every search ends', () => {
  it('by an error if a dissimilarity is not a number', () => {
    for (const value of [NaN, Infinity])
      expect(() => drive(() => value)).toThrow(
        `the dissimilarity of an image is ${value}, so no strength can be searched for`,
      );
  });

  it.each([0, -1, NaN, Infinity])('from the guess %d', (start) => {
    expect(drive((strength) => 0.4 * strength, { start }).result.status).toBe('reached');
  });

  it('from a guess that is far too small, and without a maximum', () => {
    expect(drive(() => 0, { start: 1e-300 }).result.status).toBe('unreachable');
    expect(drive(() => 0, { maximum: Infinity }).result.status).toBe('unreachable');
  });
});
