/** Measures an iteration: the objective of u, and a bound on the minimum from the dual b, whose w = ∇ᵀb. */
import {
  blockBytes,
  duals,
  inside,
  isDropped,
  pullEven,
  pullOdd,
  span,
  stiffnesses,
  uEven,
  uOdd,
} from './layout.as';
import { anisotropic, keptShare, lambda, penalty } from './problem.as';
import { lengthOf, sumOf } from './vectors.as';

export let primal: f64 = 0;
export let dual: f64 = 0;

export function resetMeasure(): void {
  primal = 0;
  dual = 0;
}

/**
 * Address at which the last shrinkage of row y leaves b, times a scale. A block has x of the even and the odd
 * columns, then y of them.
 */
export function dualRow(y: i32): usize {
  return duals + (y & 1 ? span >> 2 : 0);
}

// Vectors that the loop needs in registers. The engine would compute them in each turn, but it loads globals once.
let reciprocalOfPenalty: v128 = f32x4.splat(0);
let leastGradient: v128 = f32x4.splat(0);
let softnessOfLambda: v128 = f32x4.splat(0);
let reachOfShare: v128 = f32x4.splat(0);

// Variants are types, so that each is compiled by itself.
class Isotropic {}
class Anisotropic {}
class Whole {}
class Dropped {}

/**
 * Adds row y, whose dual is in its place, with b multiplied by `scale`. `below` is the row itself if it is
 * the last.
 */
export function measureRow(y: i32, row: usize, below: usize, scale: f32): void {
  if (y == 0) {
    memory.fill(dualRow(1), 0, span >> 2);
    memory.fill(stiffnesses, 0, span >> 3);
    reciprocalOfPenalty = f32x4.splat(1 / penalty);
    leastGradient = f32x4.splat(penalty * leastSlope);
    softnessOfLambda = f32x4.splat(softness / lambda);
    reachOfShare = f32x4.splat(reach / keptShare);
  }
  if (keptShare < 1) {
    if (anisotropic) addRow<Anisotropic, Dropped>(y, row, below, scale);
    else addRow<Isotropic, Dropped>(y, row, below, scale);
  } else {
    if (anisotropic) addRow<Anisotropic, Whole>(y, row, below, scale);
    else addRow<Isotropic, Whole>(y, row, below, scale);
  }
}

