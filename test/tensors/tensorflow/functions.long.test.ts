/** What TensorFlow computes as functions, whose tensors stay on the device, beside the sessions of earlier bindings. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { zoo } from '../../../src/models/architectures/zoo.ts';
import type { ArchitectureName } from '../../../src/models/architectures/zoo.ts';
import { networkBuilder } from '../../../src/models/builder.ts';
import { openClassifier } from '../../../src/models/inference.ts';
import { initializeModel } from '../../../src/models/initialize.ts';
import { openBackend } from '../../../src/tensors/backend.ts';
import { measureTransfers } from '../../../src/timing/transfers.ts';
import { keepsTensors } from '../../../src/tensors/tensorflow/graph/session.ts';
import type { TensorflowBackend } from '../../../src/tensors/tensorflow/raw.ts';
import { tf } from '../../../src/tensors/tf.ts';
import { trainSgd } from '../../../src/training/sgd.ts';
import type { Network, NetworkModel } from '../../../src/values/model.ts';
import { layers } from '../../models/inference-suite.ts';
import { allOperations, gatedOperations, randomModel, smallTransformer } from '../../models/networks.ts';
import { readyBackends } from '../backends.ts';

const isReady = readyBackends.includes('tensorflow');
if (!isReady) process.stderr.write('SKIPPED: functions of TensorFlow, which is not ready\n');

describe.skipIf(!isReady)('functions of TensorFlow', () => {
  beforeAll(async () => {
    await openBackend('tensorflow');
    // An earlier binding has none: ravelin setup tensorflow compiles the one of this version.
    expect(keepsTensors()).toBe(true);
  });

  it.each<[string, () => NetworkModel]>([
    ['all operations', () => randomModel(allOperations())],
    ['a transformer', () => randomModel(smallTransformer())],
    ['ResNet-20', () => ofZoo('cifar-resnet20', 32)],
    ['MobileNet v2', () => ofZoo('mobilenet-v2', 65)],
    ['ResNet-18', () => ofZoo('resnet18', 65)],
    ['every gate', () => coloured(gatedOperations())],
    ['residual blocks with SiLU', () => coloured(gatedBlocks('silu'))],
    ['residual blocks with GELU', () => coloured(gatedBlocks('gelu'))],
    ['residual blocks with the GELU of tanh', () => coloured(gatedBlocks('gelu-tanh'))],
    ['ConvNeXt-like blocks', () => coloured(nextBlocks())],
    ['EfficientNet-like blocks', () => coloured(invertedBlocks())],
    ['logits so small that they underflow', () => withTinyLogits(randomModel(allOperations()))],
    ...Object.entries(layers).map(([name, build]): [string, () => NetworkModel] => [
      name,
      () => randomModel(build(), { mean: [0.4, 0.5], std: [0.3, 0.2] }),
    ]),
  ])('compute the bits of sessions: %s', async (_, build) => {
    const model = build();
    const pixels = pixelsFor(model, 8);
    const labels = tf.tensor1d([1, 3, 0, 2, 3, 1, 2, 0], 'int32');
    const values = async (): Promise<Int32Array[]> => {
      const classifier = await openClassifier(model, 'graph');
      const tensors: Tensor[] = [await classifier.logits(pixels)];
      for (const loss of ['cross-entropy', 'margin', 'dlr'] as const) {
        const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss);
        tensors.push(gradient, logits);
      }
      const chosen = tf.tensor2d([0, 1, 2, 3, 0, 3, 2, 1], [8, 1], 'int32');
      const { gradients, logits } = await classifier.classGradients(pixels, chosen);
      tensors.push(gradients, logits);
      classifier.dispose();
      const found = tensors.map((tensor) => new Int32Array(tensor.dataSync().slice().buffer));
      tf.dispose([...tensors, chosen]);
      return found;
    };
    expect(await values()).toEqual(await withoutFunctions(values));
    tf.dispose([pixels, labels]);
  });

  it.each<[string, () => NetworkModel]>([
    ['ResNet-20', () => ofZoo('cifar-resnet20', 32)],
    ['blocks with SiLU', () => coloured(gatedBlocks('silu'))],
    ['blocks with GELU', () => coloured(gatedBlocks('gelu'))],
    ['blocks with the GELU of tanh', () => coloured(gatedBlocks('gelu-tanh'))],
    ['ConvNeXt-like blocks', () => coloured(nextBlocks())],
    ['EfficientNet-like blocks', () => coloured(invertedBlocks())],
  ])('train to the same weights: %s', async (_, build) => {
    const model = build();
    const pixels = Uint8Array.from({ length: 100 * 32 * 32 * 3 }, (_, at) => (at * 7919) % 251);
    const ids = Int32Array.from({ length: 100 }, (_, id) => id);
    const trained = async (): Promise<NetworkModel['weights']> => {
      const result = await trainSgd({
        model,
        images: {
          ...{ kind: 'images', pixels, shape: [100, 32, 32, 3], views: 1 },
          ...{ labels: ids.map((id) => id % 6), ids, classes: [] },
        },
        ...{ seed: [1, 2], epochs: 1, batchSize: 50, learningRate: 0.05, momentum: 0.9, weightDecay: 5e-4 },
        ...{ nesterov: true, schedule: { kind: 'constant' } },
      });
      return result.weights;
    };
    expect(await trained()).toEqual(await withoutFunctions(trained));
  });

  it('get weights once, and give back only what is read', async () => {
    const model = ofZoo('cifar-resnet20', 32);
    const pixels = pixelsFor(model, 4);
    const labels = tf.tensor1d([1, 4, 0, 2], 'int32');
    const classifier = await openClassifier(model);
    const ask = async (): Promise<ReturnType<ReturnType<typeof measureTransfers>>> => {
      const transfers = measureTransfers();
      const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'margin');
      await logits.data();
      tf.dispose([gradient, logits]);
      return transfers();
    };
    const [first, second] = [await ask(), await ask()];
    const weights = Object.values(model.weights).reduce((sum, { data }) => sum + data.byteLength, 0);
    const batch = pixels.size * 4 + labels.size * 4;
    // Folding takes the statistics and scales of batch norms out, 4 numbers a channel, and puts a bias in.
    expect(first.fed - batch).toBeGreaterThan(0.9 * weights);
    expect(first.fed - batch).toBeLessThan(weights);
    expect(second).toEqual({ fed: 0, fetched: 4 * 6 * 4 });
    expect(first.fetched).toBe(second.fetched);
    classifier.dispose();
    const before = await withoutFunctions(async () => {
      const earlier = await openClassifier(model);
      const transfers = measureTransfers();
      tf.dispose(Object.values(await earlier.inputGradient(pixels, labels, 'margin')));
      earlier.dispose();
      return transfers();
    });
    // The session of an earlier binding takes them at each run, and copies all results.
    expect(before.fed).toBeGreaterThan(first.fed);
    expect(before.fetched).toBeGreaterThan(pixels.size * 4);
    tf.dispose([pixels, labels]);
  });

  it.each<[string, () => Network]>([
    ['SiLU', () => gatedBlocks('silu')],
    ['GELU', () => nextBlocks()],
  ])('keep the weights of a network with %s on the device', async (_, build) => {
    const model = coloured(build());
    const pixels = pixelsFor(model, 4);
    const labels = tf.tensor1d([1, 4, 0, 2], 'int32');
    const classifier = await openClassifier(model);
    expect(classifier.staysOnDevice).toBe(true);
    tf.dispose(Object.values(await classifier.inputGradient(pixels, labels, 'margin')));
    const transfers = measureTransfers();
    const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'margin');
    await logits.data();
    expect(transfers()).toEqual({ fed: 0, fetched: 4 * 10 * 4 });
    tf.dispose([gradient, logits, pixels, labels]);
    classifier.dispose();
  });

  it('leave no tensor behind when a model is closed', async () => {
    const { binding } = openBinding();
    const model = ofZoo('cifar-resnet20', 32);
    const pixels = pixelsFor(model, 2);
    const once = async (): Promise<number> => {
      const classifier = await openClassifier(model);
      tf.dispose(await classifier.logits(pixels));
      const open = binding.getNumOfTensors();
      classifier.dispose();
      return open - binding.getNumOfTensors();
    };
    await once();
    const before = binding.getNumOfTensors();
    // 19 convolutions with their biases, a matrix with its bias, and the affine map of the preprocessing.
    expect(await once()).toBe(42);
    expect(binding.getNumOfTensors()).toBe(before);
    pixels.dispose();
  });
});

const side = 32;

function coloured(network: Network): NetworkModel {
  return randomModel(network, { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] });
}

/** Convolutions with a gate, added up. */
function gatedBlocks(gate: 'silu' | 'gelu' | 'gelu-tanh'): Network {
  const b = networkBuilder({ architecture: gate, inputShape: [side, side, 3], classes: 10 });
  const gated = (name: string, x: string): string =>
    gate === 'silu' ? b.silu(name, x) : b.gelu(name, x, gate === 'gelu' ? 'none' : 'tanh');
  let x = gated('stem', b.conv('first', 'input', { filters: 16, kernel: 3, padding: 1 }));
  for (let at = 0; at < 4; at++) {
    const inner = b.conv(`conv${at}`, x, { filters: 16, kernel: 3, padding: 1, bias: at % 2 === 0 });
    x = b.add(`sum${at}`, x, gated(`gate${at}`, at < 2 ? inner : b.batchNorm(`norm${at}`, inner)));
  }
  return b.build(b.dense('logits', b.globalAveragePool('mean', x), { units: 10 }));
}

