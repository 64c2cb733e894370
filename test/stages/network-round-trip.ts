/** The round trip of a model through a network file: what was written is read as the same to the bit. */
import type { Tensor } from '@tensorflow/tfjs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openClassifier } from '../../src/models/inference.ts';
import { networkFileText } from '../../src/models/network-file/write.ts';
import { encodeWeights } from '../../src/models/weights/write.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { Network, NetworkModel } from '../../src/values/model.ts';
import { madeUp } from '../models/made-up.ts';
import { evenModel } from '../models/networks.ts';
import { runStage } from './run-stage.ts';

/** Writes `net.json` and `net.safetensors` into a folder. */
export async function writeModel(model: NetworkModel, folder: string): Promise<void> {
  await writeFile(join(folder, 'net.json'), networkFileText(model, 'net.safetensors'));
  await writeFile(join(folder, 'net.safetensors'), encodeWeights(model.network.architecture, model.weights));
}

/** Expects of a network with made-up weights that graph, weights, logits and gradients come back as they were. */
export async function expectSameAfterRoundTrip(network: Network): Promise<void> {
  const channels = network.inputShape[2];
  const model = evenModel(network, {
    mean: Array.from({ length: channels }, (_, at) => 0.1 + at / 3),
    std: Array.from({ length: channels }, (_, at) => 1 / (3 + at)),
  });
  const read = await writtenAndRead(model);
  expect(read.network).toEqual(model.network);
  expect(read.preprocessing).toEqual(model.preprocessing);
  expect(Object.keys(read.weights).sort()).toEqual(Object.keys(model.weights).sort());
  for (const [name, { shape, data }] of Object.entries(model.weights)) {
    const own = read.weights[name]!;
    expect(own.shape).toEqual(shape);
    expect(Buffer.from(own.data.buffer).equals(Buffer.from(data.buffer)), name).toBe(true);
  }
  const [before, after] = [await evaluate(model), await evaluate(read)];
  expect(new Set(before[1]).size).toBeGreaterThan(2);
  expect(after).toEqual(before);
}

async function writtenAndRead(model: NetworkModel): Promise<NetworkModel> {
  const root = await mkdtemp(join(tmpdir(), 'ravelin-network-'));
  try {
    await writeModel(model, root);
    return (await runStage('model/network', { path: 'net.json' }, { root })).outputs['model'] as NetworkModel;
  } finally {
    await rm(root, { recursive: true });
  }
}

/** Logits of two images, and the gradients of their cross-entropy. */
async function evaluate(model: NetworkModel): Promise<readonly (readonly number[])[]> {
  const [height, width, channels] = model.network.inputShape;
  const classifier = await openClassifier(model);
  const pixels = tf.tensor4d(madeUp('image', 2 * height * width * channels), [2, height, width, channels]);
  const labels = tf.tensor1d([0, 1], 'int32');
  const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
  const numbers = await Promise.all([logits, gradient].map(async (tensor: Tensor) => [...await tensor.data()])); // prettier-ignore
  tf.dispose([pixels, labels, gradient, logits]);
  classifier.dispose();
  return numbers;
}
