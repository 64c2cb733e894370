/**
 * Index of the largest entry of each row of `[n, classes]`; the lowest index if several are equal. NaN is
 * never the largest; a row of nothing else has index 0.
 */
export function argmaxRows(values: Float32Array, classes: number): Int32Array {
  const best = new Int32Array(values.length / classes);
  for (let row = 0; row < best.length; row++) {
    let index = 0;
    for (let column = 1; column < classes; column++) {
      const [value, largest] = [values[row * classes + column]!, values[row * classes + index]!];
      if (value > largest || (Number.isNaN(largest) && !Number.isNaN(value))) index = column;
    }
    best[row] = index;
  }
  return best;
}

/**
 * Softmax of each row of logits `[n, classes]`, computed in float64 after subtracting the largest logit, so
 * that it never overflows.
 */
export function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  const result = new Float32Array(logits.length);
  const row = new Float64Array(classes);
  for (let start = 0; start < logits.length; start += classes) {
    let largest = -Infinity;
    for (let column = 0; column < classes; column++) largest = Math.max(largest, logits[start + column]!);
    let sum = 0;
    for (let column = 0; column < classes; column++) {
      row[column] = Math.exp(logits[start + column]! - largest);
      sum += row[column]!;
    }
    for (let column = 0; column < classes; column++) result[start + column] = row[column]! / sum;
  }
  return result;
}

/**
 * Mean of probabilities or logits over the `views` consecutive rows of each image: `[n × views, classes]` →
 * `[n, classes]`. The sums are in float64 and in order.
 */
export function averageViews(probabilities: Float32Array, classes: number, views: number): Float32Array {
  if (views === 1) return probabilities;
  const result = new Float32Array(probabilities.length / views);
  for (let index = 0; index < result.length; index++) {
    const image = Math.floor(index / classes);
    let sum = 0;
    for (let view = 0; view < views; view++) {
      sum += probabilities[(image * views + view) * classes + (index % classes)]!;
    }
    result[index] = sum / views;
  }
  return result;
}

/** 1 for the largest entry of each row of `[n, classes]`, the first of several that are equal, and 0 for the others. */
export function votesOf(logits: Float32Array, classes: number): Float32Array {
  const result = new Float32Array(logits.length);
  argmaxRows(logits, classes).forEach((column, row) => (result[row * classes + column] = 1));
  return result;
}
