export interface Proportion {
  readonly successes: number;
  readonly n: number;
}

/**
 * One-sided exact test (Fisher 1935): the probability that `a` has at least its number of successes, given
 * the number of successes in both, if `a` and `b` were drawn alike. A small value means that the proportion
 * of `a` is really the larger one. On paired samples that agree (the same images) the true probability is
 * smaller still, so that the test keeps its level with room to spare. Throws `RangeError` unless 0 ≤
 * successes ≤ n are whole.
 */
export function fisherGreater(a: Proportion, b: Proportion): number {
  for (const { successes, n } of [a, b]) {
    if (!Number.isInteger(successes) || !Number.isInteger(n) || successes < 0 || successes > n)
      throw new RangeError(`there cannot be ${successes} successes in ${n} trials`);
  }
  const successes = a.successes + b.successes;
  const total = a.n + b.n;
  const logs = logFactorials(total);
  const logChoose = (n: number, k: number): number => logs[n]! - logs[k]! - logs[n - k]!;
  const logAll = logChoose(total, successes);
  let sum = 0;
  for (let count = a.successes; count <= Math.min(a.n, successes); count++) {
    if (successes - count > b.n) continue;
    sum += Math.exp(logChoose(a.n, count) + logChoose(b.n, successes - count) - logAll);
  }
  return Math.min(1, sum);
}

/** ln 0! … ln n!, kept between calls, because a report makes many tests of the same size. */
function logFactorials(n: number): readonly number[] {
  for (let k = known.length; k <= n; k++) known.push(known[k - 1]! + Math.log(k));
  return known;
}

const known: number[] = [0];
