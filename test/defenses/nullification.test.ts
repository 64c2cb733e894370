import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PixelShape } from '../../src/defenses/defense.ts';
import { nullification, nullifiedCount, nullify } from '../../src/defenses/nullification.ts';
import type { NullificationParameters } from '../../src/defenses/nullification.ts';

const params: NullificationParameters = { draws: 1, rate: 0.3, deviation: 0, mask: 'pixel-channel' };
const drawOf = (ids: readonly number[], draw = 0) => ({
  seed: [1, 2] as const,
  draw,
  ids: Int32Array.from(ids),
});
const ones = (length: number): Float32Array => new Float32Array(length).fill(1);

/** The nullified features of one image of ones, by their index. */
function zerosOf(shape: PixelShape, given: NullificationParameters, draw: number): readonly number[] {
  const [, height, width, channels] = shape;
  const result = nullify(ones(height * width * channels), shape, given, drawOf([5], draw));
  return [...result.entries()].flatMap(([index, value]) => (value === 0 ? [index] : []));
}

describe('random feature nullification', () => {
  it('sets ⌈p · features⌉ features to zero and leaves the others as they are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 3),
        fc.integer({ min: 0, max: 100 }),
        fc.constantFrom('pixel-channel', 'pixel'),
        (height, width, channels, percent, mask) => {
          const pixels = Float32Array.from({ length: height * width * channels }, (_, i) => (i + 1) / 512);
          const shape = [1, height, width, channels] as const;
          const result = nullify(pixels, shape, { ...params, rate: percent / 100, mask }, drawOf([3]));
          const size = mask === 'pixel' ? channels : 1;
          const features = (height * width * channels) / size;
          // In whole numbers, so that 7 % of 100 features are 7 and not 8.
          const expected = Math.ceil((features * percent) / 100);
          expect(result.filter((value) => value === 0)).toHaveLength(expected * size);
          result.forEach((value, index) => {
            if (value !== 0) expect(value).toBe(pixels[index]);
            if (size > 1) expect(value === 0).toBe(result[index - (index % size)] === 0);
          });
        },
      ),
    );
  });

  it.each([
    [100, 0.07, 7],
    [30, 0.1, 3],
    [10, 0.31, 4],
    [784, 0.5, 392],
    [150_528, 0.29, 43_654],
    [7, 0, 0],
    [7, 1, 7],
    [7, 1e-9, 1],
  ])('of %i features and p = %d are %i', (features, share, count) => {
    expect(nullifiedCount(features, share)).toBe(count);
  });

  it('draws the share from the normal distribution, clipped to [0, 1]', () => {
    const shape = [1, 50, 50, 1] as const;
    const sharesAt = (rate: number, deviation: number): readonly number[] =>
      Array.from({ length: 400 }, (_, draw) => {
        const given = { ...params, rate, deviation };
        return (
          nullify(ones(2500), shape, given, drawOf([5], draw)).filter((value) => value === 0).length / 2500
        );
      });
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const shares = sharesAt(0.3, 0.05);
    // Four standard errors: 0.05 / √400 of the mean, 0.05 / √800 of the deviation.
    expect(Math.abs(mean(shares) - 0.3)).toBeLessThan(0.01);
    const deviation = Math.sqrt(mean(shares.map((share) => (share - mean(shares)) ** 2)));
    expect(Math.abs(deviation - 0.05)).toBeLessThan(0.0071);
    // N(0, 0.1²) clipped at 0: one half is 0, and the mean is 0.1 / √(2π).
    const clipped = sharesAt(0, 0.1);
    const none = clipped.filter((share) => share === 0).length;
    expect(Math.abs(none - 200)).toBeLessThan(40);
    expect(Math.abs(mean(clipped) - 0.1 / Math.sqrt(2 * Math.PI))).toBeLessThan(0.0117);
    expect(Math.max(...sharesAt(1, 0.1))).toBe(1);
  });

  it('chooses every set of features as often', () => {
    const counts = new Map<string, number>();
    // Two of six features: 15 sets.
    for (let draw = 0; draw < 3000; draw++) {
      const set = zerosOf([1, 2, 3, 1], { ...params, rate: 2 / 6 }, draw).join(' ');
      counts.set(set, (counts.get(set) ?? 0) + 1);
    }
    expect(counts.size).toBe(15);
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    // The 99.9 % quantile at 14 degrees of freedom.
    expect(chiSquared).toBeLessThan(36.1);
  });

  it('of one image is the same in any batch, and differs between images and draws', () => {
    const shape = [3, 6, 5, 3] as const;
    const given = { ...params, deviation: 0.1 };
    const together = nullify(ones(270), shape, given, drawOf([9, 4, 70], 2));
    const alone = nullify(ones(90), [1, 6, 5, 3], given, drawOf([4], 2));
    expect(alone).toEqual(together.slice(90, 180));
    expect(together.slice(0, 90)).not.toEqual(alone);
    expect(nullify(ones(90), [1, 6, 5, 3], given, drawOf([4], 3))).not.toEqual(alone);
  });

  it('is its own derivative, with the draw of the forward pass', () => {
    const shape = [2, 4, 4, 3] as const;
    const [pixels, gradient] = [1, 2].map((k) =>
      Float32Array.from({ length: 96 }, (_, i) => Math.sin(k * i)),
    );
    const draw = drawOf([1, 2], 7);
    const given = { ...params, deviation: 0.2 };
    const pulled = nullification.pullBack!(gradient!, pixels!, shape, given, draw);
    const result = nullify(pixels!, shape, given, draw);
    const dot = (a: Float32Array, b: Float32Array): number =>
      a.reduce((sum, value, index) => sum + value * b[index]!, 0);
    expect(dot(result, gradient!)).toBeCloseTo(dot(pixels!, pulled), 6);
    expect(pulled.filter((value) => value === 0).length).toBeGreaterThan(0);
  });
});
