import { type Attack, stepAlong } from './attack.ts';
import { gradientSigns, randomStarts } from './fgsm.ts';
import { chooseGoal, type GoalOptions } from './goal.ts';
import { gradientSteps, project } from './gradient-steps.ts';
import { allRows, imageSize } from './images.ts';

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
  const { steps, epsilon } = options;
  return {
    // About half of the steps at a pixel agree, on natural networks.
    search: { guess: 2 / (steps + 1), maximum: 1, refinements: 12, pilot: 64 },
    prepare: async (classifier, images, hooks) => {
      const goal = await chooseGoal(classifier, images, options, hooks);
      const size = imageSize(images.shape);
      const all = allRows(images.shape[0]);
      const unit = new Float64Array(all.length).fill(1);
      const started =
        options.randomStart > 0
          ? { ...images, pixels: stepAlong(images, randomStarts(images, options), all, unit) }
          : images;
      const { signs, ...found } = await gradientSigns(classifier, started, goal, {
        ...hooks,
        onProgress: () => {},
      });
      return {
        ...found,
        direction: signs,
        evaluate: (rows, stepSizes) => {
          const starts = stepAlong(started, signs, rows, stepSizes);
          const ball = epsilon === undefined ? {} : { radii: new Float64Array(rows.length).fill(epsilon) };
          if (epsilon !== undefined) {
            for (const [index, row] of rows.entries()) {
              project(images.pixels, row * size, starts, index * size, size, epsilon, 'linf');
            }
          }
          const moves = { goal, rows, starts, stepSizes, ...ball, steps: steps - 1 };
          return gradientSteps(classifier, images, { ...moves, norm: 'linf', stopEarly: false }, hooks);
        },
      };
    },
  };
}
