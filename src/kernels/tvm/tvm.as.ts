/**
 * Total variation minimisation of one image: split Bregman (ADMM; Goldstein and Osher, 2009) in float32 with 128-bit SIMD.
 * docs/kernels.md tells the idea, reference.ts is the definition, solve.ts the only caller.
 */
import { addBound, dual, primal, resetBound } from './bound.as';
import { divergence, scaledDual, storeDual } from './dual.as';
import {
  ahead,
  carried,
  channels,
  clear,
  dropped,
  ex,
  ey,
  gx,
  gy,
  halfBytes,
  height,
  horizontal,
  inside,
  inverse,
  iterationsAtOnce,
  loadChannel,
  mirror,
  padding,
  pull,
  rightSide,
  rowAt,
  rowBytes,
  span,
  storeChannel,
  target,
  u,
  unmirror,
  usePlanes,
  varied,
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
/**
 * A check costs about as much as an iteration, so the next one comes when the gap should have fallen to the tolerance: on photographs
 * its logarithm falls by 0.36 an iteration at the start, and later half as fast as it did before.
 */
const firstRate: f64 = 0.36;
const leastBetweenChecks: f64 = 2;
const mostBetweenChecks: f64 = 20;
/** What is left to win a pixel, in units of λ, that counts as nothing: `negligible` of problem.ts. */
const negligible: f64 = 2e-7;

/** Objective of the last `solve`, and the bound on its relative distance to the minimum. */
export let objective: f64 = 0;
export let gap: f64 = 0;
/** Whether the last `solve` reached its tolerance. */
export let converged: bool = false;

/**
 * Minimises ½‖m(u − f)‖² + λ TV(u) over the reserved pixels, where a dropped one (m = 0) is −1, and leaves u there, cut to [0, 1].
 * Stops when (objective − bound) ≤ tolerance · objective, or after `limit` iterations; returns their number.
 */
export function solve(lambda: f32, anisotropic: bool, tolerance: f64, limit: i32): i32 {
  clear();
  let anyDropped = false;
  let anyVaried = false;
  for (let c = 0; c < channels; c++) {
    usePlanes(c);
    loadChannel(c);
    anyDropped = anyDropped || dropped;
    anyVaried = anyVaried || varied;
    if (dropped) fillDropped();
    else startFromTarget();
  }
  const floor = negligible * <f64>lambda * <f64>(width * height * channels);
  let iteration = 0;
  let penalty: f32 = 0;
  let rho: f32 = 1;
  let checked = 0;
  // The start is the minimum where nothing is to be smoothed.
  let nextCheck = lambda > 0 && anyVaried ? min(iterationsAtOnce, limit) : 0;
  while (true) {
    if (iteration >= nextCheck) {
      const before = gap;
      check(lambda, penalty, rho, anisotropic);
      const distance = gap * primal;
      converged = gap <= tolerance || distance <= floor;
      if (converged || iteration >= limit) break;
      const rate =
        iteration == iterationsAtOnce ? firstRate : Math.log(before / gap) / (2 * (iteration - checked));
      checked = iteration;
      nextCheck = min(iteration + iterationsTo(tolerance, rate), limit);
    }
    const nextPenalty = penaltyAt(iteration, anyDropped);
    const nextRho = overRelaxationAt(iteration, anisotropic);
    if (nextPenalty != penalty || nextRho != rho) {
      for (let c = 0; c < channels; c++) {
        usePlanes(c);
        changeParameters(penalty, nextPenalty, rho, nextRho);
      }
    }
    penalty = nextPenalty;
    rho = nextRho;
    // Parameters change after multiples of five.
    const count = min(nextCheck - iteration, iterationsAtOnce - (iteration % iterationsAtOnce));
    for (let c = 0; c < channels; c++) {
      usePlanes(c);
      iterate(count, lambda / penalty, anisotropic, rho, iteration < momentumUntil ? momentum : 0);
    }
    iteration += count;
  }
  for (let c = 0; c < channels; c++) {
    usePlanes(c);
    storeChannel(c);
  }
  return iteration;
}

/** Sets `objective` and `gap`. */
function check(lambda: f32, penalty: f32, rho: f32, anisotropic: bool): void {
  resetBound();
  for (let c = 0; c < channels; c++) {
    usePlanes(c);
    addBound(lambda, penalty, rho, anisotropic);
  }
  objective = primal;
  gap = primal > 0 ? max(primal - dual, 0) / primal : 0;
}

/** Until the next check, where the logarithm of the gap falls by `rate` an iteration. */
function iterationsTo(tolerance: f64, rate: f64): i32 {
  const expected = Math.log(gap / max(tolerance, 1e-12)) / max(rate, 1e-3);
  return <i32>Math.ceil(min(max(expected, leastBetweenChecks), mostBetweenChecks));
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
    collect(rowAt(y));
  }
}

