export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantile of the normal distribution: a two-sided interval of 95 %. */
const z95 = 1.959963984540054;

/**
 * 95 % score interval of a proportion (Wilson 1927; recommended by Brown, Cai and DasGupta 2001, equation 4,
 * over the textbook interval because it keeps its coverage near 0 and 1, where robust accuracies are): (p̂ +
 * z²/2n ± z √(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n). Returns null for an empty sample. Throws `RangeError`
 * unless 0 ≤ successes ≤ n.
 */
export function wilsonInterval(successes: number, n: number): Interval | null {
  if (!(successes >= 0 && successes <= n))
    throw new RangeError(`there cannot be ${successes} successes in ${n} trials`);
  if (n === 0) return null;
  const p = successes / n;
  const z2 = z95 * z95;
  const center = p + z2 / (2 * n);
  const half = z95 * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  const scale = 1 + z2 / n;
  // At the ends the formula gives exactly 0 and 1, apart from rounding.
  return {
    low: successes === 0 ? 0 : (center - half) / scale,
    high: successes === n ? 1 : (center + half) / scale,
  };
}
