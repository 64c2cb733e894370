/** Classes that an attack considers for an image, in the order of their logits at the original. */

/** `[n, k]`: the true class, then the other classes from the most to the least likely at the original. */
export function mostLikely(
  logits: Float32Array,
  classes: number,
  labels: Int32Array,
  candidates: 'all' | number,
): Int32Array {
  const count = candidates === 'all' ? classes : Math.min(candidates, classes);
  const chosen = new Int32Array(labels.length * count);
  for (const [row, label] of labels.entries()) {
    const of = (column: number): number => logits[row * classes + column]!;
    const others = Array.from({ length: classes }, (_, column) => column).filter(
      (column) => column !== label,
    );
    others.sort((a, b) => of(b) - of(a));
    chosen.set([label, ...others.slice(0, count - 1)], row * count);
  }
  return chosen;
}

/** The given rows of an `[total, k]` array, in the order of `rows`. */
export function rowsOf(values: Int32Array, rows: Int32Array, total: number): Int32Array {
  const width = values.length / total;
  const taken = new Int32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    taken.set(values.subarray(row * width, (row + 1) * width), index * width);
  }
  return taken;
}
