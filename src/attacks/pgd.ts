import { argmaxRows } from '../metrics/classification.ts';
import { type RandomStream, randomStream } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { chooseGoal, type Goal, type GoalOptions, reachesGoal, startStream } from './goal.ts';
import { gradientSteps } from './gradient-steps.ts';
import { batchesOf, type ImageBatch, imageSize, sliceRows, takeRows } from './images.ts';
import { marginOf } from './logits.ts';
import type { AttackProblem } from './originals.ts';
import { clip, largestRadius, type Norm } from './projections.ts';
import { sign, type StepRule, unitL2 } from './step-rules.ts';

export interface PgdOptions extends GoalOptions {
  readonly norm: Norm;
  readonly steps: number;
  /** Length of a step: absolute, or relative to the radius. */
  readonly stepSize: { readonly absolute: number } | { readonly relative: number };
  /** How gradients become steps: along their sign (L∞) or along the unit gradient (L2) if absent. */
  readonly rule?: StepRule;
  /** Starts at a uniform draw from the ball instead of the original. */
  readonly randomStart: boolean;
  /** Number of runs from different starts; only images that withstood all earlier runs are run again. */
  readonly restarts: number;
  readonly stopEarly: boolean;
}

/**
 * Projected gradient descent (Madry et al. 2018) in the L∞ or L2 ball, whose radius is the strength. The
 * result of several runs is the first one that reaches the goal, or else the one that came nearest by its
 * margin.
 */
export function pgd(options: PgdOptions): Attack {
  const { norm } = options;
  return {
    kind: 'iterated',
    maximum: largestRadius(norm),
    norm,
    search: { guess: norm === 'linf' ? 1.2 : 1 },
    prepare: async (problem) => {
      const goal = await chooseGoal(problem, options);
      return { perturb: (rows, radii) => runAll(problem, goal, rows, radii, options) };
    },
  };
}

async function runAll(
  problem: AttackProblem,
  goal: Goal,
  rows: Int32Array,
  radii: Float64Array,
  options: PgdOptions,
): Promise<Float32Array> {
  const { images } = problem;
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  const nearest = new Float64Array(rows.length).fill(-Infinity);
  /** Indices into `rows` of the images that have withstood all runs so far. */
  let left = Int32Array.from(rows.keys());
  for (let run = 0; run < options.restarts && left.length > 0; run++) {
    const some = left.map((index) => rows[index]!);
    const within = Float64Array.from(left, (index) => radii[index]!);
    // Of several runs each is judged afterwards, for which a limit has to leave a pass.
    const reserving = options.restarts === 1 ? undefined : problem.queries.reserving?.(1);
    const open = reserving === undefined ? problem : { ...problem, queries: reserving };
    const found = await runOnce(open, goal, some, within, run, options);
    if (options.restarts === 1) return found;
    const { reached, margins } = await judge(
      problem,
      { ...takeRows(images, some), pixels: found },
      goal,
      some,
    );
    left = left.filter((index, position) => {
      if (reached[position] === 1 || margins[position]! > nearest[index]!) {
        nearest[index] = margins[position]!;
        result.set(found.subarray(position * size, (position + 1) * size), index * size);
      }
      return reached[position] === 0;
    });
  }
  return result;
}

function runOnce(
  problem: AttackProblem,
  goal: Goal,
  rows: Int32Array,
  radii: Float64Array,
  run: number,
  { norm, rule, steps, stepSize, stopEarly, randomStart, seed }: PgdOptions,
): Promise<Float32Array> {
  const { images } = problem;
  const size = imageSize(images.shape);
  const starts = takeRows(images, rows).pixels;
  if (randomStart) {
    for (const [index, row] of rows.entries()) {
      const stream = randomStream(seed, run, images.ids[row]!, startStream);
      jump(starts.subarray(index * size, (index + 1) * size), radii[index]!, norm, stream);
    }
  }
  return gradientSteps(problem, {
    goal,
    rows,
    starts,
    rule: rule ?? (norm === 'linf' ? sign : unitL2),
    stepSizes: radii.map((radius) =>
      'absolute' in stepSize ? stepSize.absolute : stepSize.relative * radius,
    ),
    ball: { norm, radii },
    steps,
    stopEarly,
  });
}

/** Moves one image to a uniform draw from the ball around it, clipped to [0, 1]. */
function jump(pixels: Float32Array, radius: number, norm: Norm, stream: RandomStream): void {
  const draw = new Float32Array(pixels.length);
  let factor = radius;
  if (norm === 'linf') {
    for (let at = 0; at < draw.length; at++) draw[at] = 2 * stream.uniform() - 1;
  } else {
    // A normal direction; the size-th root makes the density uniform.
    stream.fillNormal(draw);
    const length = Math.sqrt(draw.reduce((sum, value) => sum + value * value, 0));
    factor *= stream.uniform() ** (1 / draw.length) / length;
  }
  for (let at = 0; at < pixels.length; at++) pixels[at]! += factor * draw[at]!;
  clip(pixels, 0, pixels.length);
}

/** Returns for each perturbed image whether it reaches the goal of its row, and its margin. */
async function judge(
  { queries, hooks }: AttackProblem,
  perturbed: ImageBatch,
  goal: Goal,
  rows: Int32Array,
): Promise<{ readonly reached: Uint8Array; readonly margins: Float64Array }> {
  const { classes } = queries;
  const reached = new Uint8Array(rows.length);
  const margins = new Float64Array(rows.length);
  for (const [first, end] of batchesOf(rows.length, imageSize(perturbed.shape), hooks)) {
    const logits = await queries.logits(sliceRows(perturbed, first, end));
    argmaxRows(logits, classes).forEach((predicted, position) => {
      const label = goal.labels[rows[first + position]!]!;
      margins[first + position] = goal.sign * marginOf(logits, classes, position, label);
      if (reachesGoal(goal, predicted, label)) reached[first + position] = 1;
    });
  }
  return { reached, margins };
}
