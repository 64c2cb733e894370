import type { Tensor2D } from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { attackImages, sweepStrengths } from './attack-classifier.ts';
import {
  meanOf,
  perturbationNorms,
  pixelSpace,
  ratios,
  referenceNorms,
} from '../../src/attacks/dissimilarity.ts';
import { type ImageBatch, takeRows } from '../../src/attacks/images.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';
import { everyAttack } from './every-attack.ts';
import { linearModel, randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [4, 4, 1] as const;

// Thousands of small calls take minutes on a GPU in software; fgsm.test.ts asks that backend too.
describe.each(readyBackends.filter((name) => name !== 'webgpu'))('on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  describe.each(everyAttack)('%s', (name, attack, strength) => {
    it('stays in [0, 1], whatever the images and the strength', async () => {
      const { classifier } = randomLinearModel(shape, 4);
      await fc.assert(
        fc.asyncProperty(fc.nat(1000), fc.double({ min: 0.1, max: 5, noNaN: true }), async (seed, factor) => {
          const images = randomImages(4, shape, 4, { seed });
          const { pixels } = await attackImages(attack, classifier, images, strength * factor);
          for (const value of pixels) expect(value >= 0 && value <= 1).toBe(true);
        }),
        { numRuns: 8, seed: 1 },
      );
    });

    it('is the identity at strength 0', async () => {
      const { classifier } = randomLinearModel(shape, 4);
      const images = randomImages(5, shape, 4);
      const { pixels } = await attackImages(attack, classifier, images, 0);
      expect(pixels).toEqual(images.pixels);
    });

    it('gives the same bytes for 70 images at once, for some of them in another order, and for one alone', async () => {
      const { classifier } = randomLinearModel(shape, 4);
      const images = randomImages(70, shape, 4);
      const together = await attackImages(attack, classifier, images, strength);
      for (const rows of [[69, 3, 64, 11], [63]]) {
        const some = await attackImages(attack, classifier, takeRows(images, rows), strength);
        for (const [index, row] of rows.entries()) {
          const own = some.pixels.subarray(index * 16, (index + 1) * 16);
          const expected = together.pixels.subarray(row * 16, (row + 1) * 16);
          // TensorFlow's last bits depend on the shape of the batch, and on the processor.
          if (backend === 'wasm') expect(own).toEqual(expected);
          else for (const [at, value] of own.entries()) expect(value).toBeCloseTo(expected[at]!, 5);
        }
      }
    });

    it('reaches a mean dissimilarity within 1 %, and the same in a sweep', async () => {
      const { classifier } = randomLinearModel(shape, 4);
      const images = await labelled(classifier, randomImages(30, shape, 4));
      const targets = [0.05, 0.12].map((dissimilarity) => {
        return { dissimilarity, per: 'set', tolerance: 0.01, space: pixelSpace } as const;
      });
      const swept = await sweepStrengths(attack, classifier, images, targets);
      for (const [index, { pixels }] of swept.entries()) {
        const target = targets[index]!;
        const achieved = ratios(
          perturbationNorms(images, pixels, pixelSpace),
          referenceNorms(images, pixelSpace),
        );
        expect(Math.abs(meanOf(achieved) - target.dissimilarity)).toBeLessThanOrEqual(
          0.01 * target.dissimilarity,
        );
        const alone = await attackImages(attack, classifier, images, target);
        expect(pixels).toEqual(alone.pixels);
      }
    });

    it('leaves images alone whose logits are not finite, and says which', async () => {
      const { classifier } = randomLinearModel(shape, 4);
      const images = await labelled(classifier, randomImages(6, shape, 4));
      const { pixels, states } = await attackImages(attack, brokenAt(classifier, 2), images, strength);
      expect(states).toEqual(['active', 'active', 'non-finite', 'active', 'active', 'active']);
      expect(pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(pixels.subarray(32, 48)).toEqual(images.pixels.subarray(32, 48));
    });

    it('counts the images without any gradient', async () => {
      const { classifier } = linearModel(shape, 4, new Float32Array(16 * 4));
      const images = { ...randomImages(3, shape, 4), labels: new Int32Array(3) };
      const { zeroGradients } = await attackImages(attack, classifier, images, strength);
      expect(zeroGradients).toBe(/noise|square|hop-skip-jump/.test(name) ? 0 : 3);
    });

    it('leaves no tensor behind', async () => {
      const { classifier } = randomLinearModel(shape, 4);
      const before = tf.memory().numTensors;
      await attackImages(attack, classifier, randomImages(70, shape, 4), strength);
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});

/** The same images with the labels that the model gives them. */
async function labelled(classifier: Classifier, images: ImageBatch): Promise<ImageBatch> {
  const pixels = tf.tensor4d(images.pixels, [...images.shape]);
  const logits = await classifier.logits(pixels);
  const classes = tf.argMax<Tensor2D>(logits, 1);
  const labels = Int32Array.from(await classes.data());
  tf.dispose([pixels, logits, classes]);
  return { ...images, labels };
}

/** A network whose logits are not a number for one image. */
function brokenAt(classifier: Classifier, id: number): Classifier {
  const broken = (logits: Tensor2D, ids: Int32Array | undefined): Tensor2D => {
    const values = Float32Array.from(ids!, (given) => (given === id ? NaN : 0));
    const result = tf.tidy(() => tf.add<Tensor2D>(logits, tf.tensor2d(values, [values.length, 1])));
    logits.dispose();
    return result;
  };
  return {
    ...classifier,
    logits: async (pixels, ids) => broken(await classifier.logits(pixels, ids), ids),
    inputGradient: async (pixels, labels, loss, ids) => {
      const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss, ids);
      return { gradient, logits: broken(logits, ids) };
    },
    classGradients: async (pixels, classes, ids) => {
      const { gradients, logits } = await classifier.classGradients(pixels, classes, ids);
      return { gradients, logits: broken(logits, ids) };
    },
  };
}
