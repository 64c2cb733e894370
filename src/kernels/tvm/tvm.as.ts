/**
 * Total variation minimisation of one image: split Bregman (ADMM; Goldstein and Osher, 2009) in float32 with 128-bit SIMD.
 * docs/kernels.md tells the idea, reference.ts is the definition, solve.ts the only caller.
 */
import { addBound, dual, primal, resetBound } from './bound.as';
import { scaledDual, storeDual } from './dual.as';
import {
  ahead,
  channels,
  clear,
  ex,
  ey,
  gx,
  gy,
  halfBytes,
  height,
  horizontal,
  inside,
  inverse,
  loadChannel,
  mirror,
  padding,
  pull,
  rowAt,
  rowBytes,
  span,
  storeChannel,
  target,
  u,
  unmirror,
  usePlanes,
  width,
} from './layout.as';
import { fillDropped, startFromTarget } from './start.as';

export { reserve } from './layout.as';

/**
 * How far the black pixels count as gone beyond their last step when red ones look at them, in steps. It hastens the start, and would
 * keep the end from settling.
 */
const momentum: f32 = 0.45;
const momentumUntil: i32 = 60;
const iterationsBetweenChecks: i32 = 5;
/** What is left to win a pixel, in units of λ, that counts as nothing: `negligible` of problem.ts. */
const negligible: f64 = 2e-7;

/** Objective of the last `solve`, and the bound on its relative distance to the minimum. */
export let objective: f64 = 0;
export let gap: f64 = 0;
/** Whether the last `solve` reached its tolerance. */
export let converged: bool = false;

/**
 * Minimises ½‖m(u − f)‖² + λ TV(u) over the reserved pixels, where a dropped one (m = 0) is −1, and leaves u there, cut to [0, 1].
 * Stops when (objective − bound) ≤ tolerance · objective, or after `limit` iterations, rounded up to a multiple of 5; returns their
 * number.
 */
export function solve(lambda: f32, anisotropic: bool, tolerance: f64, limit: i32): i32 {
  clear();
  let dropped = false;
  for (let c = 0; c < channels; c++) {
    usePlanes(c);
    if (loadChannel(c)) {
      dropped = true;
      fillDropped();
    } else {
      startFromTarget();
    }
  }
  const floor = negligible * <f64>lambda * <f64>(width * height * channels);
  let iteration = 0;
  let penalty: f32 = 0;
  let rho: f32 = 1;
  while (true) {
    resetBound();
    for (let c = 0; c < channels; c++) {
      usePlanes(c);
      addBound(lambda, penalty, rho, anisotropic);
    }
    const distance = max(primal - dual, 0);
    objective = primal;
    gap = primal > 0 ? distance / primal : 0;
    converged = distance <= tolerance * primal || distance <= floor;
    if (converged || iteration >= limit) break;
    const nextPenalty = penaltyAt(iteration, dropped);
    const nextRho = overRelaxationAt(iteration, anisotropic);
    if (nextPenalty != penalty || nextRho != rho) {
      for (let c = 0; c < channels; c++) {
        usePlanes(c);
        changeParameters(penalty, nextPenalty, rho, nextRho);
      }
    }
    penalty = nextPenalty;
    rho = nextRho;
    for (let c = 0; c < channels; c++) {
      usePlanes(c);
      iterate(lambda / penalty, anisotropic, rho, iteration < momentumUntil ? momentum : 0);
    }
    iteration += iterationsBetweenChecks;
  }
  for (let c = 0; c < channels; c++) {
    usePlanes(c);
    storeChannel(c);
  }
  return iteration;
}

/** μ grows with the iterations: a soft start spreads far, a stiff end settles. Tuned on photographs at λ = 0.03. */
function penaltyAt(iteration: i32, dropped: bool): f32 {
  if (dropped) return iteration < 5 ? 0.25 : iteration < 20 ? 0.8 : 1.8;
  return iteration < 10 ? 1.0 : iteration < 20 ? 1.6 : 2.5;
}

/**
 * Over-relaxation nearly halves the iterations of isotropic variation; anisotropic variation runs in circles with it, for its balls have
 * corners.
 */
function overRelaxationAt(iteration: i32, anisotropic: bool): f32 {
  return anisotropic || iteration >= 200 ? 1 : 1.7;
}

/** Precomputes what μ decides, and keeps the dual μb and the split gradient d while the scale of b and ρ change. */
function changeParameters(old: f32, next: f32, rho: f32, nextRho: f32): void {
  const zero = f32x4.splat(0);
  const reciprocal = f32x4.splat(1 / next);
  const scale = f32x4.splat(old / next);
  for (let y = 0; y < height; y++) {
    const vertical = f32x4.splat(<f32>(i32(y > 0) + i32(y < height - 1)));
    for (let half: usize = 0; half <= halfBytes; half += halfBytes) {
      const row = rowAt(y) + half;
      const at = half + padding;
      for (let i: usize = 0; i < span; i += 16) {
        const f = v128.load(target + row + i);
        const weight = v128.and(f32x4.ge(f, zero), reciprocal);
        const valid = v128.load(inside + at + i);
        const neighbours = f32x4.add(v128.load(horizontal + at + i), vertical);
        v128.store(pull + row + i, f32x4.mul(weight, f));
        v128.store(
          inverse + row + i,
          f32x4.div(valid, f32x4.max(f32x4.add(weight, neighbours), f32x4.splat(1e-6))),
        );
        rescale(ex + row + i, gx + row + i, scale, rho, nextRho);
        rescale(ey + row + i, gy + row + i, scale, rho, nextRho);
      }
    }
  }
}

