/**
 * Relaxes the two halves of a checkerboard: μu = (mf + ∇ᵀ(d − b) + sum of the neighbours) / (m/μ + number of
 * neighbours).
 */
import {
  ahead,
  blockBytes,
  inverseEven,
  inverseOdd,
  rightEven,
  rightOdd,
  rowAt,
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
 * Factor of the right side from m/μ and the number of neighbours: 1 over their sum, and 0 outside, where that
 * number is ∞.
 */
export function inverseOf(weight: v128, neighbours: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.pmax(f32x4.add(weight, neighbours), f32x4.splat(1e-6)));
}

// Parities are types, so that each is compiled by itself.
class Even {}
class Odd {}

/**
 * Relaxes the red pixels of row y and, in the same walk, the black ones of the row above it. Red pixels are
 * those whose row and column are both even or both odd; they read black ones that were moved ahead. The black
 * pixels of the row above are in the same columns, and the red ones are their lower neighbours.
 */
export function relax(y: i32, beta: f32): void {
  if (y & 1) relaxRow<Odd>(rowAt(y), beta);
  else relaxRow<Even>(rowAt(y), beta);
}

/**
 * Relaxes the columns of one parity. Of the four neighbours in the other columns, three are in the same
 * vector and one in the vector beside it.
 */
function relaxRow<Parity>(row: usize, beta: f32): void {
  const odd = idof<Parity>() == idof<Odd>();
  const u: usize = odd ? uOdd : uEven;
  const right: usize = odd ? rightOdd : rightEven;
  const inverse: usize = odd ? inverseOdd : inverseEven;
  const besideRed: usize = odd ? blockBytes + ahead : ahead;
  const besideBlack: usize = odd ? blockBytes + uEven : uOdd;
  const further = f32x4.splat(beta);
  const end = row + span;
  const bytes = rowBytes;
  let above = row - bytes;
  let nearRed = odd ? v128.load(row, ahead) : f32x4.splat(0);
  let nearBlack = odd ? v128.load(above, uEven) : f32x4.splat(0);
  for (let at = row; at < end; at += blockBytes) {
    const nextRed = v128.load(at, besideRed);
    const red = relaxed(
      v128.load(at, right),
      odd ? nearRed : v128.shuffle<f32>(nearRed, nextRed, 3, 4, 5, 6),
      odd ? v128.shuffle<f32>(nearRed, nextRed, 1, 2, 3, 4) : nextRed,
      v128.load(above, ahead),
      v128.load(at + bytes, ahead),
      v128.load(at, inverse),
    );
    nearRed = nextRed;
    v128.store(at, red, u);

    const nextBlack = v128.load(above, besideBlack);
    const black = relaxed(
      v128.load(above, right),
      odd ? nearBlack : v128.shuffle<f32>(nearBlack, nextBlack, 3, 4, 5, 6),
      odd ? v128.shuffle<f32>(nearBlack, nextBlack, 1, 2, 3, 4) : nextBlack,
      v128.load(above - bytes, u),
      red,
      v128.load(above, inverse),
    );
    nearBlack = nextBlack;
    const step = f32x4.sub(black, v128.load(above, u));
    v128.store(above, f32x4.add(black, f32x4.mul(further, step)), ahead);
    v128.store(above, black, u);
    above += blockBytes;
  }
}
