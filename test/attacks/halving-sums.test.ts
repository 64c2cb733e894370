import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { squaredDistance, sumByHalves, sumOfSizes, sumOfSquares } from '../../src/attacks/halving-sums.ts';

describe('a sum by halves', () => {
  it.each<[readonly number[], number]>([
    [[], 0],
    [[3], 3],
    [[1, 2], 3],
    [[1, 2, 4], 7],
    [[1, 2, 4, 8, 16, 32, 64], 127],
  ])('of %j is %d', (values, sum) => {
    expect(sumByHalves(Float64Array.from(values), values.length)).toBe(sum);
  });

  it('adds the second half to the first', () => {
    // 1 is lost beside 2⁵³, but not 1 + 1, and in order 2⁵³ + 1 + 1 + 2 would be 2⁵³ + 2.
    expect(sumByHalves(Float64Array.of(2 ** 53, 1, 0, 1), 4)).toBe(2 ** 53 + 2);
    expect(sumByHalves(Float64Array.of(2 ** 53, 0, 1, 1), 4)).toBe(2 ** 53);
  });

  it('is that of the squares, the sizes and the differences of an image', () => {
    const images = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 70 });
    fc.assert(
      fc.property(images, (values) => {
        const image = Float32Array.from(values);
        const exact = values.reduce((sum, value) => sum + value * value, 0);
        expect(sumOfSquares(image)).toBeCloseTo(exact, 12);
        expect(sumOfSizes(image)).toBeCloseTo(
          values.reduce((sum, value) => sum + Math.abs(value), 0),
          12,
        );
        const both = Float32Array.of(...image, ...image.map((value) => -value));
        expect(squaredDistance(both, 0, both, image.length, image.length)).toBeCloseTo(4 * exact, 11);
      }),
    );
  });
});
