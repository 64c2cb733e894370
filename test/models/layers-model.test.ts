import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openClassifier } from '../../src/models/inference.ts';
import { reorderClasses } from '../../src/models/tfjs/class-order.ts';
import { convertLayersModel } from '../../src/models/tfjs/convert.ts';
import { samePadding } from '../../src/tensors/padding.ts';
import { readTopology } from '../../src/models/tfjs/layers.ts';
import { decodeGroup, readManifest } from '../../src/models/tfjs/manifest.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import type { NetworkModel } from '../../src/values/model.ts';

beforeAll(async () => {
  await openBackend('wasm');
});

interface Saved {
  readonly modelTopology: unknown;
  readonly weightsManifest: readonly [
    { readonly paths: readonly string[]; readonly weights: tf.io.WeightsManifestEntry[] },
  ];
  readonly bytes: Uint8Array;
}

/** What `model.save` would write. */
async function save(model: tf.LayersModel): Promise<Saved> {
  let saved: Saved | undefined;
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = {
        modelTopology: JSON.parse(JSON.stringify(artifacts.modelTopology)) as unknown,
        weightsManifest: [{ paths: ['weights.bin'], weights: artifacts.weightSpecs! }],
        bytes: Buffer.concat([new Uint8Array(artifacts.weightData as ArrayBuffer)]),
      };
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    }),
  );
  return saved!;
}

function convert({ modelTopology, weightsManifest, bytes }: Saved): NetworkModel {
  const [group] = readManifest(weightsManifest);
  const tensors = decodeGroup(group!, bytes);
  const { network, weights } = convertLayersModel(readTopology(modelTopology), tensors, {
    architecture: 'test',
  });
  const channels = network.inputShape[2];
  const each = (value: number): number[] => Array.from({ length: channels }, () => value);
  return { kind: 'model', network, weights, preprocessing: { mean: each(0), std: each(1) } };
}

/** Random weights everywhere, so that a mixed-up one shows. */
function randomise(model: tf.LayersModel): tf.LayersModel {
  model.setWeights(
    model.getWeights().map((weight, index) => tf.randomUniform(weight.shape, 0.1, 1, 'float32', index + 1)),
  );
  return model;
}

const { layers } = tf;
const sequences: Readonly<Record<string, () => tf.layers.Layer[]>> = {
  'convolutions of every padding and stride': () => [
    layers.conv2d({
      inputShape: [9, 12, 2],
      filters: 3,
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      activation: 'relu',
    }),
    layers.conv2d({ filters: 4, kernelSize: [2, 3], padding: 'same', useBias: false }),
    layers.conv2d({ filters: 5, kernelSize: 2, padding: 'valid', activation: 'relu6' }),
    layers.flatten(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ],
  'batch norm, leaky ReLU and pooling': () => [
    layers.conv2d({ inputShape: [11, 11, 3], filters: 4, kernelSize: 3, padding: 'same', useBias: false }),
    layers.batchNormalization({}),
    layers.leakyReLU({ alpha: 0.1 }),
    layers.maxPooling2d({ poolSize: 2, strides: 2, padding: 'same' }),
    layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
    layers.conv2d({ filters: 5, kernelSize: 1 }),
    layers.globalAveragePooling2d({}),
  ],
  'depthwise and separable convolutions': () => [
    layers.zeroPadding2d({
      inputShape: [8, 8, 2],
      padding: [
        [0, 1],
        [1, 0],
      ],
    }),
    layers.depthwiseConv2d({ kernelSize: 3, strides: 2, depthMultiplier: 2 }),
    layers.batchNormalization({ scale: false, center: false }),
    layers.reLU({ maxValue: 6 }),
    layers.separableConv2d({ filters: 3, kernelSize: 2, padding: 'same', activation: 'relu' }),
    layers.dropout({ rate: 0.5 }),
    layers.flatten(),
    layers.dense({ units: 4, useBias: false }),
    layers.activation({ activation: 'softmax' }),
  ],
};

function branches(): tf.LayersModel {
  const input = tf.input({ shape: [6, 6, 2] });
  const left = layers
    .conv2d({ filters: 3, kernelSize: 3, padding: 'same' })
    .apply(input) as tf.SymbolicTensor;
  const right = layers.conv2d({ filters: 3, kernelSize: 1 }).apply(input) as tf.SymbolicTensor;
  const sum = layers.add().apply([left, right, left]) as tf.SymbolicTensor;
  const all = layers.concatenate().apply([sum, input, right]) as tf.SymbolicTensor;
  const mean = layers.globalAveragePooling2d({}).apply(all) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: layers.dense({ units: 3 }).apply(mean) as tf.SymbolicTensor });
}

