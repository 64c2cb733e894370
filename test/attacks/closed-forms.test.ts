import { beforeAll, describe, expect, it } from 'vitest';
import { attackImages } from './attack-classifier.ts';
import { type ImageBatch, takeRows } from '../../src/attacks/images.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';
import { carliniWagnerWith, deepFoolWith, pgdWith } from './every-attack.ts';
import { type LinearModel, randomImages, randomLinearModel } from './linear-classifier.ts';
import { iterated } from './plain-attacks.ts';

const features = 64;
const shape = [8, 8, 1] as const;

// Thousands of small calls take minutes on a GPU in software; fgsm.test.ts asks that backend too.
describe.each(readyBackends.filter((name) => name !== 'webgpu'))('on a linear model, on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  it.each([
    ['linf', 0.05],
    ['l2', 0.3],
  ] as const)(
    'PGD in %s lowers the margin of two classes by exactly ε times the dual norm',
    async (norm, epsilon) => {
      const model = randomLinearModel(shape, 2);
      const images = randomImages(10, shape, 2, { margin: 0.35 });
      const { pixels } = await attackImages(
        pgdWith({ norm, randomStart: false, steps: 12 }),
        model.classifier,
        images,
        epsilon,
      );
      const dual = dualNorm(difference(model, 2, 0, 1), norm);
      for (let row = 0; row < 10; row++) {
        const y = images.labels[row]!;
        const lowered =
          margin(model, 2, images.pixels, row, y, 1 - y) - margin(model, 2, pixels, row, y, 1 - y);
        expect(lowered).toBeCloseTo(epsilon * dual, 4);
      }
    },
  );

  it('I-FGSM towards a class raises its margin by exactly steps × ε times the L1 norm', async () => {
    const model = randomLinearModel(shape, 2);
    const images = randomImages(10, shape, 2, { margin: 0.3 });
    const targeted = { ...images, labels: new Int32Array(10) };
    const attack = iterated({ steps: 3, targeted: 1 });
    const { pixels } = await attackImages(attack, model.classifier, targeted, 0.01);
    const norm = dualNorm(difference(model, 2, 0, 1), 'linf');
    for (let row = 0; row < 10; row++) {
      const raised = margin(model, 2, pixels, row, 1, 0) - margin(model, 2, images.pixels, row, 1, 0);
      expect(raised).toBeCloseTo(0.03 * norm, 4);
    }
  });

  it('DeepFool finds the exact distance to the nearest boundary in one step', async () => {
    const model = randomLinearModel(shape, 5);
    const images = own(model, 5, randomImages(40, shape, 5, { margin: 0.35 }));
    const { pixels } = await attackImages(deepFoolWith({ steps: 1 }), model.classifier, images, 1);
    let unclipped = 0;
    for (let row = 0; row < 40; row++) {
      const moved = pixels.subarray(row * features, (row + 1) * features);
      if (moved.some((value) => value === 0 || value === 1)) continue;
      unclipped++;
      expect(distance(images.pixels, pixels, row)).toBeCloseTo(nearest(model, 5, images, row), 4);
    }
    expect(unclipped).toBeGreaterThan(20);
  });

  it('DeepFool with an overshoot misclassifies every image, and leaves misclassified ones alone', async () => {
    const model = randomLinearModel(shape, 5);
    const images = own(model, 5, randomImages(40, shape, 5, { margin: 0.35 }));
    const mixed = {
      ...images,
      labels: images.labels.map((label, row) => (row < 20 ? label : (label + 1) % 5)),
    };
    const { pixels, states } = await attackImages(deepFoolWith(), model.classifier, mixed, 1.02);
    const after = own(model, 5, { ...mixed, pixels });
    expect(mixed.labels.filter((label, row) => label === after.labels[row]).length).toBe(0);
    expect(states).toEqual(Array.from({ length: 40 }, (_, row) => (row < 20 ? 'active' : 'at-goal')));
    expect(pixels.subarray(20 * features)).toEqual(images.pixels.subarray(20 * features));
  });

  it.each(['clip', 'tanh'] as const)(
    'CW-L2 over %s comes within 2 percent of the nearest boundary',
    async (variable) => {
      const model = randomLinearModel(shape, 2);
      const images = own(model, 2, randomImages(12, shape, 2, { margin: 0.3 }));
      const attack = carliniWagnerWith({
        variable,
        lambda: 0.3,
        steps: 1000,
        learningRate: variable === 'clip' ? 0.001 : 0.004,
      });
      const { pixels } = await attackImages(attack, model.classifier, images, 1);
      for (let row = 0; row < 12; row++) {
        const optimum = nearest(model, 2, images, row);
        const reached = distance(images.pixels, pixels, row);
        expect(reached).toBeGreaterThanOrEqual(optimum - 1e-5);
        expect(reached).toBeLessThanOrEqual(1.02 * optimum + 4e-3);
      }
    },
  );

  it('CW-L2 with a small λ ends where the slopes of both terms are equal: δ = λ a / 2', async () => {
    const model = randomLinearModel(shape, 2);
    const images = takeRows(own(model, 2, randomImages(12, shape, 2, { margin: 0.3 })), farthest(model));
    const lambda = 1e-3;
    const attack = carliniWagnerWith({ lambda, steps: 800, learningRate: 2e-4, keep: 'last' });
    const { pixels } = await attackImages(attack, model.classifier, images, 1);
    const a = difference(model, 2, 0, 1);
    expect(distance(images.pixels, pixels, 0)).toBeCloseTo((lambda / 2) * dualNorm(a, 'l2'), 4);
  });

  it('a search over λ succeeds for every image from a λ that is too small for some', async () => {
    const model = randomLinearModel(shape, 3);
    const images = own(model, 3, randomImages(10, shape, 3, { margin: 0.3 }));
    const options = {
      steps: 150,
      learningRate: 0.005,
      lambda: 1e-4,
      keep: 'best',
      otherwise: 'original',
    } as const;
    const once = await attackImages(carliniWagnerWith(options), model.classifier, images, 1);
    const left = own(model, 3, { ...images, pixels: once.pixels });
    expect(images.labels.filter((label, row) => label === left.labels[row]).length).toBeGreaterThan(0);
    const searched = carliniWagnerWith({ ...options, searchSteps: 8 });
    const { pixels } = await attackImages(searched, model.classifier, images, 1);
    const after = own(model, 3, { ...images, pixels });
    expect(images.labels.filter((label, row) => label === after.labels[row]).length).toBe(0);
  });

  it('more PGD restarts never leave more images correct', async () => {
    const model = randomLinearModel(shape, 4);
    const images = own(model, 4, randomImages(60, shape, 4, { margin: 0.3 }));
    const correct = async (restarts: number): Promise<number> => {
      const attack = pgdWith({ restarts, steps: 1, stepSize: { relative: 0.3 } });
      const { pixels } = await attackImages(attack, model.classifier, images, 0.04);
      const after = own(model, 4, { ...images, pixels });
      return images.labels.filter((label, row) => label === after.labels[row]).length;
    };
    const once = await correct(1);
    const often = await correct(10);
    expect(often).toBeLessThanOrEqual(once);
    expect(once).toBeGreaterThan(0);
  });

  it('holds no memory over 1,000 iterations of CW-L2', async () => {
    const model = randomLinearModel(shape, 3);
    const images = own(model, 3, randomImages(8, shape, 3, { margin: 0.3 }));
    const run = (steps: number) =>
      attackImages(carliniWagnerWith({ steps, learningRate: 1e-6 }), model.classifier, images, 1);
    await run(100);
    const tensors = tf.memory().numTensors;
    const before = process.memoryUsage().rss;
    await run(1000);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
  });
});

