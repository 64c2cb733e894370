import { expect, it } from 'vitest';
import { certifiedRadius, lowerBound } from '../../src/metrics/certified-radius.ts';

/** scipy 1.17.1: beta.ppf(alpha, hits, draws - hits + 1), and norm.ppf of it where it is above ½. */
const reference = [
  [100, 100, 0.001, 0.933254300796991, 1.5004750241206364],
  [99, 100, 0.001, 0.9113731112960424, 1.3492590388103902],
  [60, 100, 0.001, 0.4409842652212994, null],
  [990, 1000, 0.001, 0.9760361871553114, 1.9780095821411994],
  [700, 1000, 0.05, 0.6752463872806512, 0.45444686814608903],
  [1, 10, 0.05, 0.005116196891823701, null],
  [0, 10, 0.05, 0, null],
  [99_999, 100_000, 0.001, 0.9999076696662654, 3.739126668543357],
] as const;

it.each(reference)(
  '%i of %i draws at α = %d have the bound and the radius of scipy',
  (hits, draws, alpha, bound, quantile) => {
    expect(lowerBound(hits, draws, alpha)).toBeCloseTo(bound, 10);
    const radius = certifiedRadius(hits, draws, 0.5, alpha);
    if (quantile === null) expect(radius).toBeNull();
    else expect(radius).toBeCloseTo(0.5 * quantile, 8);
  },
);

it('refuses more hits than draws', () => {
  expect(() => lowerBound(11, 10, 0.05)).toThrow(RangeError);
});
