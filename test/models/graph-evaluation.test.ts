/** What only the graph form of the tensorflow backend has to show; inference.test.ts runs on it as on every other. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Rank, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { zoo } from '../../src/models/architectures/zoo.ts';
import type { ArchitectureName } from '../../src/models/architectures/zoo.ts';
import { openClassifier } from '../../src/models/inference.ts';
import type { Evaluation } from '../../src/models/inference.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { readyBackends } from '../tensors/backends.ts';
import { allOperations, networkWith, randomModel, smallTransformer } from './networks.ts';
import { expectSameSteps } from './same-steps.ts';

const isReady = readyBackends.includes('tensorflow');
/** Half a minute together; the others have all that these have. */
const large: readonly ArchitectureName[] =
  process.env['RAVELIN_TEST_LARGE'] === '1'
    ? []
    : ['vgg16', 'densenet169', 'resnet34', 'resnet101', 'inception-v4', 'inception-resnet-v2'];
if (!isReady) process.stderr.write('SKIPPED: networks as graphs, for the tensorflow backend is not ready\n');

describe.skipIf(!isReady)('a network as a graph', () => {
  beforeAll(async () => {
    await openBackend('tensorflow');
  });

  // Small images, where the architecture takes them: what is compared is the graph, not the size.
  const sizeOf = (name: ArchitectureName): number => {
    if (name === 'vgg16') return 224;
    if (name.startsWith('inception')) return 107;
    return name.startsWith('cifar') ? 32 : 65;
  };

  it.each(Object.keys(zoo) as ArchitectureName[])('computes what the kernels of %s compute', async (name) => {
    if (large.includes(name)) {
      process.stderr.write(`SKIPPED: ${name} as a graph, for RAVELIN_TEST_LARGE is not 1\n`);
      return;
    }
    const size = sizeOf(name);
    const network = zoo[name].build({ size, classes: 6 });
    const model = initializeModel(network, { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] }, [1, 2]);
    const pixels: Tensor4D = tf.randomUniform([2, size, size, 3], 0, 1, 'float32', 3);
    const labels = tf.tensor1d([1, 4], 'int32');
    const of = async (evaluation: Evaluation): Promise<Tensor[]> => {
      const classifier = await openClassifier(model, evaluation);
      const { logits, gradient } = await classifier.inputGradient(pixels, labels, 'margin');
      classifier.dispose();
      return [logits, gradient];
    };
    const [graph, eager] = [await of('graph'), await of('eager')];
    for (const [index, tensor] of graph.entries())
      expect(relativeError(tensor, eager[index]!)).toBeLessThan(1e-4);
    tf.dispose([pixels, labels, ...graph, ...eager]);
  });

  it('gives the gradients of more classes than one graph holds', async () => {
    const model = randomModel(allOperations());
    const pixels = imagesOf(model, 2);
    const columns = Array.from({ length: 13 }, (_, column) => column % 5);
    const chosen = tf.tensor2d([columns, [...columns].reverse()], [2, 13], 'int32');
    const [graph, eager] = await Promise.all(
      (['graph', 'eager'] as const).map(async (evaluation) => {
        const classifier = await openClassifier(model, evaluation);
        const result = await classifier.classGradients(pixels, chosen);
        classifier.dispose();
        return result;
      }),
    );
    expect(graph!.gradients.shape).toEqual([2, 13, ...model.network.inputShape]);
    expect(relativeError(graph!.gradients, eager!.gradients)).toBeLessThan(1e-5);
    expect(relativeError(graph!.logits, eager!.logits)).toBeLessThan(1e-5);
  });

  it('keeps the direction of a gradient whose probabilities underflow, as the kernels do', async () => {
    const plain = randomModel(allOperations());
    const last = plain.network.nodes.at(-1)!.name;
    const scaled = Object.entries(plain.weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: name.startsWith(`${last}.`) ? data.map((value) => value * 1e5) : data },
    ]);
    const model: NetworkModel = { ...plain, weights: Object.fromEntries(scaled) as NetworkModel['weights'] };
    const pixels = imagesOf(model, 2);
    const norms: number[] = [];
    const of = async (evaluation: Evaluation): Promise<Tensor> => {
      const classifier = await openClassifier(model, evaluation);
      const logits = await classifier.logits(pixels);
      const labels = tf.argMax<Tensor1D>(logits, 1).cast<Tensor1D>('int32');
      const top = tf.topk(logits, 2).values.dataSync();
      // e^−104 is the least positive float32 number.
      expect(Math.min(top[0]! - top[1]!, top[2]! - top[3]!)).toBeGreaterThan(104);
      const { gradient } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
      classifier.dispose();
      norms.push(tf.norm(tf.mul(gradient, 1e20)).dataSync()[0]!);
      return tf.mul(gradient, 1e20);
    };
    const [graph, eager] = [await of('graph'), await of('eager')];
    expect(Math.min(...norms)).toBeGreaterThan(1e-3);
    expect(relativeError(graph, eager)).toBeLessThan(1e-4);
  });

  it('needs no more memory after 200 batches than after 20', async () => {
    const model = randomModel(allOperations());
    const classifier = await openClassifier(model);
    const labels = tf.zeros<Rank.R1>([400], 'int32');
    const pixels = imagesOf(model, 400);
    const batches = async (count: number): Promise<void> => {
      for (let batch = 0; batch < count; batch++) {
        const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
        tf.dispose([gradient, logits]);
      }
    };
    await batches(20);
    const [tensors, resident] = [tf.memory().numTensors, process.memoryUsage.rss()];
    await batches(180);
    expect(tf.memory().numTensors).toBe(tensors);
    // A gradient kept would be 0.29 MB a batch, 52 MB in all.
    expect(process.memoryUsage.rss() - resident).toBeLessThan(25e6);
    classifier.dispose();
  });

  it('is shared by models that differ in their weights alone, each with its own', async () => {
    const models = [1, 2].map((seed) =>
      initializeModel(allOperations(), { mean: [0, 0], std: [1, 1] }, [seed, 0]),
    );
    const pixels = imagesOf(models[0]!, 3);
    const before = await Promise.all(models.map((model) => openClassifier(model)));
    const first = await Promise.all(before.map((classifier) => classifier.logits(pixels)));
    expect(relativeError(first[0]!, first[1]!)).toBeGreaterThan(0.1);
    before[0]!.dispose();
    expect(relativeError(await before[1]!.logits(pixels), first[1]!)).toBe(0);
    const again = await openClassifier(models[0]!);
    expect(relativeError(await again.logits(pixels), first[0]!)).toBe(0);
    tf.dispose([...first, pixels]);
    again.dispose();
    before[1]!.dispose();
  });

  it.each([
    ['every operation', allOperations],
    ['a transformer', smallTransformer],
  ])('takes the steps of training of %s that the kernels take', async (_, build) => {
    const model = randomModel(build());
    const pixels = imagesOf(model, 12);
    await expectSameSteps(model, Float32Array.from(pixels.dataSync()), 1e-3);
    pixels.dispose();
  });

  it('leaves no file behind', async () => {
    const graphs = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('ravelin-graph-'));
    const before = graphs();
    const model = randomModel(networkWith((b, x) => b.relu('r', x)));
    const classifier = await openClassifier(model);
    (await classifier.logits(imagesOf(model, 1))).dispose();
    expect(graphs().filter((name) => !before.includes(name))).toEqual([]);
    classifier.dispose();
  });

  it('goes on after a batch that does not fit', async () => {
    const model = randomModel(networkWith((b, x) => b.relu('r', x)));
    const classifier = await openClassifier(model);
    await expect(classifier.logits(tf.zeros([1, 4, 4, 3]))).rejects.toThrow(/depth/);
    expect((await classifier.logits(imagesOf(model, 2))).shape).toEqual([2, 4]);
    classifier.dispose();
  });
});

function imagesOf({ network }: NetworkModel, count: number): Tensor4D {
  return tf.randomUniform([count, ...network.inputShape], 0, 1, 'float32', 7);
}

/** ‖x − y‖₂ / ‖y‖₂. */
function relativeError(x: Tensor, y: Tensor): number {
  return tf.tidy(() => tf.norm(tf.sub(x, y)).dataSync()[0]! / tf.norm(y).dataSync()[0]!);
}
