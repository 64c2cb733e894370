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
import { plainFgsm } from './plain-attacks.ts';
import { takeRows } from '../../src/attacks/images.ts';
import { UnreachableTargetError } from '../../src/attacks/search.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { linearModel, randomImages, randomLinearModel } from './linear-classifier.ts';
import { readyBackends } from '../tensors/backends.ts';

describe.each(readyBackends)('on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  describe('fgsm', () => {
    it('lowers the margin of a linear model of two classes by exactly ε‖w_y − w_j‖₁ where nothing is clipped', async () => {
      const { classifier, weights } = randomLinearModel([4, 4, 1], 2);
      const images = randomImages(20, [4, 4, 1], 2, { margin: 0.2 });
      const { pixels } = await attackImages(plainFgsm, classifier, images, 0.1);
      let distance = 0;
      for (let feature = 0; feature < 16; feature++) {
        distance += Math.abs(weights[feature * 2]! - weights[feature * 2 + 1]!);
      }
      for (let row = 0; row < 20; row++) {
        const y = images.labels[row]!;
        const margin = (values: Float32Array): number => {
          let sum = 0;
          for (let feature = 0; feature < 16; feature++) {
            sum += values[row * 16 + feature]! * (weights[feature * 2 + y]! - weights[feature * 2 + 1 - y]!);
          }
          return sum;
        };
        expect(margin(images.pixels) - margin(pixels)).toBeCloseTo(0.1 * distance, 5);
      }
    });

    it('stays in [0, 1] and within ε of the original, whatever ε', async () => {
      const { classifier } = randomLinearModel([3, 3, 2], 4);
      await fc.assert(
        fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(1000), async (epsilon, seed) => {
          const images = randomImages(3, [3, 3, 2], 4, { seed });
          const { pixels } = await attackImages(plainFgsm, classifier, images, epsilon);
          for (const [index, value] of pixels.entries()) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(1);
            expect(Math.abs(value - images.pixels[index]!)).toBeLessThanOrEqual(epsilon + 6e-8);
          }
        }),
        { numRuns: 30, seed: 1 },
      );
    });

    it('is the identity at ε = 0 and at dissimilarity 0, and then queries no gradient', async () => {
      const model = randomLinearModel([4, 4, 1], 3);
      const images = randomImages(5, [4, 4, 1], 3);
      const byStrength = await attackImages(plainFgsm, model.classifier, images, 0);
      const byTarget = await attackImages(plainFgsm, model.classifier, images, {
        dissimilarity: 0,
        per: 'set',
        tolerance: 0.01,
        space: pixelSpace,
      });
      expect(byStrength.pixels).toEqual(images.pixels);
      expect(byTarget.pixels).toEqual(images.pixels);
      expect(model.gradients()).toBe(0);
    });

    it('gives the same bytes for 150 images at once as for the images one by one', async () => {
      const { classifier } = randomLinearModel([5, 5, 1], 3);
      const images = randomImages(150, [5, 5, 1], 3);
      const together = await attackImages(plainFgsm, classifier, images, 0.07);
      for (const row of [0, 63, 64, 127, 128, 149]) {
        const alone = await attackImages(plainFgsm, classifier, takeRows(images, [row]), 0.07);
        expect(alone.pixels).toEqual(together.pixels.subarray(row * 25, (row + 1) * 25));
        expect(alone.initial[0]).toBe(together.initial[row]);
      }
    });

    it.each([0.02, 0.1, 0.3, 0.5])(
      'reaches a mean dissimilarity of %d within 0.01 % in spite of clipping',
      async (target) => {
        const { classifier } = randomLinearModel([6, 6, 1], 3);
        const images = randomImages(40, [6, 6, 1], 3);
        const strength = { dissimilarity: target, per: 'set', tolerance: 0.01, space: pixelSpace } as const;
        const { pixels, strengths } = await attackImages(plainFgsm, classifier, images, strength);
        const achieved = ratios(
          perturbationNorms(images, pixels, pixelSpace),
          referenceNorms(images, pixelSpace),
        );
        expect(Math.abs(meanOf(achieved) - target)).toBeLessThanOrEqual(1e-4 * target);
        expect(new Set(strengths).size).toBe(1);
      },
    );

    it('reaches the dissimilarity of each image by itself, in the normalised space too', async () => {
      const { classifier } = randomLinearModel([6, 6, 3], 3);
      const images = randomImages(12, [6, 6, 3], 3);
      const space = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] };
      const { pixels } = await attackImages(plainFgsm, classifier, images, {
        dissimilarity: 0.1,
        per: 'image',
        tolerance: 0.01,
        space,
      });
      const achieved = ratios(perturbationNorms(images, pixels, space), referenceNorms(images, space));
      for (const value of achieved) expect(Math.abs(value - 0.1)).toBeLessThanOrEqual(1e-5);
    });

    it('says the largest dissimilarity it can reach when the target is out of reach', async () => {
      // The gradient of two equal pixels of 0.5 points up at one and down at the other: at most 0.5 each.
      const { classifier } = linearModel([1, 2, 1], 2, Float32Array.from([1, -1, -1, 1]));
      const images = {
        pixels: Float32Array.from([0.5, 0.5]),
        shape: [1, 1, 2, 1],
        labels: Int32Array.from([0]),
        ids: Int32Array.from([0]),
      } as const;
      const strength = { dissimilarity: 1.5, per: 'set', tolerance: 0.01, space: pixelSpace } as const;
      const error: unknown = await attackImages(plainFgsm, classifier, images, strength).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(UnreachableTargetError);
      expect((error as UnreachableTargetError).greatest).toBeCloseTo(1, 6);
    });

    it('counts the images whose gradient is exactly zero', async () => {
      const { classifier } = linearModel([1, 2, 1], 2, new Float32Array(4));
      const images = randomImages(3, [1, 2, 1], 2);
      expect((await attackImages(plainFgsm, classifier, images, 0.1)).zeroGradients).toBe(3);
    });

    it('leaves no tensor behind', async () => {
      const { classifier } = randomLinearModel([4, 4, 1], 3);
      const before = tf.memory().numTensors;
      await attackImages(plainFgsm, classifier, randomImages(70, [4, 4, 1], 3), 0.1);
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});
