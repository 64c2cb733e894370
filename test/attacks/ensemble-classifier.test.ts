import type { Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { attackImages } from './attack-classifier.ts';
import { ensembleClassifier } from '../../src/attacks/ensemble-classifier.ts';
import { softmaxRows } from '../../src/metrics/classification.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';
import { linearModel, randomImages, randomLinearModel } from './linear-classifier.ts';
import { plainFgsm } from './plain-attacks.ts';

const shape = [3, 4, 1] as const;
const classes = 4;

describe.each(readyBackends)('an ensemble of linear models on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });
  const [a, b] = [randomLinearModel(shape, classes, 1), randomLinearModel(shape, classes, 2)];
  const images = randomImages(5, shape, classes);

  async function onBatch<R>(use: (pixels: Tensor4D, labels: Tensor1D) => Promise<R>): Promise<R> {
    const pixels = tf.tensor4d(images.pixels, [5, ...shape]);
    const labels = tf.tensor1d(images.labels, 'int32');
    try {
      return await use(pixels, labels);
    } finally {
      tf.dispose([pixels, labels]);
    }
  }

  it('averaged in logits is the linear model of the mean weights', async () => {
    const mean = linearModel(
      shape,
      classes,
      a.weights.map((weight, index) => (weight + b.weights[index]!) / 2),
    );
    const ensemble = ensembleClassifier([a.classifier, b.classifier], 'logits');
    await onBatch(async (pixels, labels) => {
      const found = await ensemble.inputGradient(pixels, labels, 'cross-entropy');
      const expected = await mean.classifier.inputGradient(pixels, labels, 'cross-entropy');
      expectClose(await found.logits.data(), await expected.logits.data());
      expectClose(await found.gradient.data(), await expected.gradient.data());
      expectClose(await (await ensemble.logits(pixels)).data(), await expected.logits.data());
    });
  });

  it('averaged in loss has the mean of the gradients Σ_k (p_k − 1[k = y]) w_k of its members', async () => {
    const ensemble = ensembleClassifier([a.classifier, b.classifier], 'loss');
    const found = await onBatch(async (pixels, labels) => {
      const { gradient } = await ensemble.inputGradient(pixels, labels, 'cross-entropy');
      return gradient.data();
    });
    const features = 12;
    const expected = images.pixels.map((_, at) => {
      const [row, feature] = [Math.floor(at / features), at % features];
      let sum = 0;
      for (const { weights } of [a, b]) {
        const logits = new Float32Array(classes);
        for (let k = 0; k < classes; k++)
          for (let f = 0; f < features; f++)
            logits[k]! += images.pixels[row * features + f]! * weights[f * classes + k]!;
        const probabilities = softmaxRows(logits, classes);
        for (let k = 0; k < classes; k++)
          sum += (probabilities[k]! - Number(k === images.labels[row])) * weights[feature * classes + k]!;
      }
      return sum / 2;
    });
    expectClose(found, expected);
  });

  it('differs between the averages, which is why there are two', async () => {
    const gradientOf = (average: 'logits' | 'loss') =>
      onBatch(async (pixels, labels) => {
        const ensemble = ensembleClassifier([a.classifier, b.classifier], average);
        return (await ensemble.inputGradient(pixels, labels, 'cross-entropy')).gradient.data();
      });
    const [logits, loss] = [await gradientOf('logits'), await gradientOf('loss')];
    expect(Math.max(...logits.map((value, index) => Math.abs(value - loss[index]!)))).toBeGreaterThan(0.01);
  });

  it('gives the mean of class gradients and of products with a vector under both averages', async () => {
    for (const average of ['logits', 'loss'] as const) {
      const ensemble = ensembleClassifier([a.classifier, b.classifier], average);
      await onBatch(async (pixels) => {
        const chosen = tf.tensor2d(new Int32Array([0, 1, 2, 3, 0, 1, 2, 3, 0, 1]), [5, 2], 'int32');
        const { gradients } = await ensemble.classGradients(pixels, chosen);
        expect(gradients.shape).toEqual([5, 2, ...shape]);
        const values = await gradients.data();
        // Entry [1, 0] is class 2: the mean of the two columns of weights.
        for (let feature = 0; feature < 12; feature++) {
          const mean = (a.weights[feature * classes + 2]! + b.weights[feature * classes + 2]!) / 2;
          expect(values[2 * 12 + feature]).toBeCloseTo(mean, 5);
        }
        const cotangent = tf.oneHot(tf.tensor1d([2, 2, 2, 2, 2], 'int32'), classes).cast('float32');
        const product = await ensemble.vectorJacobianProduct(pixels, cotangent as Tensor2D);
        expectClose((await product.gradient.data()).subarray(0, 12), values.subarray(24, 36));
      });
    }
  });

  it('of one model attacks as the model itself, byte for byte', async () => {
    const alone = await attackImages(plainFgsm, a.classifier, images, 0.1);
    const ensemble = await attackImages(plainFgsm, ensembleClassifier([a.classifier], 'logits'), images, 0.1);
    expect(ensemble.pixels).toEqual(alone.pixels);
  });

  it('fools both of two models where an attack on one of them fools that one alone', async () => {
    // Class 1 beats class 0 by 2 (x − ½) on each model's own pixel, so only its own pixel can fool a model.
    const left = linearModel([1, 2, 1], 2, new Float32Array([-1, 1, 0, 0]));
    const right = linearModel([1, 2, 1], 2, new Float32Array([0, 0, -1, 1]));
    const start = {
      pixels: new Float32Array([0.6, 0.6]),
      labels: new Int32Array([1]),
      ids: new Int32Array([0]),
      shape: [1, 1, 2, 1] as const,
    };
    const onLeft = await attackImages(plainFgsm, left.classifier, start, 0.25);
    expect([...onLeft.pixels].map((value) => Number(value.toFixed(4)))).toEqual([0.35, 0.6]);
    for (const average of ['logits', 'loss'] as const) {
      const onBoth = await attackImages(
        plainFgsm,
        ensembleClassifier([left.classifier, right.classifier], average),
        start,
        0.25,
      );
      expect([...onBoth.pixels].map((value) => Number(value.toFixed(4)))).toEqual([0.35, 0.35]);
    }
  });

  it('leaves no tensor behind', async () => {
    const ensemble = ensembleClassifier([a.classifier, b.classifier], 'logits');
    const before = tf.memory().numTensors;
    await attackImages(plainFgsm, ensemble, images, 0.1);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses members for other images or classes, and an empty list', () => {
    expect(() => ensembleClassifier([a.classifier, randomLinearModel(shape, 3).classifier], 'loss')).toThrow(
      'the models of an ensemble must take the same images and have the same classes: one takes 3×4×1 and has 4 classes, another 3×4×1 and 3',
    );
    expect(() => ensembleClassifier([], 'loss')).toThrow(RangeError);
  });
});

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  for (let index = 0; index < found.length; index++) expect(found[index]).toBeCloseTo(expected[index]!, 5);
}
