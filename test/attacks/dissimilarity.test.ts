import { describe, expect, it } from 'vitest';
import { measurePerturbation, perturbationNorms, referenceNorms } from '../../src/attacks/dissimilarity.ts';

const images = {
  pixels: Float32Array.from([0.5, 0, 0, 0.5, 0, 0, 0, 0]),
  shape: [2, 2, 2, 1],
  labels: Int32Array.from([0, 1]),
} as const;

describe('measurePerturbation', () => {
  it('is ‖x′ − x‖₂, the largest change and ‖x′ − x‖₂ / ‖x‖₂ of each image', () => {
    const perturbed = Float32Array.from([0.75, 0.25, 0, 0.5, 0, 0, 0, 0]);
    const { l2, linf, dissimilarity } = measurePerturbation(images, perturbed);
    expect(l2[0]).toBeCloseTo(Math.sqrt(2) / 4, 7);
    expect(linf[0]).toBe(0.25);
    expect(dissimilarity[0]).toBeCloseTo(0.5, 7);
  });

  it('gives a black image 0 where it did not move, and infinity where it did', () => {
    expect(measurePerturbation(images, images.pixels).dissimilarity[1]).toBe(0);
    const moved = Float32Array.from([0.5, 0, 0, 0.5, 0.1, 0, 0, 0]);
    expect(measurePerturbation(images, moved).dissimilarity[1]).toBe(Infinity);
  });

  it('measures in the normalised space of the model', () => {
    const space = { mean: [0.5], std: [0.25] };
    expect([...referenceNorms(images, space)]).toEqual([Math.sqrt(8), 4]);
    const perturbed = Float32Array.from([1, 0, 0, 0.5, 0, 0, 0, 0]);
    expect([...perturbationNorms(images, perturbed, space)]).toEqual([2, 0]);
  });
});
