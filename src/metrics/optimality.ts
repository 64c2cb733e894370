/** The smallest distance of each image over several attacks on one model. Throws `RangeError` for an empty list. */
export function smallestDistances(attacks: readonly Float64Array[]): Float64Array {
  const [first] = attacks;
  if (first === undefined) throw new RangeError('there are no attacks');
  return first.map((_, image) =>
    attacks.reduce((least, distances) => Math.min(least, distances[image]!), Infinity),
  );
}

export interface Optimality {
  /** With areas by trapezoids, as AttackBench's code computes them. */
  readonly local: number;
  /** With the exact areas under the steps of the curve, in [0, 1]; null if all distances of the envelope are equal. */
  readonly exact: number | null;
}

/**
 * Local optimality of an attack on one model (Cinà et al. 2025, "AttackBench: Evaluating gradient-based attacks for
 * adversarial examples"): 1 − (A − A*) / (ρ(0) · d − A*). ρ(ε) is the accuracy when images with a distance of at most
 * ε count as misclassified; A is the area under the attack's ρ from 0 to d, A* that under ρ of the envelope `best`
 * (`smallestDistances`), and d the largest finite distance of the envelope. It is 1 for an attack that finds the
 * smallest distance of every image, and 0 for one that finds nothing. Images that the attack did not misclassify have
 * the distance Infinity, those that were wrong before it 0, and larger finite distances than d count as d.
 *
 * `local` sums trapezoids, as the authors' code does, with two differences from its `eval_optimality`: the curve
 * always begins at ε = 0, and images without a distance stay right up to d (as in the authors' plots). A trapezoid
 * halves the step at d, which flatters an attack whose distances are beyond d, so that it may even exceed 1 for few
 * images; `exact` does not. Images that no attack misclassified are right everywhere for all of them. The result is
 * null if there is nothing to find: all images are wrong from the start, or no attack found anything.
 */
export function optimalityOf(distances: Float64Array, best: Float64Array): Optimality | null {
  const farthest = best.reduce(
    (most, distance) => (distance < Infinity ? Math.max(most, distance) : most),
    0,
  );
  const wrongFromStart = zeros(best);
  const exactBest = imagesTimesDistance(best, farthest, wrongFromStart);
  const localBest = trapezoids(best, farthest, wrongFromStart);
  if (!(localBest > 0)) return null;
  return {
    local: trapezoids(distances, farthest, wrongFromStart) / localBest,
    exact: exactBest > 0 ? imagesTimesDistance(distances, farthest, wrongFromStart) / exactBest : null,
  };
}

// Both areas are those between ρ(0) of the envelope and the attack's ρ, times the number of images: ρ(0) · d − A. Counts
// and differences of distances lose no digits where A and ρ(0) · d are nearly equal.

const zeros = (distances: Float64Array): number =>
  distances.reduce((count, distance) => count + (distance === 0 ? 1 : 0), 0);

/** The exact area: each image counts from its distance on. */
function imagesTimesDistance(distances: Float64Array, farthest: number, wrongFromStart: number): number {
  return distances.reduce(
    (sum, distance) => sum + (distance === 0 ? 0 : farthest - Math.min(distance, farthest)),
    (zeros(distances) - wrongFromStart) * farthest,
  );
}

/** The area by trapezoids between the distances that occur. */
function trapezoids(distances: Float64Array, farthest: number, wrongFromStart: number): number {
  const n = distances.length;
  const failed = distances.some((distance) => distance === Infinity);
  const sorted = distances.map((distance) => Math.min(distance, farthest)).sort();
  let wrong = zeros(distances);
  let [area, from, gone] = [0, 0, wrong - wrongFromStart];
  while (wrong < n) {
    const to = sorted[wrong]!;
    while (sorted[wrong] === to) wrong++;
    // The authors' plots keep the accuracy of the last step if there is an image without a distance.
    const next = wrong === n && failed ? gone : wrong - wrongFromStart;
    area += ((gone + next) / 2) * (to - from);
    [from, gone] = [to, next];
  }
  return area;
}

/** Mean of the finite numbers in a list; null if there are none. */
export function meanKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** The median as NumPy computes it; null if it is infinite or the list is empty. */
export function medianOf(values: Float64Array): number | null {
  const sorted = values.slice().sort();
  const { length } = sorted;
  if (length === 0) return null;
  const middle = (sorted[(length - 1) >> 1]! + sorted[length >> 1]!) / 2;
  return Number.isFinite(middle) ? middle : null;
}
