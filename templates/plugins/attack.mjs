// @ts-check
import { attackStage, chooseGoal, goalOptions, goalParameters, gradientSteps, sign, Type } from 'ravelin';

/** Steps of the same length along the sign of the gradient, within the L∞ ball of radius epsilon. */
const attack = attackStage({
  uses: 'attack/my-plugin',
  version: 1,
  summary: 'My plugin: steps along the sign of the gradient',
  strength: {
    name: 'epsilon',
    minimum: 0,
    maximum: 1,
    description: 'radius of the L∞ ball, in units of [0, 1] pixels',
  },
  with: {
    steps: Type.Integer({ minimum: 1, maximum: 10_000, default: 10, description: 'number of steps' }),
    ...goalParameters,
  },
  // The parameters with which `ravelin test` tries it, besides those that have a default.
  example: { epsilon: 8 / 255, steps: 5 },
  // It draws no random numbers beside random targets.
  draws: false,
  attack: ({ steps, ...params }, seed) => ({
    kind: 'iterated',
    maximum: 1,
    // What is the same at every strength.
    prepare: async (problem) => {
      const goal = await chooseGoal(problem, goalOptions(params, seed));
      return {
        // The images of these rows at one strength each, side by side.
        perturb: (rows, radii) =>
          gradientSteps(problem, {
            goal,
            rows,
            rule: sign,
            stepSizes: radii.map((radius) => radius / steps),
            ball: { norm: 'linf', radii },
            steps,
          }),
      };
    },
  }),
});

export const stages = [attack];
