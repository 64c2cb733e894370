import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainCut } from '../../src/defenses/quilting/chain-cut.ts';
import { maxFlowCut } from '../../src/defenses/quilting/max-flow-cut.ts';
import { minimumCut } from '../../src/defenses/quilting/minimum-cut.ts';
import { cutCost, type Overlap, tiedLabels, tieOf } from '../../src/defenses/quilting/seam.ts';

function overlapOf(size: number, top: number, left: number, values: readonly number[]): Overlap {
  const differences = Float64Array.from({ length: size * size }, (_, at) =>
    at < top * size || at % size < left ? values[at % values.length]! : 0,
  );
  return { size, top, left, differences };
}

/** Pixels that the cut divides. */
function freePixels(overlap: Overlap): number[] {
  const { size } = overlap;
  return Array.from({ length: size * size }, (_, at) => at).filter(
    (at) => tieOf(overlap, Math.floor(at / size), at % size) === 'free',
  );
}

/** Least cost over all labelings of the free pixels. */
function leastCost(overlap: Overlap): number {
  const free = freePixels(overlap);
  const labels = tiedLabels(overlap);
  let least = Infinity;
  for (let choice = 0; choice < 2 ** free.length; choice++) {
    for (const [bit, at] of free.entries()) labels[at] = (choice >> bit) & 1;
    least = Math.min(least, cutCost(overlap, labels));
  }
  return least;
}

const differences = fc.array(fc.double({ min: 0, max: 442, noNaN: true }), { minLength: 81, maxLength: 81 });
/** Whole numbers and zeros, so that cuts tie. */
const coarse = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 81, maxLength: 81 });

describe('minimumCut', () => {
  it('of an overlap of 2 costs what the best of all labelings costs, as does maximum flow', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 7 }),
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 0, max: 2 }),
        fc.oneof(differences, coarse),
        (size, top, left, values) => {
          const overlap = overlapOf(size, top, left, values);
          const least = leastCost(overlap);
          expect(cutCost(overlap, chainCut(overlap))).toBeCloseTo(least, 9);
          expect(cutCost(overlap, maxFlowCut(overlap))).toBeCloseTo(least, 9);
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  it('of a larger overlap costs what the best of all labelings costs', () => {
    fc.assert(
      fc.property(
        fc.constantFrom([4, 3, 0], [4, 3, 2], [5, 3, 2], [5, 0, 4], [4, 3, 3], [6, 0, 3], [5, 4, 2]),
        fc.oneof(differences, coarse),
        ([size, top, left], values) => {
          const overlap = overlapOf(size, top, left, values);
          expect(freePixels(overlap).length).toBeGreaterThan(0);
          expect(cutCost(overlap, minimumCut(overlap))).toBeCloseTo(leastCost(overlap), 9);
        },
      ),
      { seed: 2, numRuns: 40 },
    );
  });

  it('has seven free pixels in the corner of a 5×5 tile that overlaps by 2', () => {
    expect(freePixels(overlapOf(5, 2, 2, [1]))).toHaveLength(7);
  });

  it('keeps the tied pixels and costs no more than overwriting all others', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 3, max: 9 })
          .chain((size) =>
            fc.tuple(
              fc.constant(size),
              fc.integer({ min: 0, max: size - 1 }),
              fc.integer({ min: 0, max: size - 1 }),
            ),
          ),
        differences,
        ([size, top, left], values) => {
          const overlap = overlapOf(size, top, left, values);
          const labels = minimumCut(overlap);
          for (let at = 0; at < size * size; at++) {
            const tie = tieOf(overlap, Math.floor(at / size), at % size);
            if (tie !== 'free') expect(labels[at]).toBe(tie === 'old' ? 1 : 0);
          }
          expect(cutCost(overlap, labels)).toBeLessThanOrEqual(cutCost(overlap, tiedLabels(overlap)) + 1e-9);
        },
      ),
      { seed: 3 },
    );
  });

  it('runs where old and new agree', () => {
    // One column of equal pixels in an overlap of 4: the seam passes on one side of it at no cost but that of its neighbour.
    const overlap = overlapOf(6, 0, 4, [9, 9, 0, 0, 0, 0]);
    expect(cutCost(overlap, minimumCut(overlap))).toBe(0);
    const rows = Array.from({ length: 6 }, (_, y) =>
      [...minimumCut(overlap).subarray(y * 6, y * 6 + 6)].join(''),
    );
    for (const row of rows) expect(row).toMatch(/^1110*$|^11110*$/);
  });
});
