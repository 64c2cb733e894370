/**
 * The definition of the minimiser of `tv: groups` in float64, by another way than `groups.ts`: the primal-dual iteration of
 * Chambolle and Pock (2011), over-relaxed as in `reference.ts`, whose dual step shrinks each difference of rows and of
 * columns as a whole.
 */
import { groupObjective } from './groups-problem.ts';
import { type Channel, startOf, transposedGradient } from './problem.ts';
import { overRelaxation, primalStep } from './reference.ts';

/** The image after a number of iterations; it tends to a minimiser. */
export function iterateGroups(
  channel: Channel,
  lambda: number,
  iterations: number,
): { readonly u: Float64Array; readonly objective: number } {
  const { height, width, target } = channel;
  const count = height * width;
  const u = startOf(channel);
  const nextU = Float64Array.from(u);
  const [px, py, nextPx, nextPy] = Array.from({ length: 4 }, () => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const sigma = 1 / (8 * primalStep);
  for (let iteration = 0; iteration < iterations; iteration++) {
    for (let i = 0; i < count; i++) {
      const value = u[i]! - primalStep * transposedGradient(px, py, i, width);
      nextU[i] = target[i]! < 0 ? value : (value + primalStep * target[i]!) / (1 + primalStep);
    }
    const ahead = (i: number): number => 2 * nextU[i]! - u[i]!;
    for (let i = 0; i < count; i++) {
      nextPx[i] = px[i]! + (i % width < width - 1 ? sigma * (ahead(i + 1) - ahead(i)) : 0);
      nextPy[i] = py[i]! + (i < count - width ? sigma * (ahead(i + width) - ahead(i)) : 0);
    }
    for (let x = 0; x < width; x++) shrink(nextPx, x, width, height, lambda);
    for (let y = 0; y < height; y++) shrink(nextPy, y * width, 1, width, lambda);
    for (let i = 0; i < count; i++) {
      u[i]! += overRelaxation * (nextU[i]! - u[i]!);
      px[i]! += overRelaxation * (nextPx[i]! - px[i]!);
      py[i]! += overRelaxation * (nextPy[i]! - py[i]!);
    }
  }
  return { u: nextU, objective: groupObjective(channel, nextU, lambda) };
}

/** Projects a group of `length` values, `stride` apart, onto the ball of radius λ. */
function shrink(values: Float64Array, first: number, stride: number, length: number, lambda: number): void {
  let squares = 0;
  for (let k = 0; k < length; k++) squares += values[first + k * stride]! ** 2;
  const norm = Math.sqrt(squares);
  if (norm <= lambda) return;
  for (let k = 0; k < length; k++) values[first + k * stride]! *= lambda / norm;
}
