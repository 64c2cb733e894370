/**
 * Weighted mean of several `[n, classes]` probability arrays; `weights` are divided by their sum. `logits`
 * averages log-probabilities (which are the logits up to a constant per row) and takes the softmax, as the
 * released code of Guo et al. 2018 does; a probability that underflowed to 0 counts as the smallest float32.
 * Throws `RangeError` if the weights sum to 0, or if their number is not that of the members.
 */
export function averageProbabilities(
  members: readonly Float32Array[],
  weights: readonly number[],
  classes: number,
  average: 'probabilities' | 'logits',
): Float32Array {
  if (weights.length !== members.length) {
    throw new RangeError(
      `expected a weight for each of ${members.length} predictions, got ${weights.length}`,
    );
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) throw new RangeError('the weights sum to 0');
  const length = members[0]!.length;
  const result = new Float32Array(length);
  const row = new Float64Array(classes);
  for (let start = 0; start < length; start += classes) {
    for (let column = 0; column < classes; column++) {
      let sum = 0;
      for (const [index, member] of members.entries()) {
        const value = member[start + column]!;
        const term = average === 'logits' ? Math.log(Math.max(value, smallestFloat)) : value;
        sum += (weights[index]! / total) * term;
      }
      row[column] = sum;
    }
    if (average === 'logits') softmaxInPlace(row);
    result.set(row, start);
  }
  return result;
}

/** Smallest positive float32. */
const smallestFloat = 2 ** -149;

function softmaxInPlace(row: Float64Array): void {
  const largest = Math.max(...row);
  let sum = 0;
  for (let index = 0; index < row.length; index++) {
    row[index] = Math.exp(row[index]! - largest);
    sum += row[index]!;
  }
  for (let index = 0; index < row.length; index++) row[index]! /= sum;
}
