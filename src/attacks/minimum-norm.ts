import type { Seed } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { chooseGoal, type Goal, type TargetRule } from './goal.ts';
import { allRows, imageSize } from './images.ts';
import { type AttackProblem, classifyOriginals, markAtTargets, markMisclassified } from './originals.ts';

/** The nearest points that a search found; arrays have one entry per row. */
export interface Minimum {
  /** The originals where nothing was found. */
  readonly pixels: Float32Array;
  /** Distance of each point in the norm of the search; infinite where nothing was found. */
  readonly distances: Float64Array;
}

/** The originals, with nothing found yet. */
export function nothingFound(originals: Float32Array, count: number): Minimum {
  return { pixels: originals, distances: new Float64Array(count).fill(Infinity) };
}

/**
 * Searches the nearest misclassified points of some active rows. `within` has a distance for each row at which the
 * search of an image may end; 0 for the smallest distance that the attack can find.
 */
export type MinimumSearch = (rows: Int32Array, within: Float64Array) => Promise<Minimum>;

/** The class that a search is to reach, instead of any wrong one. */
export interface Targeted {
  readonly targeted?: TargetRule;
  readonly seed: Seed;
}

/**
 * An attack that looks for the smallest perturbation. The strength multiplies the perturbation that was found, so the
 * search runs once for all strengths. Images that are misclassified already (or classified as their target) are left
 * unchanged, and so are those for which it finds nothing. `prepare` gets the logits `[n, classes]` of the originals, and
 * the goal: the true labels to leave, or the targets to reach.
 */
export function minimumNormAttack(
  prepare: (
    problem: AttackProblem,
    logits: Float32Array,
    goal: Pick<Goal, 'labels' | 'sign'>,
  ) => MinimumSearch | Promise<MinimumSearch>,
  target?: Targeted,
): Attack {
  return {
    kind: 'direction',
    // A search is bounded by the lengths of the image and of its first step.
    maximum: Number.MAX_VALUE,
    direction: async (problem) => {
      const { images, originals } = problem;
      const logits = await classifyOriginals(problem);
      const goal = await goalOf(problem, target);
      const rows = allRows(images.shape[0]).filter((row) => originals.isActive(row));
      const search = await prepare(problem, logits, goal);
      const { pixels } = await search(rows, new Float64Array(rows.length));
      const size = imageSize(images.shape);
      const direction = new Float32Array(images.pixels.length);
      for (const [index, row] of rows.entries()) {
        for (let at = 0; at < size; at++) {
          direction[row * size + at] = pixels[index * size + at]! - images.pixels[row * size + at]!;
        }
      }
      return direction;
    },
  };
}

/** Chooses the goal, and marks the images that have reached it. */
async function goalOf(
  problem: AttackProblem,
  target: Targeted | undefined,
): Promise<Pick<Goal, 'labels' | 'sign'>> {
  if (target?.targeted === undefined) {
    markMisclassified(problem);
    return { labels: problem.images.labels, sign: 1 };
  }
  const { targeted, seed } = target;
  const goal = await chooseGoal(problem, { loss: 'margin', targeted, seed });
  markAtTargets(problem, goal.labels);
  return goal;
}
