import type { Tensor4D } from '@tensorflow/tfjs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { zoo } from '../../src/models/architectures/zoo.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { networkShapes } from '../../src/models/network.ts';
import { torchShapes } from '../../src/models/weights/import-weights.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { encodeValue } from '../../src/values/codec.ts';
import type { Images } from '../../src/values/images.ts';
import type { Network, NetworkModel } from '../../src/values/model.ts';
import { encodeSafetensors, type StoredTensor } from '../../src/values/safetensors.ts';
import { evenModel } from '../models/networks.ts';
import { failureOf, imagesOf, parametersOf, runStage, stageOf } from './run-stage.ts';
import { sharedData } from './shared-data.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-models-'));
});
afterEach(() => rm(root, { recursive: true }));

const build = async (uses: string, params: Readonly<Record<string, unknown>>): Promise<NetworkModel> =>
  (await runStage(uses, params, { root })).outputs['model'] as NetworkModel;

/** The name that lukemelas' EfficientNet-PyTorch has for a tensor of EfficientNet-Lite, by counting its blocks. */
function originalName(network: Network, name: string): string {
  const blocks = [...new Set(network.nodes.flatMap((node) => /^blocks\.\d+\.\d+/.exec(node.name) ?? []))];
  const [, block, layer, part] = /^(blocks\.\d+\.\d+\.)?(.*)\.(\w+)$/.exec(name)!;
  const outer: Record<string, string> = { conv_stem: '_conv_stem', bn1: '_bn0', conv_head: '_conv_head', bn2: '_bn1', classifier: '_fc' }; // prettier-ignore
  if (block === undefined) return `${outer[layer!]!}.${part!}`;
  const number = blocks.indexOf(block.slice(0, -1));
  const inner: Record<string, string> =
    number === 0
      ? { conv_dw: '_depthwise_conv', bn1: '_bn1', conv_pw: '_project_conv', bn2: '_bn2' }
      : { conv_pw: '_expand_conv', bn1: '_bn0', conv_dw: '_depthwise_conv', bn2: '_bn1', conv_pwl: '_project_conv', bn3: '_bn2' }; // prettier-ignore
  return `_blocks.${number}.${inner[layer!]!}.${part!}`;
}

describe('model/<published architecture>', () => {
  it.each(Object.keys(zoo))('model/%s takes its smallest images and its usual ones', (name) => {
    const { properties } = stageOf(`model/${name}`).with as unknown as {
      properties: { size: { minimum: number; default: number } };
    };
    for (const size of [properties.size.minimum, properties.size.default]) {
      expect(() => networkShapes(zoo[name as keyof typeof zoo].build({ size, classes: 10 }))).not.toThrow();
    }
    const params = parametersOf(stageOf(`model/${name}`), {});
    expect(stageOf(`model/${name}`).check?.(params) ?? []).toEqual([]);
  });

  it('draws fresh weights from the seed, and reads back what ravelin wrote', async () => {
    const model = await build('model/cifar-resnet20', { mean: [0.5] });
    expect(model.preprocessing.mean).toEqual([0.5, 0.5, 0.5]);
    expect(model.network.inputShape).toEqual([32, 32, 3]);
    await writeFile(join(root, 'model.safetensors'), encodeValue(model));
    const again = await build('model/cifar-resnet20', { weights: 'model.safetensors' });
    expect(again.weights).toEqual(model.weights);
  });

  it('pads EfficientNet-Lite as TensorFlow or as PyTorch', async () => {
    const paddingOf = async (uses: string, params: object): Promise<readonly unknown[]> => {
      const { network } = await build(uses, { size: 32, classes: 4, ...params });
      const stem = network.nodes.find(({ name }) => name === 'conv_stem');
      const norm = network.nodes.find(({ name }) => name === 'bn1');
      return [(stem as { padding: unknown }).padding, (norm as { epsilon: unknown }).epsilon];
    };
    const [even, uneven] = [[[1, 1, 1, 1], 1e-5], [[0, 1, 0, 1], 1e-3]]; // prettier-ignore
    expect(await paddingOf('model/efficientnet-lite0', {})).toEqual(even);
    expect(await paddingOf('model/efficientnet-lite0', { padding: 'tensorflow' })).toEqual(uneven);
    expect(await paddingOf('model/efficientnet-lite2', {})).toEqual(uneven);
    expect(await paddingOf('model/efficientnet-lite2', { padding: 'symmetric' })).toEqual(even);
    // With an odd side both ends have the same.
    expect(await paddingOf('model/efficientnet-lite2', { size: 33 })).toEqual([[1, 1, 1, 1], 1e-3]);
  });

  it('reads the original names of EfficientNet-Lite, and only for the padding of TensorFlow', async () => {
    const network = zoo['efficientnet-lite0'].build({ size: 32, classes: 4 });
    const { weights } = evenModel(network, { mean: [0, 0, 0], std: [1, 1, 1] });
    const original = (name: string): string => originalName(network, name);
    const tensors = [...torchShapes(network)].map(([name, shape]): [string, StoredTensor] => [
      original(name),
      // The values of a tensor of one axis are the same in both layouts.
      { dtype: 'F32', shape, data: weights[name]!.data },
    ]);
    await writeFile(join(root, 'original.safetensors'), encodeSafetensors(Object.fromEntries(tensors)));
    const params = { size: 32, classes: 4, weights: 'original.safetensors' };
    const model = await build('model/efficientnet-lite0', { ...params, padding: 'tensorflow' });
    for (const name of ['bn1.bias', 'blocks.0.0.bn2.bias', 'blocks.5.3.bn3.running_var', 'classifier.bias'])
      expect(model.weights[name]!.data).toEqual(weights[name]!.data);
    const failure = await failureOf(build('model/efficientnet-lite0', params));
    expect(failure.message).toContain('weights that were trained with the padding of TensorFlow');
    expect(failure.fix).toContain('set padding: tensorflow');
  });

  it('says which file does not fit, and how', async () => {
    const weights = 'other.safetensors';
    const tensor = { dtype: 'F32', shape: [10, 64], data: new Float32Array(640) } as const;
    await writeFile(join(root, weights), encodeSafetensors({ 'linaer.weight': tensor }));
    const failure = await failureOf(build('model/cifar-resnet20', { weights }));
    expect(failure).toMatchObject({ code: 'bad-data', file: join(root, weights) });
    expect(failure.message).toContain('1 unexpected: linaer.weight (did you mean linear.weight?)');
    expect((await failureOf(build('model/vgg16', { weights: 'absent.pth' }))).message).toContain(
      'does not exist',
    );
  });

  it('checks the number of means and the size of VGG-16 before anything runs', () => {
    const stage = stageOf('model/vgg16');
    const problems = stage.check!(parametersOf(stage, { size: 256, std: [1, 2] }));
    expect(problems.map(({ message }) => message)).toEqual([
      '2 values for 3 channels',
      'size 256 is not a multiple of 224',
    ]);
  });
});

