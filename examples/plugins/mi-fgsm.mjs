// @ts-check
import { attackStage, chooseGoal, goalOptions, goalParameters, gradientSteps, momentum, Type } from 'ravelin';

/**
 * Momentum iterative FGSM (Dong et al. 2018, "Boosting adversarial attacks with momentum", algorithm 1):
 * m ← decay · m + g / ‖g‖₁, x ← clip(x + (ε / steps) · sign m), within the L∞ ball of radius ε.
 */
const miFgsm = attackStage({
  uses: 'attack/my-mi-fgsm',
  version: 1,
  summary: 'Momentum iterative FGSM: I-FGSM along an accumulated gradient, which transfers better',
  strength: {
    name: 'epsilon',
    minimum: 0,
    maximum: 1,
    description: 'radius of the L∞ ball, in units of [0, 1] pixels',
  },
  with: {
    steps: Type.Integer({ minimum: 1, maximum: 10_000, default: 10, description: 'number of steps' }),
    decay: Type.Number({ minimum: 0, default: 1, description: 'factor on the accumulated gradient, μ' }),
    ...goalParameters,
  },
  example: { epsilon: 8 / 255, steps: 5 },
  draws: false,
  attack: ({ steps, decay, ...params }, seed) => ({
    kind: 'iterated',
    maximum: 1,
    prepare: async (problem) => {
      const goal = await chooseGoal(problem, goalOptions(params, seed));
      return {
        perturb: (rows, radii) =>
          gradientSteps(problem, {
            goal,
            rows,
            rule: momentum(decay),
            stepSizes: radii.map((radius) => radius / steps),
            ball: { norm: 'linf', radii },
            steps,
          }),
      };
    },
  }),
});

export const stages = [miFgsm];
