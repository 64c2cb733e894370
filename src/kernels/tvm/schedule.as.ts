/**
 * Schedule of the parameters over the iterations: a soft start spreads far, a stiff end converges. It was
 * tuned on photographs at λ = 0.03 and is scaled for other λ. The result is measured, so a bad choice only
 * costs iterations.
 */

/** The λ for which the values of μ below are meant. */
const usualLambda: f64 = 0.03;

let lambdaScale: f32 = 1;
let isDropped: bool = false;
let isAnisotropic: bool = false;

/** Chooses the schedule of the next image. */
export function schedule(lambda: f32, anisotropic: bool, dropped: bool): void {
  const ratio = <f64>lambda / usualLambda;
  const root = Math.cbrt(ratio);
  lambdaScale = <f32>(dropped ? min(ratio, root) : root);
  isDropped = dropped;
  isAnisotropic = anisotropic;
}

/**
 * How far ahead red pixels read black ones, in units of their last step. This speeds up the start, but would
 * keep the end from converging.
 */
export function momentumAt(iteration: i32): f32 {
  if (iteration >= steady) return 0;
  return isDropped ? 0.3 : 0.43;
}

export function coarseIterations(level: i32): i32 {
  if (isDropped) return level == 1 ? 3 : level == 2 ? 5 : level == 3 ? 3 : 1;
  return level == 1 ? 3 : 4;
}

export function coarsePenalty(level: i32): f32 {
  if (isDropped) return lambdaScale * <f32>(level == 1 ? 0.3 : level == 2 ? 0.6 : 0.4);
  return lambdaScale * <f32>(level == 1 ? 0.9 : 1.7);
}

// Iterations of the image itself go through stages.
const steady: i32 = 60;
const late: i32 = 200;

export function stageOf(iteration: i32): i32 {
  if (iteration >= late) return 5;
  if (iteration >= steady) return 4;
  if (isDropped) return iteration < 6 ? 0 : iteration < 16 ? 1 : iteration < 18 ? 2 : 3;
  return iteration < 4 ? 0 : iteration < 8 ? 1 : iteration < 14 ? 2 : 3;
}

export function penaltyOf(stage: i32): f32 {
  if (isDropped) return lambdaScale * <f32>(stage == 0 ? 0.1 : stage == 1 ? 0.88 : stage == 2 ? 1.4 : 2.35);
  return lambdaScale * <f32>(stage == 0 ? 0.55 : stage == 1 ? 1.5 : stage == 2 ? 2.5 : 2.9);
}

/**
 * ρ of a stage. Over-relaxation nearly halves the iterations of isotropic variation; with anisotropic
 * variation it runs in circles, because its balls have corners.
 */
export function overRelaxationOf(stage: i32): f32 {
  return isAnisotropic || stage == 5 ? 1 : isDropped ? 1.65 : 1.56;
}

// A check costs about as much as an iteration, so the next one comes when the gap should have fallen to the
// tolerance. On photographs the logarithm of the gap falls at the first rate initially, and later two thirds
// as fast as before.

export function firstCheck(): i32 {
  return isDropped ? 19 : 8;
}

export function firstRate(): f64 {
  return isDropped ? 0.12 : 0.28;
}

export const slowing: f64 = 1.5;
export const mostBetweenChecks: f64 = 20;
