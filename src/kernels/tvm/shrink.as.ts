/**
 * Shrinkage: s = e + ρ∇u; b is its projection on the disc (anisotropic: the square) of radius λ, and d the
 * rest. It leaves the right side of the next relaxation, and optionally everything for another μ and ρ.
 */
import { dualRow, measureRow } from './bound.as';
import {
  blockBytes,
  constants,
  exEven,
  exOdd,
  eyEven,
  eyOdd,
  gyEven,
  gyOdd,
  height,
  mirror,
  pullEven,
  pullOdd,
  rightEven,
  rightOdd,
  rowAt,
  rowBytes,
  span,
  uEven,
  uOdd,
  unmirror,
} from './layout.as';
import { anisotropic, lambda, rho } from './problem.as';
import { lengthOf } from './vectors.as';

// Offsets in bytes of the vectors in a set of constants. One set is for iterations that keep μ and ρ, and one
// for the last, which may change them.
const mostAt: usize = 0;
const leastAt: usize = 16;
const betaAt: usize = 32;
const gammaAt: usize = 48;
const deltaAt: usize = 64;
const setBytes: usize = 80;
/** b divided by what the last shrinkage multiplies s by. */
let toDual: f32 = 1;

/** Prepares shrinkage for ρ that leaves e and g for μ' = kμ and ρ'. */
export function prepare(ofRho: f32, k: f32, nextRho: f32): void {
  setConstants(constants, ofRho, 1, ofRho);
  setConstants(constants + setBytes, ofRho, k, nextRho);
}

/**
 * In units of ρ (u in units of μ), s = e + ∇u, b = ts with t = min(ρ, λ/|s|), and d = (ρ − t)s. What is
 * stored is for the next μ' = kμ and ρ': e = (b + (1 − ρ')kd) / ρ' = (αt + β)s, and g = kd − b = (γ − δαt)s.
 */
function setConstants(set: usize, ofRho: f32, k: f32, nextRho: f32): void {
  const alpha: f32 = (1.0 - (1.0 - nextRho) * k) / nextRho;
  toDual = 1 / alpha;
  v128.store(set, f32x4.splat(alpha * lambda), mostAt);
  v128.store(set, f32x4.splat(lambda / ofRho), leastAt);
  v128.store(set, f32x4.splat(((1 - nextRho) * k * ofRho) / nextRho), betaAt);
  v128.store(set, f32x4.splat(k * ofRho), gammaAt);
  v128.store(set, f32x4.splat((k + 1) / alpha), deltaAt);
}

/** Prepares shrinkage for ρ after whose last iteration b takes the place of e. */
export function prepareToDual(): void {
  prepare(rho, 1, rho);
  v128.store(constants, f32x4.splat(lambda), setBytes + mostAt);
  v128.store(constants, f32x4.splat(0), setBytes + betaAt);
}

/** Shrinks row y of the current level, in the last iteration of a walk or in one before it. */
export function shrink(y: i32, isLast: bool): void {
  const row = rowAt(y);
  mirror(row, uEven);
  const below = y == height - 1 ? row : row + rowBytes;
  const set = isLast ? constants + setBytes : constants;
  if (anisotropic) shrinkRow<Anisotropic, Unmeasured>(row, below, set, 0);
  else shrinkRow<Isotropic, Unmeasured>(row, below, set, 0);
  unmirror(row, uEven);
}

/** Shrinks and measures row y in the last iteration. Rows must follow each other. */
export function shrinkMeasured(y: i32): void {
  const row = rowAt(y);
  mirror(row, uEven);
  const below = y == height - 1 ? row : row + rowBytes;
  const set = constants + setBytes;
  const dual = dualRow(y);
  if (anisotropic) shrinkRow<Anisotropic, Measured>(row, below, set, dual);
  else shrinkRow<Isotropic, Measured>(row, below, set, dual);
  measureRow(y, row, below, toDual);
  unmirror(row, uEven);
}

// Variants are types, so that each combination is compiled by itself.
class Isotropic {}
class Anisotropic {}
class Measured {}
class Unmeasured {}

/**
 * Shrinks even and odd columns together, because the right side needs the split gradient of the left and the
 * upper neighbour. If measured, b goes to `dual`.
 */
