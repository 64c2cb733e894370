import { randomStream, type Seed } from '../tensors/random.ts';
import type { Attack } from './attack.ts';
import { mostLikely } from './candidate-classes.ts';
import { type FabRun, FabSteps, followFab } from './fab-run.ts';
import { startStream } from './goal.ts';
import { imageSize, takeRows } from './images.ts';
import { type Minimum, minimumNormAttack, type MinimumSearch, nothingFound } from './minimum-norm.ts';
import type { AttackProblem } from './originals.ts';
import { jumpToSphere } from './random-start.ts';

export interface FabOptions extends Pick<
  FabRun,
  'norm' | 'steps' | 'alphaMax' | 'overshoot' | 'backStep' | 'watch'
> {
  /**
   * Number of targets: one run after another to the boundaries of the most likely wrong classes at the original
   * (FAB-T), which takes one gradient in a step. Null for the nearest of all boundaries, which takes one for each
   * class.
   */
  readonly targets: number | null;
  /** Number of runs, for each target if there are any: the first from the original, the others from random points. */
  readonly restarts: number;
  /**
   * Random starts are at half this distance from the original, or at half the distance found so far if it is less;
   * `within` is the distance at which the search of an image ends.
   */
  readonly startRadius: number | 'within';
  readonly seed: Seed;
}

/**
 * The fast adaptive boundary attack (Croce and Hein 2020, "Minimally distorted adversarial examples with a fast
 * adaptive boundary attack", algorithm 1): the smallest perturbation in L∞, L2 or L1 by repeated projection onto the
 * linearised boundary within the box, with a bias towards the original.
 */
export function fab(options: FabOptions): Attack {
  return minimumNormAttack((problem, logits) => fabSearch(problem, logits, options));
}

/** The search of FAB on given images, whose logits are `[n, classes]`. */
export function fabSearch(problem: AttackProblem, logits: Float32Array, options: FabOptions): MinimumSearch {
  const { images, queries } = problem;
  const { restarts, seed, norm, targets: count } = options;
  const size = imageSize(images.shape);
  const candidates = count === null ? null : mostLikely(logits, queries.classes, images.labels, 1 + count);
  const width = candidates === null ? 1 : candidates.length / images.labels.length;
  const runs = restarts * Math.max(1, width - 1);
  return async (rows, within) => {
    const best = nothingFound(takeRows(images, rows).pixels, rows.length);
    const points = followFab(problem, norm);
    for (const row of rows)
      points?.visit(row, images.pixels.subarray(row * size, (row + 1) * size), logits, row);
    /** Indices into `rows` of the images that are not near enough yet. */
    let left = Int32Array.from(rows.keys());
    for (let run = 0; run < runs && left.length > 0; run++) {
      const some = left.map((index) => rows[index]!);
      const starts = takeRows(images, some).pixels;
      const own = pick(best, left, size);
      if (run % restarts > 0) {
        for (const [position, row] of some.entries()) {
          const stream = randomStream(seed, run, images.ids[row]!, startStream);
          const { startRadius } = options;
          const most = startRadius === 'within' ? within[left[position]!]! : startRadius;
          const radius = Math.min(own.distances[position]!, most) / 2;
          jumpToSphere(starts.subarray(position * size, (position + 1) * size), radius, norm, stream);
        }
      }
      const rank = 1 + Math.floor(run / restarts);
      await new FabSteps(problem, {
        ...options,
        rows: some,
        starts,
        targets: candidates === null ? null : some.map((row) => candidates[row * width + rank]!),
        within: Float64Array.from(left, (index) => within[index]!),
        best: own,
      }).run();
      left = left.filter((index, position) => {
        best.distances[index] = own.distances[position]!;
        best.pixels.set(own.pixels.subarray(position * size, (position + 1) * size), index * size);
        return own.distances[position]! > within[index]!;
      });
    }
    return best;
  };
}

function pick({ pixels, distances }: Minimum, indices: Int32Array, size: number): Minimum {
  const some = new Float32Array(indices.length * size);
  for (const [position, index] of indices.entries())
    some.set(pixels.subarray(index * size, (index + 1) * size), position * size);
  return { pixels: some, distances: Float64Array.from(indices, (index) => distances[index]!) };
}
