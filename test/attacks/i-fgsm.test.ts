import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  meanOf,
  perturbationNorms,
  pixelSpace,
  ratios,
  referenceNorms,
} from '../../src/attacks/dissimilarity.ts';
import { attackImages } from './attack-classifier.ts';
import { plainFgsm, iterated } from './plain-attacks.ts';
import { takeRows } from '../../src/attacks/images.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { randomImages, randomLinearModel } from './linear-classifier.ts';
import { readyBackends } from '../tensors/backends.ts';

// Thousands of small calls take minutes on a GPU in software; fgsm.test.ts asks that backend too.
describe.each(readyBackends.filter((name) => name !== 'webgpu'))('on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  describe('iterativeFgsm', () => {
    it('of one step is FGSM', async () => {
      const { classifier } = randomLinearModel([4, 4, 1], 3);
      const images = randomImages(10, [4, 4, 1], 3);
      const once = await attackImages(plainFgsm, classifier, images, 0.1);
      const many = await attackImages(iterated({ steps: 1 }), classifier, images, 0.1);
      expect(many.pixels).toEqual(once.pixels);
    });

    it('moves as far as FGSM with steps × stepSize on a linear model of two classes, whose gradient sign is constant', async () => {
      const { classifier } = randomLinearModel([4, 4, 1], 2);
      const images = randomImages(10, [4, 4, 1], 2);
      const once = await attackImages(plainFgsm, classifier, images, 0.1);
      const many = await attackImages(iterated({ steps: 5 }), classifier, images, 0.02);
      for (const [index, value] of many.pixels.entries()) expect(value).toBeCloseTo(once.pixels[index]!, 6);
    });

    it('stays in [0, 1] and in the ball of radius epsilon', async () => {
      const { classifier } = randomLinearModel([3, 3, 1], 5);
      await fc.assert(
        fc.asyncProperty(
          fc.double({ min: 0, max: 0.5, noNaN: true }),
          fc.double({ min: 0, max: 0.3, noNaN: true }),
          fc.nat(1000),
          async (stepSize, epsilon, seed) => {
            const images = randomImages(3, [3, 3, 1], 5, { seed });
            const { pixels } = await attackImages(
              iterated({ steps: 4, epsilon }),
              classifier,
              images,
              stepSize,
            );
            for (const [index, value] of pixels.entries()) {
              expect(value).toBeGreaterThanOrEqual(0);
              expect(value).toBeLessThanOrEqual(1);
              expect(Math.abs(value - images.pixels[index]!)).toBeLessThanOrEqual(epsilon + 6e-8);
            }
          },
        ),
        { numRuns: 30, seed: 1 },
      );
    });

    it('gives the same bytes for 130 images at once as for the images one by one', async () => {
      const { classifier } = randomLinearModel([5, 5, 1], 3);
      const images = randomImages(130, [5, 5, 1], 3);
      const together = await attackImages(iterated({ steps: 4 }), classifier, images, 0.03);
      for (const row of [0, 64, 129]) {
        const alone = await attackImages(iterated({ steps: 4 }), classifier, takeRows(images, [row]), 0.03);
        expect(alone.pixels).toEqual(together.pixels.subarray(row * 25, (row + 1) * 25));
      }
    });

    it.each(['set', 'image'] as const)('reaches a dissimilarity of 0.2 within 1 % per %s', async (per) => {
      const { classifier } = randomLinearModel([6, 6, 1], 4);
      const images = randomImages(20, [6, 6, 1], 4);
      const strength = { dissimilarity: 0.2, per, tolerance: 0.01, space: pixelSpace };
      const { pixels } = await attackImages(iterated({ steps: 10 }), classifier, images, strength);
      const achieved = ratios(
        perturbationNorms(images, pixels, pixelSpace),
        referenceNorms(images, pixelSpace),
      );
      if (per === 'set') expect(Math.abs(meanOf(achieved) - 0.2)).toBeLessThanOrEqual(0.002);
      else for (const value of achieved) expect(Math.abs(value - 0.2)).toBeLessThanOrEqual(0.002);
    });

    it('reaches the mean over a set that is large enough for a pilot within 1 %', async () => {
      const { classifier } = randomLinearModel([4, 4, 1], 4);
      const images = randomImages(300, [4, 4, 1], 4);
      const strength = { dissimilarity: 0.2, per: 'set', tolerance: 0.01, space: pixelSpace } as const;
      const { pixels } = await attackImages(iterated({ steps: 10 }), classifier, images, strength);
      const achieved = ratios(
        perturbationNorms(images, pixels, pixelSpace),
        referenceNorms(images, pixelSpace),
      );
      expect(Math.abs(meanOf(achieved) - 0.2)).toBeLessThanOrEqual(0.002);
    });

    it('leaves no tensor behind', async () => {
      const { classifier } = randomLinearModel([4, 4, 1], 3);
      const before = tf.memory().numTensors;
      await attackImages(
        iterated({ steps: 3, epsilon: 0.2 }),
        classifier,
        randomImages(70, [4, 4, 1], 3),
        0.1,
      );
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});
