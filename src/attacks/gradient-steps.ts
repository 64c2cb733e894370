import type { Classifier } from '../models/classifier.ts';
import { gather, runActiveSet } from './active-set.ts';
import { type Goal, goalGradient } from './goal.ts';
import { type AttackHooks, type AttackInput, batchCapacity, imageSize, takeRows } from './images.ts';
import { argmaxRows } from './query.ts';

export type Norm = 'linf' | 'l2';

/** Steps up the gradient of a goal, for some rows of the images; arrays have one entry a row. */
export interface GradientSteps {
  readonly goal: Goal;
  readonly rows: Int32Array;
  /** Where they start, side by side. */
  readonly starts: Float32Array;
  /** Length of a step in the norm. */
  readonly stepSizes: Float64Array;
  /** Radius of the ball around the original; absent for none. */
  readonly radii?: Float64Array;
  readonly norm: Norm;
  readonly steps: number;
  /** Ends an image as soon as the goal is reached, one step late: when the gradient shows it. */
  readonly stopEarly: boolean;
}

/**
 * Takes all steps and returns the images side by side: each moves by `stepSize` along the sign of the gradient (L∞) or along the gradient
 * of length 1 (L2), then into its ball, then into [0, 1].
 */
export async function gradientSteps(
  classifier: Classifier,
  images: AttackInput,
  { goal, rows, starts, stepSizes, radii, norm, steps, stopEarly }: GradientSteps,
  hooks: AttackHooks,
): Promise<Float32Array> {
  const size = imageSize(images.shape);
  const result = starts.slice();
  if (steps === 0) return result;
  const capacity = Math.min(rows.length, batchCapacity(size));
  const indices = new Int32Array(capacity);
  const taken = new Int32Array(capacity);
  const current = new Float32Array(capacity * size);
  const step = norm === 'linf' ? stepAlongSign : stepAlongGradient;
  await runActiveSet(
    rows.length,
    capacity,
    {
      enter: (slot, index) => {
        indices[slot] = index;
        taken[slot] = 0;
        current.set(result.subarray(index * size, (index + 1) * size), slot * size);
      },
      step: async (slots) => {
        const some = Array.from(slots, (slot) => rows[indices[slot]!]!);
        const labels = Int32Array.from(some, (row) => goal.labels[row]!);
        const batch = { ...takeRows(images, some), pixels: gather(current, slots, size), labels };
        const { gradient, logits } = await goalGradient(classifier, batch, goal);
        const predicted = stopEarly ? argmaxRows(logits, classifier.classes) : null;
        return slots.filter((slot, position) => {
          const index = indices[slot]!;
          const reached = predicted !== null && (predicted[position] === labels[position]) === goal.sign < 0;
          if (!reached) {
            const at = slot * size;
            step(current, at, gradient, position * size, size, stepSizes[index]!);
            if (radii !== undefined) {
              const from = some[position]! * size;
              project(images.pixels, from, current, at, size, radii[index]!, norm);
            }
            clip(current, at, size);
          }
          if (!reached && ++taken[slot]! < steps) return false;
          result.set(current.subarray(slot * size, (slot + 1) * size), index * size);
          return true;
        });
      },
    },
    hooks,
  );
  return result;
}

/** Moves the perturbed image at `at` into the ball of a radius around the original at `from`, and no further. */
export function project(
  originals: Float32Array,
  from: number,
  perturbed: Float32Array,
  at: number,
  size: number,
  radius: number,
  norm: Norm,
): void {
  if (norm === 'linf') {
    for (let offset = 0; offset < size; offset++) {
      const original = originals[from + offset]!;
      perturbed[at + offset] = Math.min(
        original + radius,
        Math.max(original - radius, perturbed[at + offset]!),
      );
    }
    return;
  }
  let squares = 0;
  for (let offset = 0; offset < size; offset++) {
    squares += (perturbed[at + offset]! - originals[from + offset]!) ** 2;
  }
  const length = Math.sqrt(squares);
  if (length <= radius) return;
  const factor = radius / length;
  for (let offset = 0; offset < size; offset++) {
    const original = originals[from + offset]!;
    perturbed[at + offset] = original + factor * (perturbed[at + offset]! - original);
  }
}

function stepAlongSign(
  current: Float32Array,
  at: number,
  gradient: Float32Array,
  from: number,
  size: number,
  stepSize: number,
): void {
  for (let offset = 0; offset < size; offset++) {
    current[at + offset]! += stepSize * Math.sign(gradient[from + offset]!);
  }
}

function stepAlongGradient(
  current: Float32Array,
  at: number,
  gradient: Float32Array,
  from: number,
  size: number,
  stepSize: number,
): void {
  let squares = 0;
  for (let offset = 0; offset < size; offset++) squares += gradient[from + offset]! ** 2;
  if (squares === 0) return;
  const factor = stepSize / Math.sqrt(squares);
  for (let offset = 0; offset < size; offset++) current[at + offset]! += factor * gradient[from + offset]!;
}

function clip(values: Float32Array, first: number, count: number): void {
  for (let at = first; at < first + count; at++) values[at] = Math.min(1, Math.max(0, values[at]!));
}