function addRow<Variation, Keeping>(y: i32, row: usize, below: usize, scale: f32): void {
  const anisotropic = idof<Variation>() == idof<Anisotropic>();
  const dropped = idof<Keeping>() == idof<Dropped>();
  const half = f32x4.splat(0.5);
  const reciprocal = reciprocalOfPenalty;
  const toDual = f32x4.splat(scale);
  let errors = f32x4.splat(0);
  let variation = f32x4.splat(0);
  let bound = f32x4.splat(0);
  let own = dualRow(y);
  let above = dualRow(y + 1);
  let stiffness = stiffnesses;
  let insides = inside;
  let leftDual = f32x4.splat(0);
  let leftStiffness = f32x4.splat(0);
  let even = v128.load(row, uEven);
  for (let at = row; at < row + span; at += blockBytes) {
    const odd = v128.load(at, uOdd);
    const next = v128.load(at, blockBytes + uEven);
    const evenDx = f32x4.sub(odd, even);
    const oddDx = f32x4.sub(v128.shuffle<f32>(even, next, 1, 2, 3, 4), odd);
    const evenDy = f32x4.sub(v128.load(below, uEven), even);
    const oddDy = f32x4.sub(v128.load(below, uOdd), odd);
    const evenSize = sizeOf<Variation>(evenDx, evenDy);
    const oddSize = sizeOf<Variation>(oddDx, oddDy);
    const insideEven = v128.load(insides);
    const insideOdd = v128.load(insides, 16);
    variation = f32x4.add(
      variation,
      f32x4.add(f32x4.mul(insideEven, evenSize), f32x4.mul(insideOdd, oddSize)),
    );

    const evenX = v128.load(own);
    const oddX = v128.load(own, 16);
    const left = v128.shuffle<f32>(leftDual, oddX, 3, 4, 5, 6);
    leftDual = oddX;
    const ofRowEven = f32x4.sub(v128.load(above, 32), v128.load(own, 32));
    const ofRowOdd = f32x4.sub(v128.load(above, 48), v128.load(own, 48));
    const evenW = f32x4.mul(toDual, f32x4.add(f32x4.sub(left, evenX), ofRowEven));
    const oddW = f32x4.mul(toDual, f32x4.add(f32x4.sub(evenX, oddX), ofRowOdd));
    const evenU = f32x4.mul(even, reciprocal);
    const oddU = f32x4.mul(odd, reciprocal);
    const evenF = v128.load(at, pullEven);
    const oddF = v128.load(at, pullOdd);
    const evenError = f32x4.sub(evenU, evenF);
    const oddError = f32x4.sub(oddU, oddF);
    // A kept pixel adds ½(u − f)² to the objective and wf − ½w² to the bound.
    let evenSquare = f32x4.mul(insideEven, f32x4.mul(evenError, evenError));
    let oddSquare = f32x4.mul(insideOdd, f32x4.mul(oddError, oddError));
    let evenLeast = f32x4.mul(evenW, f32x4.sub(evenF, f32x4.mul(half, evenW)));
    let oddLeast = f32x4.mul(oddW, f32x4.sub(oddF, f32x4.mul(half, oddW)));
    if (dropped) {
      const evenStiffX = stiffnessOf(anisotropic ? f32x4.abs(evenDx) : evenSize);
      const oddStiffX = stiffnessOf(anisotropic ? f32x4.abs(oddDx) : oddSize);
      const evenStiffY = anisotropic ? stiffnessOf(f32x4.abs(evenDy)) : evenStiffX;
      const oddStiffY = anisotropic ? stiffnessOf(f32x4.abs(oddDy)) : oddStiffX;
      const evenStiffness = f32x4.add(
        f32x4.add(v128.shuffle<f32>(leftStiffness, oddStiffX, 3, 4, 5, 6), evenStiffX),
        f32x4.add(v128.load(stiffness), evenStiffY),
      );
      const oddStiffness = f32x4.add(
        f32x4.add(evenStiffX, oddStiffX),
        f32x4.add(v128.load(stiffness, 16), oddStiffY),
      );
      v128.store(stiffness, evenStiffY);
      v128.store(stiffness, oddStiffY, 16);
      leftStiffness = oddStiffX;
      const evenDropped = isDropped(evenF);
      const oddDropped = isDropped(oddF);
      evenSquare = v128.andnot(evenSquare, evenDropped);
      oddSquare = v128.andnot(oddSquare, oddDropped);
      evenLeast = v128.bitselect(leastOfDropped(evenU, evenW, evenStiffness), evenLeast, evenDropped);
      oddLeast = v128.bitselect(leastOfDropped(oddU, oddW, oddStiffness), oddLeast, oddDropped);
    }
    errors = f32x4.add(errors, f32x4.add(evenSquare, oddSquare));
    bound = f32x4.add(bound, f32x4.add(f32x4.mul(insideEven, evenLeast), f32x4.mul(insideOdd, oddLeast)));

    even = next;
    below += blockBytes;
    own += 64;
    above += 64;
    stiffness += 32;
    insides += 32;
  }
  primal += 0.5 * <f64>sumOf(errors) + (<f64>lambda / <f64>penalty) * <f64>sumOf(variation);
  dual += <f64>sumOf(bound);
}

function sizeOf<Variation>(dx: v128, dy: v128): v128 {
  if (idof<Variation>() == idof<Anisotropic>()) return f32x4.add(f32x4.abs(dx), f32x4.abs(dy));
  return lengthOf(dx, dy);
}

// These are `droppedPixels` of problem.ts.
const softness: f32 = 6.7;
const leastSlope: f32 = 3e-3;
const reach: f32 = 8e-4;

/** 1 / |∇u|, from the gradient of μu. */
function stiffnessOf(gradient: v128): v128 {
  return f32x4.div(f32x4.splat(penalty), f32x4.add(gradient, leastGradient));
}

/** wu less the estimated decrease that is still possible at a dropped pixel. */
function leastOfDropped(u: v128, w: v128, stiffness: v128): v128 {
  const size = f32x4.abs(w);
  const distance = f32x4.add(f32x4.div(f32x4.mul(softnessOfLambda, size), stiffness), reachOfShare);
  return f32x4.sub(f32x4.mul(w, u), f32x4.mul(size, distance));
}
