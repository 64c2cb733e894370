/** Moves between levels: takes the problem to the coarser one and the solution back to the finer one. */
import { iterateToDual, startSplit } from './iteration.as';
import {
  ahead,
  blockBytes,
  columnAt,
  describeColumns,
  exEven,
  exOdd,
  eyEven,
  eyOdd,
  height,
  horizontal,
  inside,
  inverseEven,
  inverseOdd,
  levels,
  mirror,
  pullEven,
  pullOdd,
  rowAt,
  rowBytes,
  span,
  uEven,
  uOdd,
  unmirror,
  useLevel,
  verticalNeighbours,
  width,
} from './layout.as';
import { keptShare, penalty, setParameters, setProblem } from './problem.as';
import { inverseOf } from './relax.as';
import { coarseIterations, coarsePenalty, momentumAt, overRelaxationOf, penaltyOf } from './schedule.as';

/**
 * Starts channel c, whose mf and m are in its first level, from coarser levels. An image that is constant
 * over squares of 2×2 pixels has four times the objective of its half with the mean m, the mean mf, and λ /
 * 2.
 */
export function startChannel(c: i32, lambda: f32, anisotropic: bool): void {
  for (let level = 1; level < levels; level++) restrict(c, level);
  const last = levels - 1;
  for (let level = last; level >= 0; level--) {
    const coarserPenalty = penalty;
    setProblem(lambda / <f32>(1 << level), anisotropic);
    setParameters(level == 0 ? penaltyOf(0) : coarsePenalty(level), overRelaxationOf(0));
    if (level == last) {
      useLevel(c, level);
      describeColumns();
      startAlone();
      invert();
    } else prolong(c, level, penalty / coarserPenalty);
    startSplit();
    if (level > 0) iterateToDual(coarseIterations(level), momentumAt(0));
  }
}

/** Computes mf and m of a level as means of those of the finer one, with nothing beyond its border. */
function restrict(c: i32, level: i32): void {
  useLevel(c, level - 1);
  let from = rowAt(0);
  const finer = rowBytes;
  useLevel(c, level);
  for (let y = 0; y < height; y++) {
    const row = rowAt(y);
    for (let i: usize = 0; i < span; i += blockBytes) {
      const at = from + 2 * i;
      halve(row + i + pullEven, at + pullEven, finer);
      halve(row + i + inverseEven, at + inverseEven, finer);
    }
    from += 2 * finer;
  }
}

/** Computes means of 2×2 pixels: eight of them from two blocks and the two below. */
function halve(to: usize, from: usize, below: usize): void {
  const left = quarterOf(from, from + below);
  const right = quarterOf(from + blockBytes, from + below + blockBytes);
  v128.store(to, v128.shuffle<f32>(left, right, 0, 2, 4, 6));
  v128.store(to, v128.shuffle<f32>(left, right, 1, 3, 5, 7), 16);
}

function quarterOf(row: usize, below: usize): v128 {
  const sum = f32x4.add(
    f32x4.add(v128.load(row), v128.load(row, 16)),
    f32x4.add(v128.load(below), v128.load(below, 16)),
  );
  return f32x4.mul(sum, f32x4.splat(0.25));
}

/**
 * Starts the current level by itself: with f where a pixel was kept, elsewhere with the 3×3 mean (weights 1 2
 * 1) of the kept pixels around it, or ½ if there are none. The dual is zero.
 */
export function startAlone(): void {
  for (let y = 0; y < height; y++) {
    const row = rowAt(y);
    for (let x = 0; x < <i32>(span >> 5); x++) {
      store<f32>(row + columnAt(x, exEven), 0);
      store<f32>(row + columnAt(x, eyEven), 0);
      const value = x < width ? penalty * startAt(y, x) : 0;
      store<f32>(row + columnAt(x, uEven), value);
      if ((x + y) & 1) store<f32>(row + columnAt(x & ~1, ahead), value);
    }
  }
}

function startAt(y: i32, x: i32): f32 {
  let sum = weighted(y, x, pullEven);
  let weight = weighted(y, x, inverseEven);
  if (weight > 0) return sum / weight;
  for (let dy = -1; dy <= 1; dy++) {
    if (y + dy < 0 || y + dy >= height) continue;
    for (let dx = -1; dx <= 1; dx++) {
      if (x + dx < 0 || x + dx >= width) continue;
      const share = <f32>((dy == 0 ? 2 : 1) * (dx == 0 ? 2 : 1));
      sum += share * weighted(y + dy, x + dx, pullEven);
      weight += share * weighted(y + dy, x + dx, inverseEven);
    }
  }
  return weight > 0 ? sum / weight : 0.5;
}

function weighted(y: i32, x: i32, even: usize): f32 {
  return load<f32>(rowAt(y) + columnAt(x, even));
}