/** Depthwise convolutions of 7 × 7, layer norms, and dense layers around GELU. */
function nextBlocks(): Network {
  const b = networkBuilder({ architecture: 'next', inputShape: [side, side, 3], classes: 10 });
  let x = b.layerNorm('stem', b.conv('patches', 'input', { filters: 16, kernel: 4, stride: 4 }));
  for (let at = 0; at < 3; at++) {
    const wide = b.conv(`depth${at}`, x, { filters: 16, kernel: 7, padding: 3, groups: 16 });
    const up = b.gelu(`gelu${at}`, b.dense(`up${at}`, b.layerNorm(`norm${at}`, wide), { units: 64 }));
    x = b.add(`sum${at}`, x, b.dense(`down${at}`, up, { units: 16 }));
  }
  return b.build(b.dense('logits', b.globalAveragePool('mean', x), { units: 10 }));
}

/** Inverted residuals with SiLU and squeeze-and-excitation. */
function invertedBlocks(): Network {
  const b = networkBuilder({ architecture: 'inverted', inputShape: [side, side, 3], classes: 10 });
  const conv = (name: string, x: string, filters: number, kernel: number, groups = 1): string => {
    const padding = (kernel - 1) / 2;
    return b.batchNorm(`${name}.norm`, b.conv(name, x, { filters, kernel, padding, groups, bias: false }));
  };
  let x = b.silu('stem.silu', conv('stem', 'input', 8, 3));
  for (let at = 0; at < 3; at++) {
    const wide = b.silu(`silu${at}`, conv(`expand${at}`, x, 24, 1));
    const deep = b.silu(`deep${at}`, conv(`depth${at}`, wide, 24, 3, 24));
    const small = b.silu(
      `small${at}`,
      b.dense(`reduce${at}`, b.globalAveragePool(`mean${at}`, deep), { units: 4 }),
    );
    const open = b.multiply(
      `open${at}`,
      deep,
      b.sigmoid(`gate${at}`, b.dense(`widen${at}`, small, { units: 24 })),
    );
    x = b.add(`sum${at}`, x, conv(`project${at}`, open, 8, 1));
  }
  return b.build(b.dense('logits', b.globalAveragePool('mean', x), { units: 10 }));
}

