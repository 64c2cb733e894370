import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectiveOf } from '../../src/kernels/tvm/problem.ts';
import type { Channel } from '../../src/kernels/tvm/problem.ts';
import { minimiseExactly } from '../../src/kernels/tvm/reference.ts';
import { minimise } from '../../src/kernels/tvm/wasm.ts';

/**
 * The minimiser of ½ Σ (u − f)² + λ Σ |u[i + 1] − u[i]|: the slopes of the shortest path through the tube of half width λ around the
 * running sums of f, tied to them at both ends (Davies and Kovac, "Local extremes, runs, strings and multiresolution", 2001).
 */
function tautString(f: readonly number[], lambda: number): number[] {
  const sums = [0];
  for (const value of f) sums.push(sums.at(-1)! + value);
  const last = f.length;
  const widthAt = (index: number): number => (index === 0 || index === last ? 0 : lambda);
  const slopes: number[] = [];
  let knot = { index: 0, height: 0 };
  while (knot.index < last) {
    let steepest = { slope: -Infinity, index: 0 };
    let flattest = { slope: Infinity, index: 0 };
    let turn: typeof knot | null = null;
    for (let index = knot.index + 1; index <= last && turn === null; index++) {
      const slopeTo = (height: number): number => (height - knot.height) / (index - knot.index);
      const low = slopeTo(sums[index]! - widthAt(index));
      const high = slopeTo(sums[index]! + widthAt(index));
      // The string cannot reach this place in a straight line: it turns where the tube held it back.
      if (low > flattest.slope) turn = { index: flattest.index, height: sums[flattest.index]! + lambda };
      else if (high < steepest.slope)
        turn = { index: steepest.index, height: sums[steepest.index]! - lambda };
      if (low >= steepest.slope) steepest = { slope: low, index };
      if (high <= flattest.slope) flattest = { slope: high, index };
    }
    turn ??= { index: last, height: sums[last]! };
    const slope = (turn.height - knot.height) / (turn.index - knot.index);
    for (let index = knot.index; index < turn.index; index++) slopes.push(slope);
    knot = turn;
  }
  return slopes;
}

const lines = fc.record({
  f: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
  lambda: fc.constantFrom(0.01, 0.03, 0.2, 2),
  stands: fc.boolean(),
});

describe('an image of one row or one column', () => {
  it('makes of two pixels what is known: each λ nearer, or both their mean', () => {
    expect(tautString([0, 1], 0.2)).toEqual([0.2, 0.8]);
    expect(tautString([0, 1], 0.6)).toEqual([0.5, 0.5]);
  });

  it('has the minimiser of the taut string, by the definition and by the kernel', () => {
    fc.assert(
      fc.property(lines, ({ f, lambda, stands }) => {
        const taut = tautString(f, lambda);
        const [height, width] = stands ? [f.length, 1] : [1, f.length];
        const channel: Channel = { height, width, target: Float64Array.from(f) };
        const variation = { lambda, tv: 'isotropic' } as const;
        const least = objectiveOf(channel, Float64Array.from(taut), variation);
        const { u } = minimiseExactly(channel, variation, { tolerance: 1e-9, limit: 200_000 });
        // ½ ‖u − u*‖² is at most what is left to win.
        const error = Math.sqrt(2 * (1e-9 * least + 1e-8 * lambda * f.length));
        taut.forEach((value, index) => expect(Math.abs(u[index]! - value)).toBeLessThan(error + 1e-6));
        const image = Float32Array.from(f);
        minimise(image, [height, width, 1], variation, { tolerance: 1e-4, limit: 5000 });
        const objective = objectiveOf(channel, Float64Array.from(image), variation);
        expect(objective).toBeGreaterThan(least - 1e-6);
        expect(objective).toBeLessThan(least * (1 + 1e-4) + 2e-6 * (1 + lambda * f.length));
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});
