import type { Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { dependsOnBatch, watchOutputs } from '../../src/attacks/model-checks.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [4, 4, 1] as const;

beforeAll(async () => {
  await openBackend('wasm');
});

/** The linear model with something after its logits. */
function followedBy(change: (logits: Tensor2D) => Tensor2D): Classifier {
  const { classifier } = randomLinearModel(shape, 3);
  return {
    ...classifier,
    logits: async (pixels, ids) => {
      const logits = await classifier.logits(pixels, ids);
      const changed = tf.tidy(() => change(logits));
      logits.dispose();
      return changed;
    },
  };
}

describe('outputs that look like probabilities', () => {
  const images = randomImages(5, shape, 3, { seed: 2 });

  it('are noticed after a softmax, and not in logits', async () => {
    const soft = watchOutputs(openQueries(followedBy((logits) => tf.softmax(logits))));
    expect(soft.areProbabilities()).toBe(false);
    await soft.queries.logits(images);
    expect(soft.areProbabilities()).toBe(true);
    const plain = watchOutputs(openQueries(followedBy((logits) => tf.clone(logits))));
    await plain.queries.logits(images);
    expect(plain.areProbabilities()).toBe(false);
  });

  it('are not noticed if a single query has other numbers', async () => {
    let calls = 0;
    const sometimes = followedBy((logits) => (calls++ === 0 ? tf.softmax(logits) : tf.clone(logits)));
    const { queries, areProbabilities } = watchOutputs(openQueries(sometimes));
    await queries.logits(images);
    expect(areProbabilities()).toBe(true);
    await queries.logits(images);
    expect(areProbabilities()).toBe(false);
  });
});

describe('logits that depend on the batch', () => {
  const images = randomImages(9, shape, 3, { seed: 4 });

  it('are noticed if the model subtracts the mean of the batch or draws, and not in a plain network', async () => {
    const normalised = openQueries(followedBy((logits) => tf.sub(logits, tf.mean(logits, 0))));
    expect(await dependsOnBatch(normalised, images)).toBe(true);
    let draw = 1;
    const random = openQueries(followedBy((logits) => tf.add(logits, draw++)));
    expect(await dependsOnBatch(random, images)).toBe(true);
    expect(await dependsOnBatch(openQueries(followedBy((logits) => tf.clone(logits))), images)).toBe(false);
  });

  it('cannot be noticed in one image', async () => {
    const normalised = openQueries(followedBy((logits) => tf.sub(logits, tf.mean(logits, 0))));
    const one = randomImages(1, shape, 3, { seed: 4 });
    expect(await dependsOnBatch(normalised, one)).toBe(false);
  });
});
