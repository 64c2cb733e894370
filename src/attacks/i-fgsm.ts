import type { Classifier } from '../models/classifier.ts';
import { gather, runActiveSet } from './active-set.ts';
import { type Attack, stepAlong } from './attack.ts';
import { gradientSigns, randomStarts } from './fgsm.ts';
import { chooseGoal, type Goal, goalGradient, type GoalOptions } from './goal.ts';
import { type AttackHooks, type AttackInput, allRows, batchCapacity, imageSize, takeRows } from './images.ts';

export interface IterativeFgsmOptions extends GoalOptions {
  /** M in the paper; 10 there. */
  readonly steps: number;
  /** Radius of the L∞ ball around the original, as in the basic iterative method; no ball where absent. */
  readonly epsilon?: number;
  /** Radius of the L∞ ball around the original from which the first image is drawn; 0 starts at the original. */
  readonly randomStart: number;
}

/**
 * Iterative FGSM (Kurakin, Goodfellow and Bengio 2016; Guo et al. 2018, equation 3): x⁽⁰⁾ = x, then
 * x⁽ᵐ⁾ = clip(x⁽ᵐ⁻¹⁾ + ε sign ∇ₓℓ(x⁽ᵐ⁻¹⁾, y), 0, 1). The knob is the step size ε ∈ [0, 1]. The gradient at the start is computed once for all step
 * sizes.
 */
export function iterativeFgsm(options: IterativeFgsmOptions): Attack {
  const { steps } = options;
  return {
    // About half of the steps at a pixel agree, on natural networks.
    search: { guess: 2 / (steps + 1), maximum: 1, refinements: 12, pilot: 64 },
    prepare: async (classifier, images, hooks) => {
      const goal = await chooseGoal(classifier, images, options, hooks);
      const rows = allRows(images.shape[0]);
      const unit = new Float64Array(rows.length).fill(1);
      const started =
        options.randomStart > 0
          ? { ...images, pixels: stepAlong(images, randomStarts(images, options), rows, unit) }
          : images;
      const { signs, ...found } = await gradientSigns(classifier, started, goal, {
        ...hooks,
        onProgress: () => {},
      });
      return {
        ...found,
        direction: signs,
        evaluate: (some, knobs) =>
          iterate(
            classifier,
            images,
            { started, signs, goal, rows: some, stepSizes: knobs, ...options },
            hooks,
          ),
      };
    },
  };
}

interface Iteration extends Pick<IterativeFgsmOptions, 'steps' | 'epsilon'> {
  readonly started: AttackInput;
  /** Directions of the first step. */
  readonly signs: Int8Array;
  readonly goal: Goal;
  readonly rows: Int32Array;
  readonly stepSizes: Float64Array;
}

/** All steps for the given rows, each with its own step size. */
async function iterate(
  classifier: Classifier,
  images: AttackInput,
  { started, signs, goal, rows, stepSizes, steps, epsilon = Infinity }: Iteration,
  hooks: AttackHooks,
): Promise<Float32Array> {
  const size = imageSize(images.shape);
  const result = stepAlong(started, signs, rows, stepSizes);
  for (const [index, row] of rows.entries())
    hold(images.pixels, row * size, result, index * size, size, epsilon);
  if (steps === 1) return result;
  const capacity = Math.min(rows.length, batchCapacity(size));
  const indices = new Int32Array(capacity);
  const taken = new Int32Array(capacity);
  const current = new Float32Array(capacity * size);
  await runActiveSet(
    rows.length,
    capacity,
    {
      enter: (slot, index) => {
        indices[slot] = index;
        taken[slot] = 1;
        current.set(result.subarray(index * size, (index + 1) * size), slot * size);
      },
      step: async (slots) => {
        const some = Array.from(slots, (slot) => rows[indices[slot]!]!);
        const batch = { ...takeRows(images, some), pixels: gather(current, slots, size) };
        const { gradient } = await goalGradient(
          classifier,
          { ...batch, labels: Int32Array.from(some, (row) => goal.labels[row]!) },
          goal,
        );
        return slots.filter((slot, position) => {
          const stepSize = stepSizes[indices[slot]!]!;
          for (let offset = 0; offset < size; offset++) {
            const at = slot * size + offset;
            current[at] = clip(current[at]! + stepSize * Math.sign(gradient[position * size + offset]!));
          }
          hold(images.pixels, some[position]! * size, current, slot * size, size, epsilon);
          if (++taken[slot]! < steps) return false;
          result.set(current.subarray(slot * size, (slot + 1) * size), indices[slot]! * size);
          return true;
        });
      },
    },
    hooks,
  );
  return result;
}

/** Moves one perturbed image into the L∞ ball around its original. */
function hold(
  originals: Float32Array,
  from: number,
  perturbed: Float32Array,
  at: number,
  size: number,
  radius: number,
): void {
  if (radius === Infinity) return;
  for (let offset = 0; offset < size; offset++) {
    const original = originals[from + offset]!;
    const value = perturbed[at + offset]!;
    perturbed[at + offset] = clip(Math.min(original + radius, Math.max(original - radius, value)));
  }
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value));
}
