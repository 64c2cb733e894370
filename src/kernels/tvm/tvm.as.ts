/**
 * Total variation minimisation of one image: split Bregman (ADMM; Goldstein and Osher, 2009) in float32 with
 * 128-bit SIMD, from coarse to fine. docs/kernels.md explains the idea, reference.ts is the definition, and
 * only wasm.ts calls it.
 */
import { dual, primal, resetMeasure } from './bound.as';
import { iterate } from './iteration.as';
import {
  channels,
  describeColumns,
  kept,
  height,
  loadChannel,
  storeChannel,
  useLevel,
  varied,
  width,
} from './layout.as';
import { startAlone, startChannel } from './levels.as';
import { keptShare, penalty, setKeptShare, setParameters } from './problem.as';
import {
  firstCheck,
  firstRate,
  momentumAt,
  mostBetweenChecks,
  overRelaxationOf,
  penaltyOf,
  schedule,
  slowing,
  stageOf,
} from './schedule.as';

export { reserve } from './layout.as';

/** The most iterations that walk over the rows together. */
const iterationsAtOnce: i32 = 8;
/** Negligible decrease of the objective per pixel, in units of λ: `negligible` of problem.ts. */
const negligible: f64 = 2e-7;

/** Objective of the last `solve`, and the bound on its relative distance to the minimum. */
export let objective: f64 = 0;
export let gap: f64 = 0;
/** Whether the last `solve` reached its tolerance. */
export let converged: bool = false;

/**
 * Minimises ½‖m(u − f)‖² + λ TV(u) over the reserved pixels, where a dropped one (m = 0) is −1, and leaves u
 * there, cut to [0, 1]. It stops when (objective − bound) ≤ tolerance · objective, or after `limit`
 * iterations, and returns their number.
 */
export function solve(lambda: f32, anisotropic: bool, tolerance: f64, limit: i32): i32 {
  objective = 0;
  gap = 0;
  converged = true;
  let iterations = 0;
  if (load() && lambda > 0) {
    schedule(lambda, anisotropic, keptShare < 1);
    for (let c = 0; c < channels; c++) startChannel(c, lambda, anisotropic);
    iterations = run(lambda, tolerance, max(limit, 1));
  } else {
    // There is nothing to smooth, so the start is the minimum.
    setParameters(1, 1);
    for (let c = 0; c < channels; c++) {
      useLevel(c, 0);
      startAlone();
    }
  }
  for (let c = 0; c < channels; c++) {
    useLevel(c, 0);
    storeChannel(c, 1 / penalty);
  }
  return iterations;
}

/** Reads all channels. Returns whether the kept pixels of any channel differ. */
function load(): bool {
  let count: f64 = 0;
  let anyVaried = false;
  useLevel(0, 0);
  describeColumns();
  for (let c = 0; c < channels; c++) {
    useLevel(c, 0);
    loadChannel(c);
    count += kept;
    anyVaried = anyVaried || varied;
  }
  setKeptShare(<f32>(count / <f64>(width * height * channels)));
  return anyVaried;
}

/** Iterates all channels until the tolerance or the limit. */
function run(lambda: f32, tolerance: f64, limit: i32): i32 {
  const floor = negligible * <f64>lambda * <f64>(width * height * channels);
  let iteration = 0;
  let nextCheck = min(firstCheck(), limit);
  let before = 0.0;
  let checked = 0;
  while (true) {
    const stage = stageOf(iteration);
    let count = 1;
    while (count < iterationsAtOnce && iteration + count < nextCheck && stageOf(iteration + count) == stage) {
      count++;
    }
    const measured = iteration + count == nextCheck;
    iterateChannels(iteration, count, measured);
    iteration += count;
    if (!measured) continue;
    objective = primal;
    gap = primal > 0 ? max(primal - dual, 0) / primal : 0;
    converged = gap <= tolerance || gap * primal <= floor;
    if (converged || iteration >= limit) return iteration;
    const rate = checked == 0 ? firstRate() : Math.log(before / gap) / (slowing * (iteration - checked));
    checked = iteration;
    before = gap;
    const expected = Math.log(gap / max(tolerance, 1e-12)) / max(rate, 1e-3);
    nextCheck = min(iteration + <i32>Math.ceil(min(max(expected, 1), mostBetweenChecks)), limit);
  }
}

/** Does `count` iterations of one stage. */
function iterateChannels(iteration: i32, count: i32, measured: bool): void {
  const stage = stageOf(iteration);
  const next = stageOf(iteration + count);
  resetMeasure();
  for (let c = 0; c < channels; c++) {
    useLevel(c, 0);
    setParameters(penaltyOf(stage), overRelaxationOf(stage));
    iterate(count, momentumAt(iteration), measured, penaltyOf(next), overRelaxationOf(next));
  }
  setParameters(penaltyOf(next), overRelaxationOf(next));
}
