/** Margins and classes that attacks compute from logits. */
import { argmaxRows } from '../metrics/classification.ts';

/**
 * max_{k≠y} Z_k − Z_y of one row: above 0 exactly if the logit of another class is larger than that of
 * `label`.
 */
export function marginOf(logits: Float32Array, classes: number, row: number, label: number): number {
  let rival = -Infinity;
  for (let column = 0; column < classes; column++) {
    if (column !== label) rival = Math.max(rival, logits[row * classes + column]!);
  }
  return rival - logits[row * classes + label]!;
}

/** Class with the smallest logit of one row, the first if several are equal. */
export function leastLikely(logits: Float32Array, classes: number, row: number): number {
  let least = 0;
  for (let column = 1; column < classes; column++) {
    if (logits[row * classes + column]! < logits[row * classes + least]!) least = column;
  }
  return least;
}

/** Whether all logits of a row are finite. */
export function isFiniteRow(logits: Float32Array, classes: number, row: number): boolean {
  return logits.subarray(row * classes, (row + 1) * classes).every((logit) => Number.isFinite(logit));
}

/**
 * Whether each row has another class than its label. A row whose logits are not all finite has no class, so it is not
 * misclassified.
 */
export function misclassifiedRows(
  logits: Float32Array,
  labels: Int32Array,
  classes: number,
): readonly boolean[] {
  return Array.from(
    argmaxRows(logits, classes),
    (predicted, row) => predicted !== labels[row] && isFiniteRow(logits, classes, row),
  );
}