function rescale(e: usize, g: usize, scale: v128, rho: f32, nextRho: f32): void {
  const b = scaledDual(v128.load(e), v128.load(g), rho);
  storeDual(e, g, f32x4.mul(b, scale), f32x4.add(v128.load(g), b), nextRho);
}

/** rightSide = mf/μ + ∇ᵀ(d − b) of a row. */
function collect(row: usize): void {
  for (let odd = 0; odd < 2; odd++) {
    const own = odd ? row + halfBytes : row;
    const left = odd ? row : row + halfBytes - 4;
    for (let i: usize = 0; i < span; i += 16) {
      const known = f32x4.add(v128.load(pull + own + i), divergence(gx, gy, own + i, left + i));
      v128.store(rightSide + own + i, known);
    }
  }
}

/**
 * `count` iterations, five at most, in one walk over the rows, so that what they share stays in the cache: red of row y, black of row
 * y − 1, shrinkage of row y − 2, and each further iteration two rows behind the one before it. The last leaves its split gradient for
 * the checks.
 */
function iterate(count: i32, radius: f32, anisotropic: bool, rho: f32, beta: f32): void {
  for (let front = 0; front < height + 2 * count; front++) {
    for (let behind = 0; behind < count; behind++) {
      const y = front - 2 * behind;
      if (y >= 0 && y < height) relaxRed(y);
      if (y >= 1 && y <= height) relaxBlack(y - 1, beta);
      if (y >= 2 && y <= height + 1) {
        const isLast = behind == count - 1;
        shrink(y - 2, behind, isLast, radius, rho, anisotropic);
      }
    }
  }
}

/** Red pixels are those whose row and column are together even. They look at black ones that have gone ahead. */
function relaxRed(y: i32): void {
  const row = rowAt(y);
  const half = y & 1 ? halfBytes : 0;
  const own = row + half;
  const toAhead = ahead - u;
  let near = ahead + (half ? row : row + halfBytes - 4);
  let known = rightSide + own;
  let scale = inverse + own;
  const stride = rowBytes;
  for (let at = u + own, end = at + span; at < end; at += 16) {
    v128.store(at, relaxed(known, near, at + toAhead - stride, at + toAhead + stride, scale));
    near += 16;
    known += 16;
    scale += 16;
  }
}

function relaxBlack(y: i32, beta: f32): void {
  const row = rowAt(y);
  const half = y & 1 ? 0 : halfBytes;
  const own = row + half;
  const toAhead = ahead - u;
  let near = u + (half ? row : row + halfBytes - 4);
  let known = rightSide + own;
  let scale = inverse + own;
  const stride = rowBytes;
  const further = f32x4.splat(beta);
  for (let at = u + own, end = at + span; at < end; at += 16) {
    const value = relaxed(known, near, at - stride, at + stride, scale);
    const step = f32x4.sub(value, v128.load(at));
    v128.store(at + toAhead, f32x4.add(value, f32x4.mul(further, step)));
    v128.store(at, value);
    near += 16;
    known += 16;
    scale += 16;
  }
}

/** u = (mf/μ + ∇ᵀ(d − b) + sum of the neighbours) / (m/μ + number of neighbours); `near` is the left one, the right one is the next. */
function relaxed(known: usize, near: usize, above: usize, below: usize, scale: usize): v128 {
  const neighbours = f32x4.add(
    f32x4.add(v128.load(near), v128.load(near, 4)),
    f32x4.add(v128.load(above), v128.load(below)),
  );
  return f32x4.mul(f32x4.add(v128.load(known), neighbours), v128.load(scale));
}

/**
 * s = e + ρ∇u in row y; b is its projection on the disc (anisotropic: the square) of radius λ/μ, d the rest. Even and odd columns go
 * together: the right side of the next relaxation needs the split gradient of the left and the upper neighbour, and takes it from where
 * it has just been made.
 */