/** w_i − w_j. */
function difference({ weights }: LinearModel, classes: number, i: number, j: number): Float64Array {
  return Float64Array.from(
    { length: features },
    (_, feature) => weights[feature * classes + i]! - weights[feature * classes + j]!,
  );
}

function dualNorm(a: Float64Array, norm: 'linf' | 'l2'): number {
  return norm === 'linf'
    ? a.reduce((sum, value) => sum + Math.abs(value), 0)
    : Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
}

/** Z_i − Z_j of one image. */
function margin(
  model: LinearModel,
  classes: number,
  pixels: Float32Array,
  row: number,
  i: number,
  j: number,
): number {
  return difference(model, classes, i, j).reduce(
    (sum, value, feature) => sum + value * pixels[row * features + feature]!,
    0,
  );
}

/** The images with the labels that the model gives them, in float64. */
function own(model: LinearModel, classes: number, images: ImageBatch): ImageBatch {
  const labels = images.labels.map((_, row) => {
    let best = 0;
    for (let k = 1; k < classes; k++) if (margin(model, classes, images.pixels, row, k, best) > 0) best = k;
    return best;
  });
  return { ...images, labels };
}

/** Distance of one image to the nearest boundary of its class. */
function nearest(model: LinearModel, classes: number, images: ImageBatch, row: number): number {
  const y = images.labels[row]!;
  let least = Infinity;
  for (let k = 0; k < classes; k++) {
    if (k === y) continue;
    const away = margin(model, classes, images.pixels, row, y, k);
    least = Math.min(least, away / dualNorm(difference(model, classes, y, k), 'l2'));
  }
  return least;
}

function distance(originals: Float32Array, pixels: Float32Array, row: number): number {
  let sum = 0;
  for (let at = row * features; at < (row + 1) * features; at++) sum += (pixels[at]! - originals[at]!) ** 2;
  return Math.sqrt(sum);
}

/** The one of twelve images that lies farthest from the boundary. */
function farthest(model: LinearModel): number[] {
  const images = own(model, 2, randomImages(12, shape, 2, { margin: 0.3 }));
  const away = Array.from({ length: 12 }, (_, row) => nearest(model, 2, images, row));
  return [away.indexOf(Math.max(...away))];
}
