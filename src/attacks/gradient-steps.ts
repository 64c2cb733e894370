import { argmaxRows } from '../metrics/classification.ts';
import { gather, runActiveSet } from './active-set.ts';
import { type Goal, goalGradient, reachesGoal } from './goal.ts';
import { batchCapacity, type ImageBatch, imageSize, takeRows } from './images.ts';
import { deviceForm, type DeviceGradient, isPlainLoss } from './on-device/device-queries.ts';
import { stepsOnDevice } from './on-device/steps.ts';
import type { AttackProblem } from './originals.ts';
import { clip, type Norm, project } from './projections.ts';
import type { Gradients } from './queries.ts';
import { sign, type Stepper, unitL2 } from './step-rules.ts';

/**
 * Starts a step rule for one image of `size` values. What it returns may have a `lookAhead`, which it keeps up
 * to date: the point at which the next gradient is taken, relative to the image and at step size 1.
 */
export type LookAheadRule = (size: number) => Stepper & { readonly lookAhead?: Float32Array };

/**
 * Returns the gradients to follow at some `points`, whose labels are those of the goal, in the direction of the goal. `here`
 * are the images themselves, side by side, which differ from the points if the rule looks ahead; `rows` are their rows.
 */
export type GradientAt = (
  points: ImageBatch,
  here: Float32Array,
  rows: readonly number[],
) => Promise<Gradients>;

/** Steps along the gradient of a goal for some rows of the images. Arrays have one entry per row. */
export interface GradientSteps {
  readonly goal: Goal;
  readonly rows: Int32Array;
  /** Images at which the rows start, side by side; the originals if absent. */
  readonly starts?: Float32Array;
  /**
   * Turns gradients into steps. With a look-ahead, the gradient and the class for `stopEarly` are those of the
   * point ahead, which is not clipped.
   */
  readonly rule: LookAheadRule;
  /** Takes the gradients; that of the goal if absent. It may also estimate them, or change them. */
  readonly gradientAt?: GradientAt;
  /** Whether the logits of `gradientAt` are not those of the images, so that a trace does not know their classes. */
  readonly asksElsewhere?: boolean;
  /** Step size of each row, which multiplies the step of the rule. */
  readonly stepSizes: Float64Array;
  /** Ball around each original that no step leaves; unbounded if absent. */
  readonly ball?: { readonly norm: Norm; readonly radii: Float64Array };
  readonly steps: number;
  /** Number of steps that already led to `starts`; 0 if absent. */
  readonly taken?: number;
  /** Stops an image when it reaches the goal, one step late, because the next gradient shows it. */
  readonly stopEarly?: boolean;
}

/**
 * Takes all steps and returns the images side by side. Each step moves an image by `stepSize` times the step
 * of the rule, then projects it onto its ball, then clips it to [0, 1]. Marks images whose first gradient is
 * exactly zero. If the queries are limited, an image ends when one is refused: at the last of its points that reached the
 * goal, or else where it is.
 */
