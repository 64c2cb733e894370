import { describe, expect, it } from 'vitest';
import { addNoise, noise } from '../../src/defenses/noise.ts';

const params = { draws: 1, sigma: 0.2 };
const drawOf = (ids: readonly number[], draw = 0) => ({
  seed: [1, 2] as const,
  draw,
  ids: Int32Array.from(ids),
});
const shape = [1, 100, 100, 1] as const;
const grey = new Float32Array(10_000).fill(0.5);
const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('defense/noise', () => {
  it('adds normal noise of the standard deviation σ', () => {
    const result = addNoise(grey, shape, { ...params, sigma: 0.1 }, drawOf([7]));
    // Four standard errors: 0.1 / √10,000 of the mean, 0.1 / √20,000 of the deviation. Clipping is 5 σ away.
    expect(Math.abs(mean(result) - 0.5)).toBeLessThan(0.004);
    const deviation = Math.sqrt(mean(result.map((value) => (value - 0.5) ** 2)));
    expect(Math.abs(deviation - 0.1)).toBeLessThan(0.003);
  });

  it('clips to [0, 1], leaves its argument, and draws by image and draw alone', () => {
    const pixels = Float32Array.from({ length: 20_000 }, (_, at) => (at % 3) / 2);
    const before = pixels.slice();
    const both = addNoise(pixels, [2, 100, 100, 1], params, drawOf([3, 9]));
    expect(pixels).toEqual(before);
    expect(both.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(addNoise(pixels.slice(10_000), shape, params, drawOf([9]))).toEqual(both.slice(10_000));
    expect(addNoise(pixels.slice(10_000), shape, params, drawOf([9], 1))).not.toEqual(both.slice(10_000));
  });

  it('has the derivative of clipping', () => {
    const pixels = Float32Array.from({ length: 10_000 }, (_, at) => (at % 2 === 0 ? 0.02 : 0.9));
    const draw = drawOf([4]);
    const result = addNoise(pixels, shape, params, draw);
    const gradient = Float32Array.from({ length: 10_000 }, (_, at) => at + 1);
    const pulled = noise.pullBack!(gradient, pixels, shape, params, draw);
    result.forEach((value, at) => expect(pulled[at]).toBe(value > 0 && value < 1 ? gradient[at] : 0));
    expect(pulled.filter((value) => value === 0).length).toBeGreaterThan(3000);
  });
});
