/** Iterations of split Bregman over the current level. */
import {
  ahead,
  blockBytes,
  height,
  horizontal,
  inverseEven,
  isDropped,
  pullEven,
  rowAt,
  span,
  uEven,
  uOdd,
  verticalNeighbours,
} from './layout.as';
import { penalty, rho } from './problem.as';
import { inverseOf, relax } from './relax.as';
import { prepare, prepareToDual, shrink, shrinkMeasured } from './shrink.as';

/** Starts from μu and the dual b in the place of e. d is the part of ∇u that exceeds the ball. */
export function startSplit(): void {
  prepare(1, 1, rho);
  for (let y = 0; y < height; y++) shrink(y, true);
}

/** Does `count` iterations, after the last of which the dual b takes the place of e. */
export function iterateToDual(count: i32, momentum: f32): void {
  prepareToDual();
  walk(count, momentum, false, 1);
}

/**
 * Does `count` iterations. The last leaves everything for the next μ and ρ, and is measured if `measured`.
 */
export function iterate(count: i32, momentum: f32, measured: bool, nextPenalty: f32, nextRho: f32): void {
  const k = nextPenalty / penalty;
  prepare(rho, k, nextRho);
  walk(count, momentum, measured, k);
}

/**
 * Does `count` iterations in one walk over the rows, so that what they share stays in the cache: red of row
 * y, black of row y − 1, shrinkage of row y − 2, and each further iteration two rows behind the one before
 * it.
 */
function walk(count: i32, momentum: f32, measured: bool, k: f32): void {
  const last = count - 1;
  for (let front = 0; front < height + 2 * count; front++) {
    // The iterations that are at a row of the image, or one or two past its last.
    const first = max(0, (front - height) >> 1);
    const most = min(last, front >> 1);
    for (let behind = first; behind <= most; behind++) {
      const y = front - 2 * behind;
      if (y <= height) relax(y, momentum);
      if (y < 2) continue;
      if (measured && behind == last) shrinkMeasured(y - 2);
      else shrink(y - 2, behind == last);
      if (k != 1 && behind == last) advance(y - 2, k);
    }
  }
}

/** Brings row y into units of the next μ. */
function advance(y: i32, k: f32): void {
  const scale = f32x4.splat(k);
  const reciprocal = f32x4.splat(1 / (k * penalty));
  const vertical = verticalNeighbours(y);
  const row = rowAt(y);
  const end = row + span;
  let neighbours = horizontal;
  for (let at = row; at < end; at += blockBytes) {
    v128.store(at, f32x4.mul(v128.load(at, uEven), scale), uEven);
    v128.store(at, f32x4.mul(v128.load(at, uOdd), scale), uOdd);
    v128.store(at, f32x4.mul(v128.load(at, ahead), scale), ahead);
    for (let odd: usize = 0; odd < 2; odd++) {
      const half = at + (odd << 4);
      const weight = v128.andnot(reciprocal, isDropped(v128.load(half, pullEven)));
      const count = f32x4.add(v128.load(neighbours + (odd << 4)), vertical);
      v128.store(half, inverseOf(weight, count), inverseEven);
    }
    neighbours += 32;
  }
}