/**
 * Starts a level from the solution of the coarser one. `scale` is its μ divided by that of the coarser one.
 */
function prolong(c: i32, level: i32, scale: f32): void {
  useLevel(c, level + 1);
  for (let y = 0; y < height; y++) {
    mirror(rowAt(y), uEven);
    mirror(rowAt(y), eyEven);
  }
  const coarse = rowAt(0);
  const coarseRowBytes = rowBytes;
  const lastCoarse = height - 1;
  useLevel(c, level);
  describeColumns();
  for (let y = 0; y < height; y++) {
    const half = y >> 1;
    const other = min(max(y & 1 ? half + 1 : half - 1, 0), lastCoarse);
    const own = coarse + <usize>half * coarseRowBytes;
    prolongRow(y, own, coarse + <usize>other * coarseRowBytes, y & 1 ? own : own - coarseRowBytes, scale);
  }
  useLevel(c, level + 1);
  for (let y = 0; y < height; y++) {
    unmirror(rowAt(y), uEven);
    unmirror(rowAt(y), eyEven);
  }
  useLevel(c, level);
}

// The inputs of the current row, and what each block passes on to the next.
let scaled: v128 = f32x4.splat(0);
let nearHorizontal: v128 = f32x4.splat(0);
let nearVertical: v128 = f32x4.splat(0);
let nearImage: v128 = f32x4.splat(0);

/**
 * Interpolates the dual between the edges of the coarser pixels (twice as strong, because there are half as
 * many), with zero where the gradient is zero. u = f − ∇ᵀb / m for kept pixels, and is interpolated for
 * dropped ones. `own`, `other` and `before` are coarser rows: that of the row, the other one nearest to it,
 * and the one whose lower edge is the last above the row's.
 */
function prolongRow(y: i32, own: usize, other: usize, before: usize, scale: f32): void {
  const near = f32x4.splat(0.75);
  const far = f32x4.splat(0.25);
  const hasBelow = f32x4.splat(y == height - 1 ? 0 : 1);
  const start = rowAt(y);
  const end = start + span;
  const aheadIsOdd = !(y & 1);
  const vertical = verticalNeighbours(y);
  scaled = f32x4.splat(scale);
  let columns: usize = 0;
  let verticalEvens = mix(v128.load(own, eyEven), v128.load(before, eyEven), hasBelow, hasBelow);
  let verticalOdds = mix(v128.load(own, eyOdd), v128.load(before, eyOdd), hasBelow, hasBelow);
  let imageEvens = mix(v128.load(own, uEven), v128.load(other, uEven), near, far);
  let imageOdds = mix(v128.load(own, uOdd), v128.load(other, uOdd), near, far);
  nearHorizontal = f32x4.splat(0);
  nearVertical = v128.shuffle<f32>(verticalEvens, verticalEvens, 0, 0, 0, 0);
  nearImage = v128.shuffle<f32>(imageEvens, imageEvens, 0, 0, 0, 0);
  for (let at = start; at < end; at += 2 * blockBytes) {
    const ofOwn = f32x4.splat(1.5);
    const ofOther = f32x4.splat(0.5);
    const horizontalEvens = mix(v128.load(own, exEven), v128.load(other, exEven), ofOwn, ofOther);
    const horizontalOdds = mix(v128.load(own, exOdd), v128.load(other, exOdd), ofOwn, ofOther);
    own += blockBytes;
    other += blockBytes;
    before += blockBytes;
    const nextVerticalEvens = mix(v128.load(own, eyEven), v128.load(before, eyEven), hasBelow, hasBelow);
    const nextVerticalOdds = mix(v128.load(own, eyOdd), v128.load(before, eyOdd), hasBelow, hasBelow);
    const nextImageEvens = mix(v128.load(own, uEven), v128.load(other, uEven), near, far);
    const nextImageOdds = mix(v128.load(own, uOdd), v128.load(other, uOdd), near, far);
    const verticalSecond = secondFour(verticalEvens, verticalOdds);
    const imageSecond = secondFour(imageEvens, imageOdds);
    prolongBlock(
      at,
      columns,
      aheadIsOdd,
      vertical,
      firstFour(horizontalEvens, horizontalOdds),
      firstFour(verticalEvens, verticalOdds),
      verticalSecond,
      firstFour(imageEvens, imageOdds),
      imageSecond,
    );
    if (at + blockBytes < end) {
      prolongBlock(
        at + blockBytes,
        columns + 32,
        aheadIsOdd,
        vertical,
        secondFour(horizontalEvens, horizontalOdds),
        verticalSecond,
        firstFour(nextVerticalEvens, nextVerticalOdds),
        imageSecond,
        firstFour(nextImageEvens, nextImageOdds),
      );
    }
    verticalEvens = nextVerticalEvens;
    verticalOdds = nextVerticalOdds;
    imageEvens = nextImageEvens;
    imageOdds = nextImageOdds;
    columns += 64;
  }
}

