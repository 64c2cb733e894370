import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minimiseGroups } from '../../src/kernels/tvm/groups.ts';
import { groupBound, groupNorms, groupObjective } from '../../src/kernels/tvm/groups-problem.ts';
import { iterateGroups } from '../../src/kernels/tvm/groups-reference.ts';
import type { Channel } from '../../src/kernels/tvm/problem.ts';
import { channelOf, full, madeUp, masked } from './tvm-problems.ts';

const precise = { tolerance: 1e-8, limit: 5000 };
const channel = (height: number, width: number, target: readonly number[]): Channel => ({
  height,
  width,
  target: Float64Array.from(target),
});

describe('the total variation of equation 7', () => {
  it('is the sum of the Euclidean norms of the differences of whole rows and columns', () => {
    const u = Float64Array.from([0, 0.1, 0.4, 0.3, 0.5, 0.9]);
    // Rows differ by (0.3, 0.4, 0.5), columns by (0.1, 0.2) and (0.3, 0.4).
    expect([...groupNorms(u, 2, 3).rows]).toEqual([expect.closeTo(Math.sqrt(0.5), 12)]);
    expect([...groupNorms(u, 2, 3).columns]).toEqual([
      expect.closeTo(Math.sqrt(0.05), 12),
      expect.closeTo(0.5, 12),
    ]);
    const variation = Math.sqrt(0.5) + Math.sqrt(0.05) + 0.5;
    expect(groupObjective(channel(2, 3, [0, 0.1, 0.4, 0.3, 0.5, -1]), u, 2)).toBeCloseTo(2 * variation, 12);
    expect(groupObjective(channel(2, 3, [0, 0.1, 0.4, 0.3, 0.5, 0.5]), u, 0)).toBeCloseTo(0.08, 12);
  });
});

describe('the solver', () => {
  it.each([1, 4, 9])('moves two columns of %i equal pixels towards each other by λ / √height', (height) => {
    const target = Array.from({ length: 2 * height }, (_, i) => (i % 2 === 0 ? 0.2 : 0.9));
    const { u } = minimiseGroups(channel(height, 2, target), 0.06, precise);
    const step = 0.06 / Math.sqrt(height);
    for (let y = 0; y < height; y++) {
      expect(u[2 * y]).toBeCloseTo(0.2 + step, 5);
      expect(u[2 * y + 1]).toBeCloseTo(0.9 - step, 5);
    }
  });

  it('makes the image constant, at the mean of its kept pixels, if λ is large enough', () => {
    const { u, progress } = minimiseGroups(channel(2, 2, [0.1, -1, 0.4, 0.7]), 5, precise);
    expect(progress.converged).toBe(true);
    for (const value of u) expect(value).toBeCloseTo(0.4, 4);
  });

  it.each([
    ['λ = 0', full, 0, 0],
    ['a constant image', channel(3, 4, Array<number>(12).fill(0.3)), 0.03, 0],
    ['no pixel kept', channel(3, 4, Array<number>(12).fill(-1)), 0.03, 0],
    ['one pixel', channel(1, 1, [0.7]), 0.03, 0],
  ])('ends at once for %s', (_, problem, lambda, objective) => {
    const { u, progress } = minimiseGroups(problem, lambda, precise);
    expect(progress).toMatchObject({ objective, gap: 0, converged: true, iterations: 1 });
    expect([...u].every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('finds the minimum of a search over a grid of all images of 2×2 pixels', () => {
    const levels = 24;
    for (const target of [
      [0.1, 0.9, 0.6, 0.3],
      [0.1, -1, 0.6, 0.3],
      [-1, 0.9, 0.2, -1],
    ]) {
      const problem = channel(2, 2, target);
      const u = new Float64Array(4);
      let least = Infinity;
      for (let code = 0; code < (levels + 1) ** 4; code++) {
        let rest = code;
        for (let i = 0; i < 4; i++) {
          u[i] = (rest % (levels + 1)) / levels;
          rest = Math.floor(rest / (levels + 1));
        }
        least = Math.min(least, groupObjective(problem, u, 0.1));
      }
      const { progress } = minimiseGroups(problem, 0.1, precise);
      expect(progress.objective).toBeLessThanOrEqual(least + 1e-9);
      // Rounding the minimiser to the grid costs at most that.
      expect(progress.objective).toBeGreaterThan(least - 0.04);
    }
  });

  it.each([
    ['full', full, 0.003],
    ['full', full, 0.03],
    ['full', full, 0.3],
    ['masked', masked, 0.003],
    ['masked', masked, 0.03],
    ['masked', masked, 0.3],
    ['made up', channelOf(madeUp(9, 13, 1, 0.5, 3), 9, 13, 1, 0), 0.03],
  ])('agrees with the primal-dual definition: %s, λ = %s', (_, problem, lambda) => {
    const { u, progress } = minimiseGroups(problem, lambda, { tolerance: 1e-5, limit: 2000 });
    const definition = iterateGroups(problem, lambda, 20_000);
    expect(progress.converged).toBe(true);
    expect(progress.objective).toBeCloseTo(groupObjective(problem, u, lambda), 10);
    const distance = (progress.objective - definition.objective) / definition.objective;
    expect(distance).toBeGreaterThan(-1e-9);
    expect(distance).toBeLessThanOrEqual(progress.gap + 1e-9);
  });

  it('meets the optimality conditions: m (f − u) = λ ∇ᵀ (d / ‖d‖) where no group is 0', () => {
    const { u } = minimiseGroups(masked, 0.03, { tolerance: 1e-9, limit: 5000 });
    const { height, width, target } = masked;
    const { rows, columns } = groupNorms(u, height, width);
    expect(Math.min(...rows, ...columns)).toBeGreaterThan(0.01);
    const share = (i: number, j: number, norm: number | undefined): number =>
      norm === undefined ? 0 : (0.03 * (u[i]! - u[j]!)) / norm;
    for (let i = 0; i < height * width; i++) {
      const [y, x] = [Math.floor(i / width), i % width];
      const pull =
        share(i, i - width, rows[y - 1]) +
        share(i, i + width, rows[y]) +
        share(i, i - 1, columns[x - 1]) +
        share(i, i + 1, columns[x]);
      expect(target[i]! < 0 ? 0 : target[i]! - u[i]!).toBeCloseTo(pull, 5);
    }
  });

  it('has a bound that no image undercuts', () => {
    const value = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(value, fc.constant(-1)), { minLength: 12, maxLength: 12 }),
        fc.array(value, { minLength: 12, maxLength: 12 }),
        fc.constantFrom(0.01, 0.1, 1),
        fc.constantFrom(1, 3, 30),
        (target, other, lambda, limit) => {
          const problem = channel(3, 4, target);
          const { u, progress } = minimiseGroups(problem, lambda, { tolerance: 1e-9, limit });
          const bound = progress.objective * (1 - progress.gap);
          for (const share of [1, 0.1, 0.001]) {
            const near = u.map((own, i) => own + share * (other[i]! - own));
            expect(groupObjective(problem, near, lambda)).toBeGreaterThanOrEqual(bound - 1e-9);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('counts a field without divergence as the bound 0', () => {
    expect(groupBound(full, new Float64Array(64))).toBe(0);
  });

  it('says that it stopped at the limit', () => {
    const { progress } = minimiseGroups(masked, 0.3, { tolerance: 1e-9, limit: 2 });
    expect(progress).toMatchObject({ iterations: 2, converged: false });
  });
});
