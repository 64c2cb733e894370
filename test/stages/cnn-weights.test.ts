import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Tensor4D } from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { failureOf, runStage } from './run-stage.ts';

const root = fileURLToPath(new URL('../reference', import.meta.url));
/** Made by cnn.py with torch; it holds the version. */
const reference = JSON.parse(readFileSync(`${root}/cnn.json`, 'utf8')) as {
  readonly pixels: readonly number[];
  readonly logits: readonly number[];
};
const params = {
  ...{ height: 12, width: 8, channels: 2, classes: 4, filters: [3, 5], batchNorm: true, dense: [6] },
  ...{ mean: [0.5], std: [0.25], weights: 'weight-files/cnn.pth' },
};

it('model/cnn has PyTorch’s logits on the weights of a PyTorch file', async () => {
  await openBackend('wasm');
  const model = (await runStage('model/cnn', params, { root })).outputs['model'] as NetworkModel;
  const classifier = await openClassifier(model);
  const pixels = Float32Array.from(reference.pixels, (value) => value / 255);
  const image: Tensor4D = tf.tensor4d(pixels, [1, 12, 8, 2]);
  const logits = await classifier.logits(image);
  const values = [...(await logits.data())];
  tf.dispose([image, logits]);
  classifier.dispose();
  expect(values).toHaveLength(4);
  values.forEach((value, index) => expect(value).toBeCloseTo(reference.logits[index]!, 5));
});

it('model/cnn compares the shapes of a PyTorch file as PyTorch has them', async () => {
  const failure = await failureOf(runStage('model/cnn', { ...params, dense: [7] }, { root }));
  expect(failure.message).toContain(
    '3 of another shape: fc1.weight is [6, 30] instead of [7, 30], fc1.bias is [6] instead of [7], fc2.weight is [4, 6] instead of [4, 7]',
  );
});

it('model/cnn says how to save a file that cannot be read, and not which parameters to give', async () => {
  const weights = 'weight-files/checkpoints/whole.pth';
  const failure = await failureOf(runStage('model/cnn', { ...params, weights }, { root }));
  expect(failure.message).toContain("the pickle refers to 'torch.nn.modules.linear.Linear'");
  expect(failure.fix).toMatch(/^save the tensors alone: torch\.save\(model\.state_dict\(\)/);
});
