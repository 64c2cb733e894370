/**
 * The L2 radius within which randomized smoothing is certain of its class (Cohen, Rosenfeld and Kolter 2019, "Certified
 * Adversarial Robustness via Randomized Smoothing", theorem 1 and CERTIFY of figure 2).
 */

/**
 * σ Φ⁻¹(p), with p the Clopper–Pearson lower bound at level 1 − α of the share of `hits` in `draws`; null, which is to
 * abstain, unless it is above ½.
 */
export function certifiedRadius(hits: number, draws: number, sigma: number, alpha: number): number | null {
  const share = lowerBound(hits, draws, alpha);
  return share > 0.5 ? sigma * normalQuantile(share) : null;
}

/**
 * One-sided lower bound of a proportion (Clopper and Pearson 1934): the p at which as many hits or more have the
 * probability α. It covers the true share with at least 1 − α. Throws `RangeError` unless 0 ≤ hits ≤ draws.
 */
export function lowerBound(hits: number, draws: number, alpha: number): number {
  if (!(hits >= 0 && hits <= draws)) throw new RangeError(`there cannot be ${hits} hits in ${draws} draws`);
  if (hits === 0) return 0;
  if (hits === draws) return alpha ** (1 / draws);
  return bisect((p) => atLeast(hits, draws, p) < alpha, 0, 1);
}

/** Probability of `hits` or more in `draws` draws with probability p each, 0 < p < 1, by its terms. */
function atLeast(hits: number, draws: number, p: number): number {
  const odds = Math.log(p) - Math.log1p(-p);
  let term = draws * Math.log1p(-p);
  let sum = 0;
  for (let k = 0; k <= draws; k++) {
    if (k >= hits) sum += Math.exp(term);
    term += odds + Math.log(draws - k) - Math.log(k + 1);
  }
  return Math.min(1, sum);
}

/** Φ⁻¹(p) for ½ ≤ p < 1; at most 8, where float64 has no larger p below 1. */
function normalQuantile(p: number): number {
  return bisect((x) => normalDistribution(x) < p, 0, 8);
}

/** Φ(x) for 0 ≤ x ≤ 8: ½ + φ(x) (x + x³/3 + x⁵/(3·5) + …) (Marsaglia 2004, "Evaluating the normal distribution"). */
function normalDistribution(x: number): number {
  let [sum, term] = [x, x];
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** The place between `low` and `high` at which `isBelow` turns from true to false. */
function bisect(isBelow: (value: number) => boolean, low: number, high: number): number {
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return low;
}