function rescale(e: usize, g: usize, scale: v128, rho: f32, nextRho: f32): void {
  const b = scaledDual(v128.load(e), v128.load(g), rho);
  storeDual(e, g, f32x4.mul(b, scale), f32x4.add(v128.load(g), b), nextRho);
}

/**
 * The iterations between two checks in one walk over the rows, so that what they share stays in the cache: red of row y, black of row
 * y − 1, shrinkage of row y − 2, and each further iteration two rows behind the one before it.
 */
function iterate(radius: f32, anisotropic: bool, rho: f32, beta: f32): void {
  for (let front = 0; front < height + 2 * iterationsBetweenChecks; front++) {
    for (let behind = 0; behind < iterationsBetweenChecks; behind++) {
      const y = front - 2 * behind;
      if (y >= 0 && y < height) relaxRed(y);
      if (y >= 1 && y <= height) relaxBlack(y - 1, beta);
      if (y >= 2 && y <= height + 1) {
        if (anisotropic) shrinkEach(y - 2, radius, rho);
        else shrink(y - 2, radius, rho);
      }
    }
  }
}

/** Red pixels are those whose row and column are together even. */
function relaxRed(y: i32): void {
  const row = rowAt(y);
  const half = y & 1 ? halfBytes : 0;
  const left = half ? row : row + halfBytes - 4;
  for (let i: usize = 0; i < span; i += 16) {
    v128.store(u + row + half + i, relaxed(ahead, row + half + i, left + i));
  }
}

function relaxBlack(y: i32, beta: f32): void {
  const row = rowAt(y);
  const half = y & 1 ? 0 : halfBytes;
  const left = half ? row : row + halfBytes - 4;
  const further = f32x4.splat(beta);
  for (let i: usize = 0; i < span; i += 16) {
    const own = row + half + i;
    const value = relaxed(u, own, left + i);
    const step = f32x4.sub(value, v128.load(u + own));
    v128.store(ahead + own, f32x4.add(value, f32x4.mul(further, step)));
    v128.store(u + own, value);
  }
}

/** u = (mf/μ + ∇ᵀ(d − b) + sum of the neighbours) / (m/μ + number of neighbours) at `own`, with the neighbours of plane `from`. */
function relaxed(from: usize, own: usize, left: usize): v128 {
  const divergence = f32x4.add(
    f32x4.sub(v128.load(gx + left), v128.load(gx + own)),
    f32x4.sub(v128.load(gy + own - rowBytes), v128.load(gy + own)),
  );
  const neighbours = f32x4.add(
    f32x4.add(v128.load(from + left), v128.load(from + left, 4)),
    f32x4.add(v128.load(from + own - rowBytes), v128.load(from + own + rowBytes)),
  );
  return f32x4.mul(
    f32x4.add(f32x4.add(v128.load(pull + own), divergence), neighbours),
    v128.load(inverse + own),
  );
}

/** s = e + ρ∇u in row y; b is its projection on the disc of radius λ/μ, d the rest. */
function shrink(y: i32, radius: f32, rho: f32): void {
  const row = rowAt(y);
  const below = y == height - 1 ? 0 : rowBytes;
  const disc = f32x4.splat(radius);
  mirror(row);
  for (let half: usize = 0; half <= halfBytes; half += halfBytes) {
    const right = half ? row + 4 : row + halfBytes;
    for (let i: usize = 0; i < span; i += 16) {
      const own = row + half + i;
      const here = v128.load(u + own);
      const sx = along(ex + own, here, u + right + i, rho);
      const sy = along(ey + own, here, u + own + below, rho);
      const length = f32x4.sqrt(f32x4.add(f32x4.mul(sx, sx), f32x4.mul(sy, sy)));
      const t = f32x4.div(disc, f32x4.pmax(disc, length));
      split(ex + own, gx + own, sx, f32x4.mul(t, sx), rho);
      split(ey + own, gy + own, sy, f32x4.mul(t, sy), rho);
    }
  }
  unmirror(row);
}

/** The same for anisotropic total variation: each component on [−λ/μ, λ/μ]. */
function shrinkEach(y: i32, radius: f32, rho: f32): void {
  const row = rowAt(y);
  const below = y == height - 1 ? 0 : rowBytes;
  const most = f32x4.splat(radius);
  const least = f32x4.splat(-radius);
  mirror(row);
  for (let half: usize = 0; half <= halfBytes; half += halfBytes) {
    const right = half ? row + 4 : row + halfBytes;
    for (let i: usize = 0; i < span; i += 16) {
      const own = row + half + i;
      const here = v128.load(u + own);
      const sx = along(ex + own, here, u + right + i, rho);
      const sy = along(ey + own, here, u + own + below, rho);
      split(ex + own, gx + own, sx, f32x4.pmin(most, f32x4.pmax(least, sx)), rho);
      split(ey + own, gy + own, sy, f32x4.pmin(most, f32x4.pmax(least, sy)), rho);
    }
  }
  unmirror(row);
}

/** e + ρ(next − here). */
function along(e: usize, here: v128, next: usize, rho: f32): v128 {
  return f32x4.add(v128.load(e), f32x4.mul(f32x4.splat(rho), f32x4.sub(v128.load(next), here)));
}

function split(e: usize, g: usize, s: v128, b: v128, rho: f32): void {
  storeDual(e, g, b, f32x4.sub(s, b), rho);
}