function shrinkRow<Variation, Measure>(row: usize, below: usize, set: usize, dual: usize): void {
  const anisotropic = idof<Variation>() == idof<Anisotropic>();
  const measured = idof<Measure>() == idof<Measured>();
  const most = v128.load(set, mostAt);
  const least = v128.load(set, leastAt);
  const beta = v128.load(set, betaAt);
  const gamma = v128.load(set, gammaAt);
  const delta = v128.load(set, deltaAt);
  let leftGx = f32x4.splat(0);
  let even = v128.load(row, uEven);
  const end = row + span;
  let above = row - rowBytes;
  for (let at = row; at < end; at += blockBytes) {
    const odd = v128.load(at, uOdd);
    const next = v128.load(at, blockBytes + uEven);

    const evenDx = f32x4.sub(odd, even);
    const evenDy = f32x4.sub(v128.load(below, uEven), even);
    let sx = f32x4.add(v128.load(at, exEven), evenDx);
    let sy = f32x4.add(v128.load(at, eyEven), evenDy);
    let tx = anisotropic ? share(f32x4.abs(sx), most, least) : share(lengthOf(sx, sy), most, least);
    let ty = anisotropic ? share(f32x4.abs(sy), most, least) : tx;
    v128.store(at, f32x4.mul(sx, f32x4.add(tx, beta)), exEven);
    v128.store(at, f32x4.mul(sy, f32x4.add(ty, beta)), eyEven);
    const evenGx = f32x4.mul(sx, f32x4.sub(gamma, f32x4.mul(delta, tx)));
    const evenGy = f32x4.mul(sy, f32x4.sub(gamma, f32x4.mul(delta, ty)));
    if (measured) {
      v128.store(dual, f32x4.mul(sx, tx));
      v128.store(dual, f32x4.mul(sy, ty), 32);
    }

    const oddDx = f32x4.sub(v128.shuffle<f32>(even, next, 1, 2, 3, 4), odd);
    const oddDy = f32x4.sub(v128.load(below, uOdd), odd);
    sx = f32x4.add(v128.load(at, exOdd), oddDx);
    sy = f32x4.add(v128.load(at, eyOdd), oddDy);
    tx = anisotropic ? share(f32x4.abs(sx), most, least) : share(lengthOf(sx, sy), most, least);
    ty = anisotropic ? share(f32x4.abs(sy), most, least) : tx;
    v128.store(at, f32x4.mul(sx, f32x4.add(tx, beta)), exOdd);
    v128.store(at, f32x4.mul(sy, f32x4.add(ty, beta)), eyOdd);
    const oddGx = f32x4.mul(sx, f32x4.sub(gamma, f32x4.mul(delta, tx)));
    const oddGy = f32x4.mul(sy, f32x4.sub(gamma, f32x4.mul(delta, ty)));

    leftGx = v128.shuffle<f32>(leftGx, oddGx, 3, 4, 5, 6);
    const evenRight = rightSide(v128.load(at, pullEven), leftGx, evenGx, v128.load(above, gyEven), evenGy);
    const oddRight = rightSide(v128.load(at, pullOdd), evenGx, oddGx, v128.load(above, gyOdd), oddGy);
    v128.store(at, evenRight, rightEven);
    v128.store(at, oddRight, rightOdd);
    v128.store(at, evenGy, gyEven);
    v128.store(at, oddGy, gyOdd);

    if (measured) {
      v128.store(dual, f32x4.mul(sx, tx), 16);
      v128.store(dual, f32x4.mul(sy, ty), 48);
      dual += 64;
    }
    leftGx = oddGx;
    even = next;
    below += blockBytes;
    above += blockBytes;
  }
}

/**
 * The right side of a relaxation, mf + ∇ᵀ(d − b), from d − b along x of the pixel to the left and of the
 * pixel itself, and along y of the pixel above and of the pixel itself.
 */
function rightSide(pull: v128, leftGx: v128, gx: v128, aboveGy: v128, gy: v128): v128 {
  return f32x4.add(pull, f32x4.add(f32x4.sub(leftGx, gx), f32x4.sub(aboveGy, gy)));
}

/** αt: α min(ρ, λ / length). */
function share(length: v128, most: v128, least: v128): v128 {
  return f32x4.div(most, f32x4.pmax(least, length));
}