export async function gradientSteps(problem: AttackProblem, options: GradientSteps): Promise<Float32Array> {
  const { queries, images, originals, hooks } = problem;
  const { goal, rows, rule, stepSizes, ball, steps, taken: before = 0, stopEarly = false } = options;
  const size = imageSize(images.shape);
  const result = options.starts?.slice() ?? takeRows(images, rows).pixels;
  if (steps <= before) return result;
  const onDevice = deviceFormOf(problem, options);
  if (onDevice !== null) {
    const { norm, gradientOf } = onDevice;
    const radii = ball?.radii ?? null;
    const same = { goal, norm, rows, starts: result, stepSizes, radii, steps, taken: before, stopEarly };
    return stepsOnDevice(problem, same, gradientOf);
  }
  const capacity = Math.min(rows.length, batchCapacity(size, hooks));
  const indices = new Int32Array(capacity);
  const taken = new Int32Array(capacity);
  const current = new Float32Array(capacity * size);
  /** The latest point of each slot that reached the goal; kept only if the queries may end. */
  const reachedPoints: (Float32Array | null)[] = [];
  const { isSpent } = queries;
  const gradientAt: GradientAt = options.gradientAt ?? ((points) => goalGradient(queries, points, goal));
  const trace = problem.trace?.follow(queries, { ...goal, norm: ball?.norm ?? 'linf' });
  const steppers: ReturnType<LookAheadRule>[] = [];
  const move = (slot: number, gradient: Float32Array): void => {
    const index = indices[slot]!;
    const row = rows[index]!;
    const at = slot * size;
    if (taken[slot] === 0 && gradient.every((slope) => slope === 0)) originals.markZeroGradient(row);
    steppers[slot]!(gradient);
    const stepSize = stepSizes[index]!;
    for (let offset = 0; offset < size; offset++) current[at + offset]! += stepSize * gradient[offset]!;
    if (ball !== undefined)
      project(images.pixels, row * size, current, at, size, ball.radii[index]!, ball.norm);
    clip(current, at, size);
  };
  /** The points at which the gradients of some slots are taken, side by side. */
  const pointsOf = (slots: Int32Array): Float32Array => {
    const points = gather(current, slots, size);
    for (const [position, slot] of slots.entries()) {
      const { lookAhead } = steppers[slot]!;
      if (lookAhead === undefined) continue;
      const stepSize = stepSizes[indices[slot]!]!;
      for (let at = 0; at < size; at++) points[position * size + at]! += stepSize * lookAhead[at]!;
    }
    return points;
  };
  await runActiveSet(
    rows.length,
    capacity,
    {
      enter: (slot, index) => {
        indices[slot] = index;
        taken[slot] = before;
        steppers[slot] = rule(size);
        reachedPoints[slot] = null;
        current.set(result.subarray(index * size, (index + 1) * size), slot * size);
      },
      step: async (slots) => {
        const some = Array.from(slots, (slot) => rows[indices[slot]!]!);
        const labels = Int32Array.from(some, (row) => goal.labels[row]!);
        const batch = { ...takeRows(images, some), pixels: pointsOf(slots), labels };
        const here = gather(current, slots, size);
        const { gradient, logits } = await gradientAt(batch, here, some);
        const predicted = stopEarly || isSpent !== undefined ? argmaxRows(logits, queries.classes) : null;
        return slots.filter((slot, position) => {
          const index = indices[slot]!;
          if (trace !== undefined) {
            const isElsewhere = steppers[slot]!.lookAhead !== undefined || options.asksElsewhere === true;
            const point = here.subarray(position * size, (position + 1) * size);
            trace.visit(rows[index]!, point, logits, position, { isElsewhere });
          }
          const wasRefused = isSpent?.(batch.ids[position]!) === true;
          const isReached =
            !wasRefused && predicted !== null && reachesGoal(goal, predicted[position]!, labels[position]!);
          // The class is that of the image only if the rule does not look ahead.
          if (isReached && isSpent !== undefined && steppers[slot]!.lookAhead === undefined)
            reachedPoints[slot] = here.slice(position * size, (position + 1) * size);
          if (!wasRefused && !(stopEarly && isReached)) {
            move(slot, gradient.subarray(position * size, (position + 1) * size));
            if (++taken[slot]! < steps) return false;
          }
          const reached = wasRefused ? reachedPoints[slot] : null;
          result.set(reached ?? current.subarray(slot * size, (slot + 1) * size), index * size);
          return true;
        });
      },
    },
    hooks,
  );
  return result;
}

/**
 * The queries with images on the device, if these steps can be taken there: along the sign of the goal's own gradient or the
 * unit gradient, in a ball of the same norm or none, and with nobody who has to see each point (a trace, or a limit that ends
 * an image at the best one).
 */
function deviceFormOf(
  { queries, trace }: AttackProblem,
  options: GradientSteps,
): { readonly norm: Norm; readonly gradientOf: DeviceGradient } | null {
  const { goal, rule, ball, gradientAt, asksElsewhere = false } = options;
  const norm = rule === sign ? 'linf' : rule === unitL2 ? 'l2' : null;
  const isPlain = norm !== null && gradientAt === undefined && !asksElsewhere && isPlainLoss(goal);
  const needsPoints = trace !== undefined || queries.isSpent !== undefined;
  if (!isPlain || needsPoints || (ball !== undefined && ball.norm !== norm)) return null;
  const gradientOf = deviceForm(queries);
  return gradientOf && { norm, gradientOf };
}