/** Makes a block from four coarser pixels side by side and those after them. */
function prolongBlock(
  at: usize,
  columns: usize,
  aheadIsOdd: bool,
  verticalNeighbours: v128,
  x: v128,
  y: v128,
  nextY: v128,
  image: v128,
  nextImage: v128,
): void {
  const near = f32x4.splat(0.75);
  const far = f32x4.splat(0.25);
  const insideEven = v128.load(inside + columns);
  const insideOdd = v128.load(inside + columns, 16);
  const left = v128.shuffle<f32>(nearHorizontal, x, 3, 4, 5, 6);
  const evenX = f32x4.mul(f32x4.mul(f32x4.add(left, x), f32x4.splat(0.5)), insideOdd);
  const evenY = mix(y, v128.shuffle<f32>(nearVertical, y, 3, 4, 5, 6), near, far);
  const oddY = mix(y, v128.shuffle<f32>(y, nextY, 1, 2, 3, 4), near, far);
  v128.store(at, evenX, exEven);
  v128.store(at, x, exOdd);
  v128.store(at, evenY, eyEven);
  v128.store(at, oddY, eyOdd);
  nearHorizontal = x;
  nearVertical = y;

  const above = at - rowBytes;
  const evenW = f32x4.add(f32x4.sub(left, evenX), f32x4.sub(v128.load(above, eyEven), evenY));
  const oddW = f32x4.add(f32x4.sub(evenX, x), f32x4.sub(v128.load(above, eyOdd), oddY));
  const evenWeight = v128.load(at, inverseEven);
  const oddWeight = v128.load(at, inverseOdd);
  const mu = f32x4.splat(penalty);
  let even = f32x4.mul(mu, f32x4.div(f32x4.sub(v128.load(at, pullEven), evenW), evenWeight));
  let odd = f32x4.mul(mu, f32x4.div(f32x4.sub(v128.load(at, pullOdd), oddW), oddWeight));
  if (keptShare < 1) {
    const zero = f32x4.splat(0);
    const evenImage = mix(image, v128.shuffle<f32>(nearImage, image, 3, 4, 5, 6), near, far);
    const oddImage = mix(image, v128.shuffle<f32>(image, nextImage, 1, 2, 3, 4), near, far);
    nearImage = image;
    even = v128.bitselect(even, f32x4.mul(evenImage, scaled), f32x4.gt(evenWeight, zero));
    odd = v128.bitselect(odd, f32x4.mul(oddImage, scaled), f32x4.gt(oddWeight, zero));
  }
  even = v128.and(even, f32x4.gt(insideEven, f32x4.splat(0)));
  odd = v128.and(odd, f32x4.gt(insideOdd, f32x4.splat(0)));
  v128.store(at, even, uEven);
  v128.store(at, odd, uOdd);
  v128.store(at, aheadIsOdd ? odd : even, ahead);
  v128.store(at, inverseAt(evenWeight, v128.load(horizontal + columns), verticalNeighbours), inverseEven);
  v128.store(at, inverseAt(oddWeight, v128.load(horizontal + columns, 16), verticalNeighbours), inverseOdd);
}

/** The first four of eight pixels, side by side. */
function firstFour(evens: v128, odds: v128): v128 {
  return v128.shuffle<f32>(evens, odds, 0, 4, 1, 5);
}

function secondFour(evens: v128, odds: v128): v128 {
  return v128.shuffle<f32>(evens, odds, 2, 6, 3, 7);
}

function mix(a: v128, b: v128, ofA: v128, ofB: v128): v128 {
  return f32x4.add(f32x4.mul(a, ofA), f32x4.mul(b, ofB));
}

/** Replaces m by 1 / (m/μ + number of neighbours), and by 0 outside. */
function invert(): void {
  for (let y = 0; y < height; y++) {
    const vertical = verticalNeighbours(y);
    const row = rowAt(y);
    for (let i: usize = 0; i < span; i += blockBytes) {
      for (let odd: usize = 0; odd < 32; odd += 16) {
        const at = row + i + odd;
        const neighbours = v128.load(horizontal + (i >> 3) + odd);
        v128.store(at, inverseAt(v128.load(at, inverseEven), neighbours, vertical), inverseEven);
      }
    }
  }
}

function inverseAt(weight: v128, horizontal: v128, vertical: v128): v128 {
  return inverseOf(f32x4.mul(weight, f32x4.splat(1 / penalty)), f32x4.add(horizontal, vertical));
}
