import { randomStream, type Seed } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { chooseGoal, type GoalOptions, gradientSigns, startStream } from './goal.ts';
import { allRows, type ImageBatch, imageSize } from './images.ts';
import type { AttackProblem } from './originals.ts';
import { stepAlong } from './step-along.ts';

export interface FgsmOptions extends GoalOptions {
  /**
   * Radius of the L∞ ball around the original from which the point of the gradient is drawn; 0 takes the
   * gradient at the original.
   */
  readonly randomStart: number;
}

/**
 * Fast gradient sign method (Goodfellow, Shlens and Szegedy 2015; Guo et al. 2018, equation 2): x′ = clip(x +
 * ε sign ∇ₓℓ(x, y), 0, 1). The strength is ε ∈ [0, 1]. With a random start u (Wong, Rice and Kolter 2020) the
 * gradient is taken at clip(x + u), and x′ = clip(x + [u + ε sign]₋ε^ε). The direction is computed once for
 * all strengths.
 */
export function fgsm(options: FgsmOptions): Attack {
  if (options.randomStart === 0) {
    return {
      kind: 'direction',
      maximum: 1,
      direction: async (problem) => gradientSigns(problem, await chooseGoal(problem, options)),
    };
  }
  return {
    kind: 'iterated',
    maximum: 1,
    // The direction of the only step serves all strengths, so trying another one costs next to nothing.
    search: { refinements: 60, pilot: 0 },
    prepare: async (problem) => {
      const goal = await chooseGoal(problem, options);
      const { images } = problem;
      const start = randomDisplacements(problem, options.randomStart, options.seed);
      const signs = problem.firstStep ?? (await gradientSigns(problem, goal, displaced(images, start)));
      return {
        firstStep: signs,
        perturb: (rows, epsilons) => Promise.resolve(stepFrom(images, start, signs, rows, epsilons)),
      };
    },
  };
}

/** Draws a displacement for each pixel, uniform in the L∞ ball of a radius, keyed by the image's id. */
export function randomDisplacements(
  { images }: Pick<AttackProblem, 'images'>,
  radius: number,
  seed: Seed,
): Float32Array {
  const size = imageSize(images.shape);
  const draws = new Float32Array(images.pixels.length);
  for (const [row, id] of images.ids.entries()) {
    const stream = randomStream(seed, 0, id, startStream);
    for (let at = row * size; at < (row + 1) * size; at++) draws[at] = radius * (2 * stream.uniform() - 1);
  }
  return draws;
}

/** clip(x + displacement, 0, 1) of all images. */
export function displaced(images: ImageBatch, displacement: Float32Array): Float32Array {
  const rows = allRows(images.shape[0]);
  return stepAlong(images, displacement, rows, new Float64Array(rows.length).fill(1));
}

/** clip(x + u + ε s, 0, 1), projected onto the ball of radius ε. */
function stepFrom(
  images: ImageBatch,
  start: Float32Array,
  signs: Float32Array | Int8Array,
  rows: Int32Array,
  epsilons: Float64Array,
): Float32Array {
  const size = imageSize(images.shape);
  const result = new Float32Array(rows.length * size);
  for (const [index, row] of rows.entries()) {
    const epsilon = epsilons[index]!;
    for (let offset = 0; offset < size; offset++) {
      const at = row * size + offset;
      const step = Math.min(epsilon, Math.max(-epsilon, start[at]! + epsilon * signs[at]!));
      result[index * size + offset] = Math.min(1, Math.max(0, images.pixels[at]! + step));
    }
  }
  return result;
}