function ofZoo(name: ArchitectureName, size: number): NetworkModel {
  const network = zoo[name].build({ size, classes: 6 });
  return initializeModel(network, { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] }, [1, 2]);
}

/** The gradients of margins are then below the least normal number, 1.2e-38, which TensorFlow's threads take for zero. */
function withTinyLogits(model: NetworkModel): NetworkModel {
  const last = model.network.nodes.at(-1)!.name;
  const weights = Object.entries(model.weights).map(([name, { shape, data }]) => [
    name,
    { shape, data: name.startsWith(`${last}.`) ? data.map((value) => value * 1e-38) : data },
  ]);
  return { ...model, weights: Object.fromEntries(weights) as NetworkModel['weights'] };
}

function pixelsFor({ network }: NetworkModel, count: number): Tensor4D {
  const [height, width, channels] = network.inputShape;
  return tf.randomUniform([count, height, width, channels], 0, 1, 'float32', 3);
}

interface OpenBinding {
  binding: TensorflowBackend['binding'] & { getNumOfTensors(): number };
}

function openBinding(): OpenBinding {
  return tf.backend() as unknown as OpenBinding;
}

/** Runs `work` with a binding that lacks functions, as an earlier set-up made it. */
async function withoutFunctions<R>(work: () => Promise<R>): Promise<R> {
  const backend = openBinding();
  const { binding } = backend;
  backend.binding = { ...binding, runFunction: undefined } as unknown as OpenBinding['binding'];
  try {
    return await work();
  } finally {
    backend.binding = binding;
  }
}
