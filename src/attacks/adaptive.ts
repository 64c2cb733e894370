import type { Attack } from './attack.ts';
import { pixelSpace, referenceNorms } from './dissimilarity.ts';
import { chooseGoal, type GoalOptions } from './goal.ts';
import { gradientSteps } from './gradient-steps.ts';
import { unitL2 } from './step-rules.ts';

export interface AdaptiveOptions extends GoalOptions {
  /** Number of steps; 1,000 in the paper. */
  readonly steps: number;
  /** L2 length of a step, in units of [0, 1] pixels; 0.1 in the paper. */
  readonly learningRate: number;
}

/**
 * Gradient ascent in an L2 ball around each image, for an attacker who knows the defense (Athalye, Carlini
 * and Wagner 2018, section 5.3.2: BPDA and EOT against the input transformations of Guo et al. 2018, with the
 * normalised L2 distance bounded by 0.05). The strength d is that bound: x⁽⁰⁾ = x, then x⁽ᵐ⁾ = clip(P(x⁽ᵐ⁻¹⁾
 * + η g / ‖g‖₂), 0, 1), where P projects onto ‖x′ − x‖₂ ≤ d ‖x‖₂. The unit gradient makes the step
 * independent of the scale of the loss. Clipping comes last: it moves no pixel away from the original, so the
 * result stays in the ball.
 */
export function adaptiveAscent(options: AdaptiveOptions): Attack {
  const { steps, learningRate } = options;
  return {
    kind: 'iterated',
    maximum: 1,
    prepare: async (problem) => {
      const goal = await chooseGoal(problem, options);
      const references = referenceNorms(problem.images, pixelSpace);
      return {
        perturb: (rows, bounds) => {
          const radii = bounds.map((bound, index) => bound * references[rows[index]!]!);
          const stepSizes = new Float64Array(rows.length).fill(learningRate);
          const ball = { norm: 'l2', radii } as const;
          return gradientSteps(problem, { goal, rows, rule: unitL2, stepSizes, ball, steps });
        },
      };
    },
  };
}