/**
 * Share of images with the right label. RAVELIN_TEST_LARGE=1 takes all images instead of a subset, whose accuracy must
 * lie within three standard errors of the known one besides.
 */
const all = process.env['RAVELIN_TEST_LARGE'] === '1';

describe('published weights', () => {
  const batches = sharedData('cifar10-jpeg75/cifar-10-batches-bin');
  it.skipIf(batches === null).each([
    [20, 0.81],
    [32, 0.826],
    [56, 0.832],
  ])('ResNet-%i reaches %f on JPEG CIFAR-10 test images', async (depth, expected) => {
    const weights = sharedData(`models/cifar10-resnet${depth}.safetensors`)!;
    const images = await imagesOf('dataset/cifar10', { path: batches!, limit: all ? 5000 : 500 });
    const accuracy = await accuracyOf(await build(`model/cifar-resnet${depth}`, { weights }), images, 100);
    expectAccuracy(`ResNet-${depth}`, accuracy, expected, 0.008, images.ids.length, 5000);
  });

  const photographs = sharedData('imagenet-sample/val');
  it.skipIf(photographs === null)('SqueezeNet 1.0 reaches 0.657 on ImageNet photographs at 227', async () => {
    const images = await imagesOf('dataset/image-folder', {
      path: photographs!,
      classes: sharedData('imagenet-sample/classes.json')!,
      crop: 227,
      limit: all ? 300 : 40,
    });
    const model = await build('model/squeezenet1_0', {
      weights: sharedData('models/squeezenet1_0.safetensors')!,
      size: 227,
      mean: [123 / 255, 117 / 255, 104 / 255],
      std: [1 / 255],
    });
    const accuracy = await accuracyOf(model, images, 20);
    expectAccuracy('SqueezeNet 1.0', accuracy, 0.657, 0.015, images.ids.length, 300);
  });

  it.skipIf(photographs === null)(
    'Tiny Darknet, a LayersModel with a class order of its own, names two thirds of the photographs',
    async () => {
      const images = await imagesOf('dataset/image-folder', {
        path: photographs!,
        classes: sharedData('imagenet-sample/classes.json')!,
        crop: 224,
        limit: all ? 300 : 40,
      });
      const model = await build('model/tfjs', {
        path: sharedData('models/darknet-tiny/model.json')!,
        classes: sharedData('models/darknet-tiny/classes.json')!,
      });
      const accuracy = await accuracyOf(model, images, 20);
      expectAccuracy('Tiny Darknet', accuracy, 0.661, 0.03, images.ids.length, 1000);
    },
  );
});

function expectAccuracy(
  name: string,
  accuracy: number,
  expected: number,
  tolerance: number,
  count: number,
  whole: number,
): void {
  if (all) process.stderr.write(`${name}: ${(100 * accuracy).toFixed(2)} % of ${count}\n`);
  // The subset is drawn without replacement from the images that `expected` was measured on.
  const error = Math.sqrt(((expected * (1 - expected)) / count) * (1 - count / whole));
  expect(Math.abs(accuracy - expected)).toBeLessThan(tolerance + 3 * error);
}

async function accuracyOf(model: NetworkModel, images: Images, batch: number): Promise<number> {
  await openBackend('wasm');
  const classifier = await openClassifier(model);
  const [count, ...shape] = images.shape;
  const size = shape.reduce((product, extent) => product * extent, 1);
  let right = 0;
  for (let first = 0; first < count; first += batch) {
    const rows = Math.min(batch, count - first);
    const bytes = images.pixels.subarray(first * size, (first + rows) * size);
    const pixels: Tensor4D = tf.tensor4d(
      Float32Array.from(bytes, (value) => value / 255),
      [rows, ...shape],
    );
    const logits = await classifier.logits(pixels);
    const classes = tf.argMax(logits, 1);
    (await classes.data()).forEach((label, row) => (right += Number(label === images.labels[first + row])));
    tf.dispose([pixels, logits, classes]);
  }
  classifier.dispose();
  return right / count;
}
