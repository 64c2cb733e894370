/**
 * Two split Bregman solvers as others wrote them, for comparison with their results. Neither comes near the
 * minimum: both shrink by s / (s + 1/μ), but isotropic total variation needs max(s − 1/μ, 0) / s.
 */
import type { Channel, TotalVariation } from './problem.ts';

export interface BregmanRun {
  /** Row-major `[height, width]`. */
  readonly u: Float64Array;
  readonly iterations: number;
}

/**
 * The split gradient d and the dual b, laid out like the image, which has a border of one pixel around it.
 */
interface Split {
  readonly dx: Float64Array;
  readonly dy: Float64Array;
  readonly bx: Float64Array;
  readonly by: Float64Array;
}

/**
 * `denoise_tv_bregman` of scikit-image 0.19 to 0.26 (after Getreuer 2012) with weight 1/λ, on the channels of
 * one image. As in scikit-image, each channel after the first starts its gradients from the padded result of
 * the channel before it. It does not support dropped pixels; the caller fills them.
 */
export function bregmanOfScikitImage(
  channels: readonly Channel[],
  { lambda, tv }: TotalVariation,
  { iterations, epsilon } = { iterations: 100, epsilon: 1e-3 },
): readonly BregmanRun[] {
  const weight = 1 / lambda;
  const mu = 2 * weight;
  let padded: Float64Array | undefined;
  return channels.map(({ height, width, target }) => {
    const row = width + 2;
    const at = (y: number, x: number): number => (y + 1) * row + x + 1;
    const fresh = (): Float64Array => padded?.slice() ?? new Float64Array((height + 2) * row);
    const split: Split = { dx: fresh(), dy: fresh(), bx: fresh(), by: fresh() };
    const u = fresh();
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) u[at(y, x)] = target[y * width + x]!;
    }
    // Its border repeats the second row and column on one side, the last on the other.
    for (let x = 0; x < width; x++) {
      u[at(-1, x)] = target[Math.min(1, height - 1) * width + x]!;
      u[at(height, x)] = target[(height - 1) * width + x]!;
    }
    for (let y = 0; y < height; y++) {
      u[at(y, -1)] = target[y * width + Math.min(1, width - 1)]!;
      u[at(y, width)] = target[y * width + width - 1]!;
    }
    let done = 0;
    for (let change = Infinity; done < iterations && change > epsilon; done++) {
      let squares = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const i = at(y, x);
          const before = u[i]!;
          const ux = u[i + 1]! - before;
          const uy = u[i + row]! - before;
          u[i] = relaxed(u, split, i, row, mu, weight, target[y * width + x]!);
          squares += (u[i] - before) ** 2;
          shrink(split, i, ux, uy, mu, tv);
        }
      }
      change = Math.sqrt(squares / (height * width));
    }
    padded = u;
    return { u: inner(u, height, width), iterations: done };
  });
}

/**
 * The code released with Guo et al. 2018, written from its description: weight 1/λ, μ twice that, and 10
 * Gauss-Seidel sweeps in each of at most 100 iterations, until the image changes by less than 0.01 (root mean
 * square). Dropped pixels start at 0 and have no data term. Pixels at the border are divided by four
 * neighbours although one or two of them do not exist and count as 0, which darkens the border.
 */
export function bregmanOfReleasedCode(
  { height, width, target }: Channel,
  { lambda, tv }: TotalVariation,
): BregmanRun {
  const [sweeps, limit, epsilon] = [10, 100, 0.01];
  const weight = 1 / lambda;
  const mu = 2 * weight;
  const row = width + 2;
  const at = (y: number, x: number): number => (y + 1) * row + x + 1;
  const zeros = (): Float64Array => new Float64Array((height + 2) * row);
  const split: Split = { dx: zeros(), dy: zeros(), bx: zeros(), by: zeros() };
  const u = zeros();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) u[at(y, x)] = Math.max(0, target[y * width + x]!);
  }
  let iterations = 0;
  for (let change = Infinity; iterations < limit && change > epsilon; iterations++) {
    const before = u.slice();
    for (let sweep = 0; sweep < sweeps; sweep++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const i = at(y, x);
          const f = target[y * width + x]!;
          u[i] = relaxed(u, split, i, row, mu, f < 0 ? 0 : weight, f);
        }
      }
    }
    let squares = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const i = at(y, x);
        squares += (u[i]! - before[i]!) ** 2;
        const ux = x < width - 1 ? u[i + 1]! - u[i]! : 0;
        const uy = y < height - 1 ? u[i + row]! - u[i]! : 0;
        shrink(split, i, ux, uy, mu, tv);
      }
    }
    change = Math.sqrt(squares / (height * width));
  }
  return { u: inner(u, height, width), iterations };
}

/** A Gauss-Seidel step: (μ · (sum of the four neighbours + ∇ᵀ(d − b)) + weight · f) / (weight + 4μ). */
function relaxed(
  u: Float64Array,
  { dx, dy, bx, by }: Split,
  i: number,
  row: number,
  mu: number,
  weight: number,
  f: number,
): number {
  const around = u[i + row]! + u[i - row]! + u[i + 1]! + u[i - 1]!;
  const divergence =
    dx[i - 1]! - dx[i]! + dy[i - row]! - dy[i]! - bx[i - 1]! + bx[i]! - by[i - row]! + by[i]!;
  return (mu * (around + divergence) + weight * f) / (weight + 4 * mu);
}

/** Splits ∇u + b at pixel i into d, its shrunk part, and b, the rest. */
function shrink(
  { dx, dy, bx, by }: Split,
  i: number,
  ux: number,
  uy: number,
  mu: number,
  tv: TotalVariation['tv'],
): void {
  const sx = ux + bx[i]!;
  const sy = uy + by[i]!;
  if (tv === 'isotropic') {
    const shrunk = smoothShrink(Math.hypot(sx, sy), mu);
    dx[i] = shrunk * sx;
    dy[i] = shrunk * sy;
  } else {
    dx[i] = shrinkOne(sx, mu);
    dy[i] = shrinkOne(sy, mu);
  }
  bx[i] = sx - dx[i];
  by[i] = sy - dy[i];
}

function shrinkOne(s: number, mu: number): number {
  return Math.sign(s) * Math.max(Math.abs(s) - 1 / mu, 0);
}

function smoothShrink(length: number, mu: number): number {
  return (length * mu) / (length * mu + 1);
}

function inner(padded: Float64Array, height: number, width: number): Float64Array {
  return Float64Array.from(
    { length: height * width },
    (_, i) => padded[(Math.floor(i / width) + 1) * (width + 2) + (i % width) + 1]!,
  );
}