function shrink(y: i32, behind: i32, isLast: bool, radius: f32, rho: f32, anisotropic: bool): void {
  const row = rowAt(y);
  const below: usize = y == height - 1 ? 0 : rowBytes;
  const most = f32x4.splat(radius);
  const over = f32x4.splat(rho);
  const under = f32x4.splat(1 - rho);
  const one = f32x4.splat(1);
  const toOdd = halfBytes;
  const toEy = ey - ex;
  const toRightSide = rightSide - pull;
  let atEx = ex + row;
  let atPull = pull + row;
  let above = carried + <usize>behind * rowBytes;
  if (y == 0) memory.fill(above, 0, rowBytes);
  let atGx = gx + row;
  const toGy = gy - gx;
  let leftGx = f32x4.splat(0);
  mirror(row);
  for (let at = u + row, end = at + span; at < end; at += 16) {
    const even = v128.load(at);
    const odd = v128.load(at + toOdd);

    let sx = f32x4.add(v128.load(atEx), f32x4.mul(over, f32x4.sub(odd, even)));
    let sy = f32x4.add(v128.load(atEx + toEy), f32x4.mul(over, f32x4.sub(v128.load(at + below), even)));
    let tx = share(sx, sy, most, anisotropic);
    let ty = anisotropic ? share(sy, sy, most, true) : tx;
    v128.store(atEx, f32x4.mul(sx, f32x4.add(under, f32x4.mul(over, tx))));
    v128.store(atEx + toEy, f32x4.mul(sy, f32x4.add(under, f32x4.mul(over, ty))));
    const evenGx = f32x4.mul(sx, f32x4.sub(one, f32x4.add(tx, tx)));
    const evenGy = f32x4.mul(sy, f32x4.sub(one, f32x4.add(ty, ty)));

    sx = f32x4.add(v128.load(atEx + toOdd), f32x4.mul(over, f32x4.sub(v128.load(at, 4), odd)));
    sy = f32x4.add(
      v128.load(atEx + toOdd + toEy),
      f32x4.mul(over, f32x4.sub(v128.load(at + toOdd + below), odd)),
    );
    tx = share(sx, sy, most, anisotropic);
    ty = anisotropic ? share(sy, sy, most, true) : tx;
    v128.store(atEx + toOdd, f32x4.mul(sx, f32x4.add(under, f32x4.mul(over, tx))));
    v128.store(atEx + toOdd + toEy, f32x4.mul(sy, f32x4.add(under, f32x4.mul(over, ty))));
    const oddGx = f32x4.mul(sx, f32x4.sub(one, f32x4.add(tx, tx)));
    const oddGy = f32x4.mul(sy, f32x4.sub(one, f32x4.add(ty, ty)));

    leftGx = v128.shuffle<f32>(leftGx, oddGx, 3, 4, 5, 6);
    v128.store(
      atPull + toRightSide,
      f32x4.add(v128.load(atPull), f32x4.add(f32x4.sub(leftGx, evenGx), f32x4.sub(v128.load(above), evenGy))),
    );
    v128.store(
      atPull + toRightSide + toOdd,
      f32x4.add(
        v128.load(atPull + toOdd),
        f32x4.add(f32x4.sub(evenGx, oddGx), f32x4.sub(v128.load(above + toOdd), oddGy)),
      ),
    );
    v128.store(above, evenGy);
    v128.store(above + toOdd, oddGy);
    if (isLast) {
      v128.store(atGx, evenGx);
      v128.store(atGx + toOdd, oddGx);
      v128.store(atGx + toGy, evenGy);
      v128.store(atGx + toGy + toOdd, oddGy);
    }
    leftGx = oddGx;
    atEx += 16;
    atPull += 16;
    above += 16;
    atGx += 16;
  }
  unmirror(row);
}

/** b / s: 1 inside, the radius over the length outside; of x alone where variation is anisotropic. */
function share(x: v128, y: v128, most: v128, anisotropic: bool): v128 {
  const length = anisotropic ? f32x4.abs(x) : f32x4.sqrt(f32x4.add(f32x4.mul(x, x), f32x4.mul(y, y)));
  return f32x4.div(most, f32x4.pmax(most, length));
}
