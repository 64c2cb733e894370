import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { zoo } from '../../src/models/architectures/zoo.ts';
import type { ArchitectureName } from '../../src/models/architectures/zoo.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { networkShapes, weightShapes } from '../../src/models/network.ts';
import { importWeights, torchShapes } from '../../src/models/weights/import-weights.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { madeUp, madeUpCheckpoint } from './made-up.ts';

interface Reference {
  readonly size: number;
  readonly classes: number;
  readonly parameters: number;
  readonly tensors: string;
  readonly layers: string;
  readonly layerShapes: Readonly<Record<string, number>>;
  readonly logits: readonly number[];
}

/** Made by architectures.py with torch, torchvision and timm; it holds their versions. */
const table = JSON.parse(
  readFileSync(new URL('../reference/architectures.json', import.meta.url), 'utf8'),
) as { readonly architectures: Readonly<Record<ArchitectureName, Reference>> };
const references = Object.entries(table.architectures) as [ArchitectureName, Reference][];

/**
 * vgg16's weights (0.5 GB, three times over) are much for a test; RAVELIN_TEST_LARGE=1 computes its logits too.
 */
const tooLarge = process.env['RAVELIN_TEST_LARGE'] === '1' ? [] : ['vgg16'];

for (const name of tooLarge)
  process.stderr.write(`SKIPPED: the logits of ${name}, for RAVELIN_TEST_LARGE is not 1\n`);

beforeAll(async () => {
  await openBackend('wasm');
});

it('every architecture has a reference, and the other way round', () => {
  expect(Object.keys(zoo).sort()).toEqual(references.map(([name]) => name).sort());
});

describe.each(references)('%s', (name, reference) => {
  const { size, classes } = reference;

  it('has the parameters, tensor names and layer shapes of torchvision or timm', () => {
    const network = zoo[name].build({ size, classes });
    const shapes = networkShapes(network);
    const layers = network.nodes.filter(({ op }) => ['conv', 'batch-norm', 'dense'].includes(op));
    const lines = layers.map((layer) => [layer.name, shapes.get(layer.name)!.join('x')] as const);
    const counts: Record<string, number> = {};
    for (const [, shape] of lines) counts[shape] = (counts[shape] ?? 0) + 1;
    expect(counts).toEqual(reference.layerShapes);
    expect(sha(lines.map((line) => line.join(' ')))).toBe(reference.layers);
    expect(sha([...torchShapes(network)].map(([key, shape]) => `${key} ${shape.join('x')}`))).toBe(
      reference.tensors,
    );
    const trained = [...weightShapes(network)].filter(([key]) => !key.includes('.running_'));
    expect(trained.reduce((sum, [, shape]) => sum + shape.reduce((all, extent) => all * extent, 1), 0)).toBe(
      reference.parameters,
    );
    expect(network.architecture).toBe(name);
  });

  it.skipIf(tooLarge.includes(name))(
    'has PyTorch’s logits on made-up weights, to 1e-3 of the largest',
    async () => {
      const network = zoo[name].build({ size, classes: 10 });
      const model = {
        kind: 'model' as const,
        network,
        weights: importWeights(network, { tensors: madeUpCheckpoint(network), layout: 'torch' }),
        preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
      };
      const classifier = await openClassifier(model);
      const image: Tensor4D = tf.tensor4d(madeUp('image', size * size * 3), [1, size, size, 3]);
      const logits = await classifier.logits(image);
      const values = [...(await logits.data())];
      tf.dispose([image, logits]);
      classifier.dispose();
      const largest = Math.max(...reference.logits.map(Math.abs));
      const error = Math.max(...values.map((value, index) => Math.abs(value - reference.logits[index]!)));
      if (process.env['RAVELIN_TEST_VERBOSE'] === '1')
        process.stderr.write(`${name}: relative error ${(error / largest).toExponential(1)}\n`);
      expect(error / largest).toBeLessThan(1e-3);
    },
  );
});

describe('initialisation', () => {
  const deviation = (values: Float32Array): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const fresh = (name: ArchitectureName, size: number) =>
    initializeModel(
      zoo[name].build({ size, classes: 1000 }),
      { mean: [0, 0, 0], std: [1, 1, 1] },
      [1, 2],
      zoo[name].initialization,
    ).weights;

  it('follows the fan-in or the fan-out, as the reference code does', () => {
    expect(deviation(fresh('resnet18', 64)['layer2.0.conv1.weight']!.data)).toBeCloseTo(
      Math.sqrt(2 / (9 * 128)),
      3,
    );
    expect(deviation(fresh('cifar-resnet20', 32)['layer3.0.conv1.weight']!.data)).toBeCloseTo(
      Math.sqrt(2 / (9 * 32)),
      2,
    );
    expect(deviation(fresh('mobilenet-v2', 64)['features.5.conv.1.0.weight']!.data)).toBeCloseTo(
      Math.sqrt(2 / 9),
      1,
    );
  });

  it('starts the scores of SqueezeNet and MobileNetV2 with deviation 0.01', () => {
    expect(deviation(fresh('squeezenet1_1', 64)['classifier.1.weight']!.data)).toBeCloseTo(0.01, 4);
    expect(deviation(fresh('mobilenet-v2', 64)['classifier.1.weight']!.data)).toBeCloseTo(0.01, 4);
  });
});

function sha(lines: readonly string[]): string {
  return createHash('sha256')
    .update([...lines].sort().join('\n'))
    .digest('hex')
    .slice(0, 16);
}