async function expectSameOutputs(model: tf.LayersModel): Promise<void> {
  randomise(model);
  const converted = convert(await save(model));
  const pixels = tf.randomUniform<tf.Rank.R4>([3, ...converted.network.inputShape], 0, 1, 'float32', 7);
  const expected = model.predict(pixels) as tf.Tensor2D;
  const classifier = await openClassifier(converted);
  const logits = await classifier.logits(pixels);
  const isSoftmax = Math.abs(expected.sum(1).dataSync()[0]! - 1) < 1e-4;
  const actual = isSoftmax ? tf.softmax(logits) : logits;
  const scale = Math.max(...expected.dataSync().map(Math.abs));
  expect(scale).toBeGreaterThan(0);
  expect(tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0]! / scale).toBeLessThan(1e-5);
  classifier.dispose();
}

describe('a LayersModel', () => {
  it.each(Object.keys(sequences))('with %s gives the same numbers as one of our networks', async (name) => {
    await expectSameOutputs(tf.sequential({ layers: sequences[name]!() }));
  });

  it('with branches, sums of three and concatenation does too', async () => {
    await expectSameOutputs(branches());
  });

  it.each([
    [
      'an unknown layer',
      layers.upSampling2d({ inputShape: [4, 4, 1] }),
      /layer '.*' is a UpSampling2D, which is not supported; supported: Conv2D/,
    ],
    [
      'an unknown activation',
      layers.conv2d({ inputShape: [4, 4, 1], filters: 2, kernelSize: 1, activation: 'tanh' }),
      /has the activation "tanh"/,
    ],
    [
      'dilation',
      layers.conv2d({ inputShape: [4, 4, 1], filters: 2, kernelSize: 2, dilationRate: 2 }),
      /has dilation/,
    ],
  ])('with %s is refused by name', async (_, layer, message) => {
    const model = tf.sequential({ layers: [layer, layers.flatten(), layers.dense({ units: 2 })] });
    const saved = await save(model);
    expect(() => convert(saved)).toThrow(message);
  });

  it('whose weights are cut short, elsewhere, of another type or gone says so', async () => {
    const saved = await save(
      tf.sequential({ layers: [layers.flatten({ inputShape: [2, 2, 1] }), layers.dense({ units: 2 })] }),
    );
    const [group] = saved.weightsManifest;
    expect(() => convert({ ...saved, bytes: saved.bytes.slice(0, -1) })).toThrow(
      /weights\.bin end in the middle of the weight/,
    );
    expect(() => readManifest([{ ...group, paths: ['../secret'] }])).toThrow(/outside the model's folder/);
    expect(() => readManifest('nonsense')).toThrow(/no list of weights/);
    const strange: Saved['weightsManifest'] = [
      { ...group, weights: [{ ...group.weights[0]!, dtype: 'string' as const }] },
    ];
    expect(() => convert({ ...saved, weightsManifest: strange })).toThrow(/has type string/);
    const fewer: Saved['weightsManifest'] = [{ ...group, weights: group.weights.slice(0, 1) }];
    expect(() => convert({ ...saved, weightsManifest: fewer })).toThrow(/the weight '.*\/bias' is missing/);
  });

  it('is read with weights quantised to 8 and 16 bits and to half floats', () => {
    const weight = (quantization: object, dtype: string) => ({
      name: 'w',
      shape: [3],
      dtype: 'float32',
      quantization: { dtype, ...quantization },
    });
    const read = (entry: object, bytes: Uint8Array): number[] => {
      const [group] = readManifest([{ paths: ['a'], weights: [entry] }]);
      return [...decodeGroup(group!, bytes)['w']!.data];
    };
    expect(read(weight({ scale: 0.5, min: -1 }, 'uint8'), Uint8Array.of(0, 2, 255))).toEqual([-1, 0, 126.5]);
    expect(
      read(weight({ scale: 1, min: 0 }, 'uint16'), new Uint8Array(Uint16Array.of(0, 1, 65_535).buffer)),
    ).toEqual([0, 1, 65_535]);
    expect(
      read(weight({}, 'float16'), new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001).buffer)),
    ).toEqual([1, -2, 2 ** -24]);
  });

  it('keeps its probabilities, in another order, when its classes are put in order', async () => {
    const model = convert(
      await save(randomise(tf.sequential({ layers: sequences['batch norm, leaky ReLU and pooling']!() }))),
    );
    const order = [3, 1, 4, 0, 2];
    const [before, after] = await Promise.all(
      [model, reorderClasses(model, order)].map(async (some) => {
        const classifier = await openClassifier(some);
        return (await classifier.logits(tf.ones([1, ...some.network.inputShape]))).dataSync();
      }),
    );
    expect([...after!]).toEqual(order.map((old) => before![old]!));
  });
});

it('same padding covers ⌈extent / stride⌉ windows and puts the odd pixel after', () => {
  expect(samePadding(4, 3, 1)).toEqual([1, 1]);
  expect(samePadding(4, 3, 2)).toEqual([0, 1]);
  expect(samePadding(5, 2, 2)).toEqual([0, 1]);
  expect(samePadding(4, 1, 2)).toEqual([0, 0]);
});
