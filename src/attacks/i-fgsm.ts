import type { Attack } from './attack.ts';
import { displaced, randomDisplacements } from './fgsm.ts';
import { chooseGoal, type GoalOptions, gradientSigns } from './goal.ts';
import { gradientSteps } from './gradient-steps.ts';
import { imageSize } from './images.ts';
import { quietly } from './originals.ts';
import { project } from './projections.ts';
import { stepAlong } from './step-along.ts';
import { sign } from './step-rules.ts';

export interface IterativeFgsmOptions extends GoalOptions {
  /** Number of steps M; 10 in the paper. */
  readonly steps: number;
  /** Radius of the L∞ ball around the original, as in the basic iterative method; unbounded if absent. */
  readonly epsilon?: number;
  /**
   * Radius of the L∞ ball around the original from which the first image is drawn; 0 starts at the original.
   */
  readonly randomStart: number;
}

/**
 * Iterative FGSM (Kurakin, Goodfellow and Bengio 2016; Guo et al. 2018, equation 3): x⁽⁰⁾ = x, then x⁽ᵐ⁾ =
 * clip(x⁽ᵐ⁻¹⁾ + ε sign ∇ₓℓ(x⁽ᵐ⁻¹⁾, y), 0, 1). The strength is the step size ε ∈ [0, 1]. The gradient at the
 * start is computed once for all step sizes.
 */
export function iterativeFgsm(options: IterativeFgsmOptions): Attack {
  const { steps, epsilon, randomStart, seed } = options;
  return {
    kind: 'iterated',
    maximum: 1,
    // On naturally trained networks, about half of the steps of a pixel go the same way, and fewer the longer they are: a step twice
    // as long moves an image by 1.6 to 1.8 times as much.
    search: { guess: 2 / (steps + 1), elasticity: steps === 1 ? 1 : 0.75 },
    prepare: async (problem) => {
      const { images } = problem;
      const goal = await chooseGoal(problem, options);
      const size = imageSize(images.shape);
      const origin =
        randomStart > 0 ? displaced(images, randomDisplacements(problem, randomStart, seed)) : images.pixels;
      const signs = problem.firstStep ?? (await gradientSigns(quietly(problem), goal, origin));
      return {
        firstStep: signs,
        perturb: (rows, stepSizes) => {
          const starts = stepAlong({ ...images, pixels: origin }, signs, rows, stepSizes);
          if (epsilon !== undefined) {
            for (const [index, row] of rows.entries()) {
              project(images.pixels, row * size, starts, index * size, size, epsilon, 'linf');
            }
          }
          const radii = new Float64Array(rows.length).fill(epsilon ?? Infinity);
          const ball = epsilon === undefined ? {} : { ball: { norm: 'linf', radii } as const };
          return gradientSteps(problem, {
            goal,
            rows,
            starts,
            rule: sign,
            stepSizes,
            ...ball,
            steps,
            taken: 1,
          });
        },
      };
    },
  };
}
