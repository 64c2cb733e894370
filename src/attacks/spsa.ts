import { type RandomStream, randomStream } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { type EstimateOptions, estimateGradients } from './estimate-gradient.ts';
import { chooseGoal, estimateStream, type GoalOptions } from './goal.ts';
import { gradientSteps } from './gradient-steps.ts';
import { adam, sign } from './step-rules.ts';

export interface SpsaOptions extends GoalOptions, EstimateOptions {
  readonly steps: number;
  /** Length of a step: that of Adam with signs, and of the sign of the estimate with normal draws. */
  readonly learningRate: number;
  readonly stopEarly: boolean;
}

/**
 * Ascent along gradients that are estimated from logits (`estimateGradients`) in the L∞ ball, whose radius is the strength. With
 * signs it is SPSA, whose steps are those of Adam (Uesato et al. 2018); with normal draws it is NES, whose steps go along the
 * sign (Ilyas et al. 2018). It queries logits only, so it goes through defenses that have no derivative.
 */
export function spsa(options: SpsaOptions): Attack {
  const { steps, learningRate, stopEarly, directions, seed } = options;
  return {
    kind: 'iterated',
    maximum: 1,
    search: { guess: 1.2 },
    prepare: async (problem) => {
      const goal = await chooseGoal(problem, options);
      const { images, queries, hooks } = problem;
      return {
        perturb: (rows, radii) => {
          const streams = new Map<number, RandomStream>();
          const streamOf = (row: number): RandomStream => {
            const known = streams.get(row) ?? randomStream(seed, 0, images.ids[row]!, estimateStream);
            streams.set(row, known);
            return known;
          };
          return gradientSteps(problem, {
            goal,
            rows,
            rule: directions === 'signs' ? adam() : sign,
            gradientAt: (points, _, some) =>
              estimateGradients(queries, points, goal, options, some.map(streamOf), hooks),
            stepSizes: new Float64Array(rows.length).fill(learningRate),
            ball: { norm: 'linf', radii },
            steps,
            stopEarly,
          });
        },
      };
    },
  };
}
