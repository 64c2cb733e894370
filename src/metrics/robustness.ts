import type { Perturbation } from '../values/images.ts';
import type { MetricsRow } from '../values/metrics.ts';
import type { Predictions } from '../values/predictions.ts';
import { argmaxRows } from './classification.ts';
import { wilsonInterval } from './wilson.ts';

/**
 * Scores of predictions against their true labels, and against the class `initial` that each image had before
 * the attack.
 *
 * - `accuracy` with its 95 % Wilson interval, `n`, `meanConfidence` (mean of the largest probability);
 * - `chance`: share of the most frequent label, the accuracy of a constant prediction;
 * - `successRate`: share of images whose prediction the attack altered, Σ 1[h(x) ≠ h(x′)] / N (Guo et al.
 *   2018, section 2), whatever the label; null without `initial`;
 * - `accuracyInitiallyCorrect` with its interval: accuracy over the `nInitiallyCorrect` images that were
 *   classified correctly before the attack;
 * - `dissimilarity`, `l2`, `linf`, `l1`: means over the images of what the attack recorded; null for images that
 *   were never attacked, and `l1` for those of attacks that did not record it;
 * - `unmoved`: number of images that were classified correctly before the attack and that it did not change
 *   at all, as happens when a gradient is zero; without those that were at their target from the start;
 * - `targetRate` with its interval, for a targeted attack and otherwise absent: share of the images that are classified as their
 *   target, over the `nTargeted` images with another label;
 * - `roundedToBytes`: 1 if the attacked images were rounded to bytes, and otherwise absent.
 *
 * Numbers that are undefined are null. Means are summed in float64 in the order of the images.
 */
export function robustnessScores(
  predictions: Predictions,
  initial: Int32Array | undefined = predictions.perturbation?.initial,
): MetricsRow['values'] {
  const { labels, probabilities, perturbation } = predictions;
  const [n, classes] = predictions.shape;
  const predicted = argmaxRows(probabilities, classes);
  const correct = countWhere(n, (index) => predicted[index] === labels[index]);
  const interval = wilsonInterval(correct, n);
  const confidence = predicted.reduce(
    (sum, label, index) => sum + probabilities[index * classes + label]!,
    0,
  );
  const scores: Record<string, number | null> = {
    n,
    accuracy: ratio(correct, n),
    accuracyLow: interval?.low ?? null,
    accuracyHigh: interval?.high ?? null,
    chance: ratio(largestClass(labels), n),
    successRate: null,
    dissimilarity: perturbation ? mean(perturbation.dissimilarity) : null,
    l2: perturbation ? mean(perturbation.l2) : null,
    linf: perturbation ? mean(perturbation.linf) : null,
    l1: perturbation?.l1 ? mean(perturbation.l1) : null,
    unmoved: perturbation ? countUnmoved(perturbation, labels) : null,
    accuracyInitiallyCorrect: null,
    accuracyInitiallyCorrectLow: null,
    accuracyInitiallyCorrectHigh: null,
    nInitiallyCorrect: null,
    meanConfidence: ratio(confidence, n),
    ...(perturbation?.target && targetScores(predicted, labels, perturbation.target)),
    ...(perturbation?.rounded && { roundedToBytes: 1 }),
  };
  if (initial === undefined) return scores;
  const altered = countWhere(n, (index) => predicted[index] !== initial[index]);
  const initiallyCorrect = countWhere(n, (index) => initial[index] === labels[index]);
  const stillCorrect = countWhere(
    n,
    (index) => initial[index] === labels[index] && predicted[index] === labels[index],
  );
  const stillInterval = wilsonInterval(stillCorrect, initiallyCorrect);
  return {
    ...scores,
    successRate: ratio(altered, n),
    accuracyInitiallyCorrect: ratio(stillCorrect, initiallyCorrect),
    accuracyInitiallyCorrectLow: stillInterval?.low ?? null,
    accuracyInitiallyCorrectHigh: stillInterval?.high ?? null,
    nInitiallyCorrect: initiallyCorrect,
  };
}

/** An image whose label is the target has nothing to be moved to. */
function targetScores(
  predicted: Int32Array,
  labels: Int32Array,
  target: Int32Array,
): Record<string, number | null> {
  const nTargeted = countWhere(labels.length, (index) => target[index] !== labels[index]);
  const reached = countWhere(
    labels.length,
    (index) => target[index] !== labels[index] && predicted[index] === target[index],
  );
  const interval = wilsonInterval(reached, nTargeted);
  return {
    targetRate: ratio(reached, nTargeted),
    targetRateLow: interval?.low ?? null,
    targetRateHigh: interval?.high ?? null,
    nTargeted,
  };
}

/**
 * The images that are classified correctly before the attack, if they are not more than chance explains: the 95 % interval of their
 * share holds 1 / classes, and its other end is nearer to that than to 1, so that the images are enough to say so. Null otherwise.
 */
export function guessing({
  labels,
  probabilities,
  perturbation,
  shape,
}: Predictions): { readonly correct: number; readonly n: number } | null {
  const [n, classes] = shape;
  const predicted = perturbation?.initial ?? argmaxRows(probabilities, classes);
  const correct = countWhere(n, (index) => predicted[index] === labels[index]);
  const interval = wilsonInterval(correct, n);
  const chance = 1 / classes;
  return interval !== null && interval.low <= chance && interval.high < (1 + chance) / 2
    ? { correct, n }
    : null;
}

function countUnmoved({ l2, initial, target }: Perturbation, labels: Int32Array): number {
  return countWhere(
    l2.length,
    (index) => l2[index] === 0 && initial[index] === labels[index] && target?.[index] !== initial[index],
  );
}

function largestClass(labels: Int32Array): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

function countWhere(n: number, holds: (index: number) => boolean): number {
  let count = 0;
  for (let index = 0; index < n; index++) if (holds(index)) count++;
  return count;
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function mean(values: Float32Array): number | null {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.length === 0 || !Number.isFinite(sum) ? null : sum / values.length;
}
