import { apgdRuns, type ApgdOptions } from './apgd.ts';
import type { Attack } from './attack.ts';
import { imageSize, takeRows } from './images.ts';
import { requireClasses } from './loss-values.ts';
import { type Minimum, minimumNormAttack, nothingFound } from './minimum-norm.ts';
import { distanceBetween, lengthOf } from './norms.ts';
import { quietly } from './originals.ts';

export interface ApgdMinimalOptions extends Omit<ApgdOptions, 'stopEarly' | 'watch'> {
  /** Number of radii that are tried for each image. */
  readonly searchSteps: number;
  /** The first radius that is tried. */
  readonly firstRadius: number;
  /** Called after each radius of an image: the radius, and the smallest distance so far. */
  readonly traceSearch?: (row: number, radius: number, distance: number) => void;
}

/**
 * The smallest perturbation that APGD finds, by a search over the radius of its ball for each image: doubled until a
 * run misclassifies the image, then bisected between the largest radius that failed and the smallest distance of a
 * misclassified point. This is how attacks of a fixed strength are compared with minimum-norm attacks (the APGD with a
 * binary search of AttackBench, Cinà et al. 2025).
 */
export function apgdMinimal(options: ApgdMinimalOptions): Attack {
  const { norm, searchSteps, firstRadius, traceSearch } = options;
  return minimumNormAttack((problem, logits) => {
    requireClasses(options.loss, problem.queries.classes);
    const { images } = problem;
    const size = imageSize(images.shape);
    return async (rows, within) => {
      const best: Minimum = nothingFound(takeRows(images, rows).pixels, rows.length);
      const originals = best.pixels.slice();
      const failed = new Float64Array(rows.length);
      const worst = Float64Array.from(rows.keys(), (index) =>
        lengthOf(farthest(originals.subarray(index * size, (index + 1) * size)), norm),
      );
      const radii = Float64Array.from(worst, (most) => Math.min(firstRadius, most));
      /** Indices into `rows` of the images whose search goes on. */
      let left = Int32Array.from(rows.keys());
      for (let step = 0; step < searchSteps && left.length > 0; step++) {
        const some = left.map((index) => rows[index]!);
        const tried = Float64Array.from(left, (index) => radii[index]!);
        const run = await apgdRuns(quietly(problem), logits, some, tried, { ...options, stopEarly: true });
        left = left.filter((index, position) => {
          const pixels = run.pixels.subarray(position * size, (position + 1) * size);
          if (run.reached[position] === 0) failed[index] = radii[index]!;
          else keepNearer(best, index, pixels, originals.subarray(index * size, (index + 1) * size));
          const found = best.distances[index]!;
          traceSearch?.(rows[index]!, radii[index]!, found);
          const hasFailed = found === Infinity && failed[index] === worst[index];
          radii[index] = Math.min(
            found === Infinity ? 2 * failed[index]! : (failed[index]! + found) / 2,
            worst[index]!,
          );
          return found > within[index]! && !hasFailed;
        });
        problem.hooks.onProgress?.(step + 1, searchSteps);
      }
      return best;

      function keepNearer(
        minimum: Minimum,
        index: number,
        pixels: Float32Array,
        original: Float32Array,
      ): void {
        const distance = distanceBetween(original, pixels, norm);
        if (!(distance < minimum.distances[index]!)) return;
        minimum.distances[index] = distance;
        minimum.pixels.set(pixels, index * size);
      }
    };
  });
}

/** The displacement to the corner of the box that is farthest from an image. */
function farthest(original: Float32Array): Float32Array {
  return original.map((pixel) => Math.max(pixel, 1 - pixel));
}
