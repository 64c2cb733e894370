/** The two halves of a checkerboard: μu = (mf + ∇ᵀ(d − b) + sum of the neighbours) / (m/μ + number of neighbours). */
import {
  ahead,
  blockBytes,
  inverseEven,
  inverseOdd,
  rightEven,
  rightOdd,
  rowBytes,
  span,
  uEven,
  uOdd,
} from './layout.as';

function relaxed(known: v128, left: v128, right: v128, above: v128, below: v128, scale: v128): v128 {
  const neighbours = f32x4.add(f32x4.add(left, right), f32x4.add(above, below));
  return f32x4.mul(f32x4.add(known, neighbours), scale);
}

/**
 * Red pixels are those whose row and column are together even or odd. They look at black ones that have gone ahead. In one walk: the red
 * pixels of the row and the black ones of the row above it, which lie in the same columns, and have the red ones as their lower neighbours.
 * Here those are the even columns: the row is even.
 */
export function relaxEven(row: usize, beta: f32): void {
  const further = f32x4.splat(beta);
  const end = row + span;
  let above = row - rowBytes;
  let aboveThat = above - rowBytes;
  let below = row + rowBytes;
  let nearRed = f32x4.splat(0);
  let nearBlack = f32x4.splat(0);
  for (let at = row; at < end; at += blockBytes) {
    const right = v128.load(at, ahead);
    const red = relaxed(
      v128.load(at, rightEven),
      v128.shuffle<f32>(nearRed, right, 3, 4, 5, 6),
      right,
      v128.load(above, ahead),
      v128.load(below, ahead),
      v128.load(at, inverseEven),
    );
    nearRed = right;
    v128.store(at, red, uEven);

    const rightOfBlack = v128.load(above, uOdd);
    const black = relaxed(
      v128.load(above, rightEven),
      v128.shuffle<f32>(nearBlack, rightOfBlack, 3, 4, 5, 6),
      rightOfBlack,
      v128.load(aboveThat, uEven),
      red,
      v128.load(above, inverseEven),
    );
    nearBlack = rightOfBlack;
    const step = f32x4.sub(black, v128.load(above, uEven));
    v128.store(above, f32x4.add(black, f32x4.mul(further, step)), ahead);
    v128.store(above, black, uEven);
    above += blockBytes;
    aboveThat += blockBytes;
    below += blockBytes;
  }
}

/** The same of an odd row: odd columns. */
export function relaxOdd(row: usize, beta: f32): void {
  const further = f32x4.splat(beta);
  const end = row + span;
  let above = row - rowBytes;
  let aboveThat = above - rowBytes;
  let below = row + rowBytes;
  let nearRed = v128.load(row, ahead);
  let nearBlack = v128.load(above, uEven);
  for (let at = row; at < end; at += blockBytes) {
    const next = v128.load(at, blockBytes + ahead);
    const red = relaxed(
      v128.load(at, rightOdd),
      nearRed,
      v128.shuffle<f32>(nearRed, next, 1, 2, 3, 4),
      v128.load(above, ahead),
      v128.load(below, ahead),
      v128.load(at, inverseOdd),
    );
    nearRed = next;
    v128.store(at, red, uOdd);

    const nextOfBlack = v128.load(above, blockBytes + uEven);
    const black = relaxed(
      v128.load(above, rightOdd),
      nearBlack,
      v128.shuffle<f32>(nearBlack, nextOfBlack, 1, 2, 3, 4),
      v128.load(aboveThat, uOdd),
      red,
      v128.load(above, inverseOdd),
    );
    nearBlack = nextOfBlack;
    const step = f32x4.sub(black, v128.load(above, uOdd));
    v128.store(above, f32x4.add(black, f32x4.mul(further, step)), ahead);
    v128.store(above, black, uOdd);
    above += blockBytes;
    aboveThat += blockBytes;
    below += blockBytes;
  }
}
