import type { Perturbation } from '../values/images.ts';
import type { MetricsRow } from '../values/metrics.ts';
import type { Predictions } from '../values/predictions.ts';
import { argmaxRows } from './classification.ts';
import { wilsonInterval } from './wilson.ts';

/** Norms in which distances are recorded with the images. L0 counts values: channels of pixels. */
export type RecordedNorm = 'linf' | 'l2' | 'l1' | 'l0';

/**
 * Distance at which an attack misclassified each image, `[n]`: 0 if the image was wrong before the attack (in `clean`
 * if they are given, and otherwise by the class that the attack recorded), infinite if it is still right. Returns null
 * if the images were never attacked, or if the norm was not recorded.
 */
export function distancesFound(
  { probabilities, labels, shape, perturbation }: Predictions,
  norm: RecordedNorm,
  clean: Predictions | undefined,
): Float64Array | null {
  const sizes = perturbation?.[norm];
  if (sizes === undefined) return null;
  const predicted = argmaxRows(probabilities, shape[1]);
  const initial = initialClasses(perturbation!, clean);
  return Float64Array.from(labels, (label, image) => {
    if (initial[image] !== label) return 0;
    return predicted[image] === label ? Infinity : sizes[image]!;
  });
}

function initialClasses({ initial }: Perturbation, clean: Predictions | undefined): Int32Array {
  return clean === undefined ? initial : argmaxRows(clean.probabilities, clean.shape[1]);
}

/**
 * Accuracy at each strength ε after an attack that looks for the smallest perturbation: the share of images whose
 * distance is larger than ε, with its 95 % Wilson interval. One run of the attack gives the whole curve, because an
 * image that is misclassified at distance d is misclassified within every ball of a radius of at least d.
 */
export function robustnessCurve(
  distances: Float64Array,
  epsilons: readonly number[],
): readonly MetricsRow['values'][] {
  const n = distances.length;
  return epsilons.map((epsilon) => {
    const right = distances.reduce((count, distance) => count + (distance > epsilon ? 1 : 0), 0);
    const interval = wilsonInterval(right, n);
    return {
      n,
      accuracy: n === 0 ? null : right / n,
      accuracyLow: interval?.low ?? null,
      accuracyHigh: interval?.high ?? null,
    };
  });
}

/** Evenly spaced strengths from 0 to the largest finite distance; 0 alone if nothing was found. */
export function evenEpsilons(distances: Float64Array, points: number): readonly number[] {
  const largest = distances.reduce(
    (most, distance) => (distance < Infinity && distance > most ? distance : most),
    0,
  );
  if (largest === 0) return [0];
  return Array.from({ length: points }, (_, index) => (largest * index) / (points - 1));
}
