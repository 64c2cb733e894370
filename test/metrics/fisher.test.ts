import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fisherGreater } from '../../src/metrics/fisher.ts';

test("Fisher's lady tasting tea: four of four cups right by chance is 1 in 70, three of four or more 17 in 70", () => {
  expect(fisherGreater({ successes: 4, n: 4 }, { successes: 0, n: 4 })).toBeCloseTo(1 / 70, 12);
  expect(fisherGreater({ successes: 3, n: 4 }, { successes: 1, n: 4 })).toBeCloseTo(17 / 70, 12);
});

test('equals the count over all ways to deal the successes out', () => {
  const outcome = fc
    .record({ n: fc.integer({ min: 0, max: 7 }), successes: fc.nat(7) })
    .filter(({ n, successes }) => successes <= n);
  fc.assert(
    fc.property(outcome, outcome, (a, b) => {
      const total = a.n + b.n;
      let [ways, asMany] = [0, 0];
      for (let dealt = 0; dealt < 2 ** total; dealt++) {
        const bits = (mask: number): number => mask.toString(2).replaceAll('0', '').length;
        if (bits(dealt) !== a.successes + b.successes) continue;
        ways++;
        if (bits(dealt & (2 ** a.n - 1)) >= a.successes) asMany++;
      }
      expect(fisherGreater(a, b)).toBeCloseTo(asMany / ways, 9);
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('keeps its digits for ten thousand images: as scipy 1.17.1 fisher_exact(…, alternative="greater")', () => {
  const probability = fisherGreater({ successes: 5200, n: 10_000 }, { successes: 5000, n: 10_000 });
  expect(probability).toBeCloseTo(0.0024393978844534227, 10);
});

test('refuses what is no proportion', () => {
  expect(() => fisherGreater({ successes: 5, n: 4 }, { successes: 0, n: 4 })).toThrow(RangeError);
  expect(() => fisherGreater({ successes: 0.5, n: 4 }, { successes: 0, n: 4 })).toThrow(RangeError);
});
