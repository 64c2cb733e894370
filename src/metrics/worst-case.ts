import type { MetricsRow } from '../values/metrics.ts';
import type { Predictions } from '../values/predictions.ts';
import { argmaxRows } from './classification.ts';
import { wilsonInterval } from './wilson.ts';

/**
 * Scores of the worst case over several attacks: an image counts as right only if it is right in all `attacked`
 * predictions, and in `clean` if they are given (the robust accuracy of Croce and Hein 2020 and of RobustBench).
 *
 * - `accuracy` with its 95 % Wilson interval, and `n`;
 * - `attacks`: number of attacked predictions;
 * - `strongestAccuracy`: the lowest accuracy of a single attack, with which the worst case is compared;
 * - `cleanAccuracy`: null without `clean`.
 *
 * All predictions must be for the same images in the same order. Accuracies of no image are null. Throws `RangeError`
 * for an empty list.
 */
export function worstCaseScores(
  attacked: readonly Predictions[],
  clean: Predictions | undefined,
): MetricsRow['values'] {
  const [first] = attacked;
  if (first === undefined) throw new RangeError('a worst case needs at least one attack');
  const n = first.labels.length;
  const flags = attacked.map(rightRows);
  const own = clean && rightRows(clean);
  const right = countWhere(n, (image) => flags.every((rows) => rows[image] === 1) && own?.[image] !== 0);
  const interval = wilsonInterval(right, n);
  const accuracyOf = (rows: Uint8Array): number => countWhere(n, (image) => rows[image] === 1) / n;
  return {
    n,
    attacks: attacked.length,
    accuracy: n === 0 ? null : right / n,
    accuracyLow: interval?.low ?? null,
    accuracyHigh: interval?.high ?? null,
    strongestAccuracy: n === 0 ? null : Math.min(...flags.map(accuracyOf)),
    cleanAccuracy: n === 0 || own === undefined ? null : accuracyOf(own),
  };
}

function rightRows({ probabilities, labels, shape }: Predictions): Uint8Array {
  const predicted = argmaxRows(probabilities, shape[1]);
  return Uint8Array.from(labels, (label, image) => (predicted[image] === label ? 1 : 0));
}

function countWhere(n: number, holds: (image: number) => boolean): number {
  let count = 0;
  for (let image = 0; image < n; image++) if (holds(image)) count++;
  return count;
}
