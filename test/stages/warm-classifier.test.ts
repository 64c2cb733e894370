import type { Rank } from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { initializeModel } from '../../src/models/initialize.ts';
import { cnn } from '../../src/models/architectures/cnn.ts';
import { warmClassifier } from '../../src/stages/shared/warm-classifier.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { NetworkModel } from '../../src/values/model.ts';

beforeAll(async () => {
  await openBackend('wasm');
});

const context = {
  backend: 'wasm',
  resolve: (path: string): string => path,
  resolveCode: (path: string) => ({ path, root: '/' }),
};

function makeModel(seed: number): NetworkModel {
  const shape = { inputShape: [4, 4, 1], filters: [2], kernel: 3, batchNorm: false } as const;
  const network = cnn({ ...shape, dense: [], dropout: 0, classes: 3 });
  return initializeModel(network, { mean: [0], std: [1] }, [seed, 1]);
}

it('brings the weights of a model to the device once, and keeps the two that were used last', async () => {
  const models = [1, 2, 3].map(makeModel);
  const tensors = (): number => tf.memory().numTensors;
  const none = tensors();
  const first = await warmClassifier(models[0]!, context);
  const each = tensors() - none;
  expect(each).toBeGreaterThan(0);
  first.dispose();
  const again = await warmClassifier(models[0]!, context);
  expect(tensors()).toBe(none + each);

  const others = [await warmClassifier(models[1]!, context), await warmClassifier(models[2]!, context)];
  others.forEach((classifier) => classifier.dispose());
  expect(tensors()).toBe(none + 3 * each);
  again.dispose();
  again.dispose();
  await new Promise((done) => setImmediate(done));
  expect(tensors()).toBe(none + 2 * each);
  // The third model took the place of the first, which went when it was given back.
  const third = await warmClassifier(models[2]!, context);
  expect(tensors()).toBe(none + 2 * each);
  const pixels = tf.zeros<Rank.R4>([1, 4, 4, 1]);
  expect((await third.logits(pixels)).shape).toEqual([1, 3]);
});

it('does not keep a model that cannot be opened', async () => {
  const model = { ...makeModel(4), weights: {} };
  await expect(warmClassifier(model, context)).rejects.toThrow(/do not fit/);
  await expect(warmClassifier(model, context)).rejects.toThrow(/do not fit/);
});
