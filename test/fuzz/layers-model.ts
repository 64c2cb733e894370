/** The model.json of a TensorFlow.js LayersModel: its JSON changed part by part. The weights are of one value and as long as asked, up to 64 KiB. */
import { posix } from 'node:path';
import { convertLayersModel } from '../../src/models/tfjs/convert.ts';
import { readTopology } from '../../src/models/tfjs/layers.ts';
import { decodeGroup, readManifest } from '../../src/models/tfjs/manifest.ts';
import { checkWeights, NetworkError } from '../../src/models/network.ts';
import { WeightsError } from '../../src/models/weights/errors.ts';
import type { WeightTensor } from '../../src/values/model.ts';
import { mutateJson, pick } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const weights = Buffer.from(new Float32Array(1 << 14).fill(0.5).buffer);
const floats = (name: string, shape: readonly number[], quantization?: object): object => ({ name, shape, dtype: 'float32', ...(quantization && { quantization }) }); // prettier-ignore
const layer = (kind: string, name: string, config: object, inputs?: readonly string[]): object => ({
  class_name: kind,
  name,
  config: { name, ...config },
  ...(inputs && { inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])] }),
});

const sequential = {
  modelTopology: {
    class_name: 'Sequential',
    config: {
      layers: [
        layer('Conv2D', 'c', { batch_input_shape: [null, 8, 8, 3], filters: 4, kernel_size: [3, 3], strides: [1, 1], padding: 'same', activation: 'relu', use_bias: true }),
        layer('MaxPooling2D', 'p', { pool_size: [2, 2], strides: [2, 2], padding: 'valid' }),
        layer('ZeroPadding2D', 'z', { padding: [[1, 0], [0, 1]] }),
        layer('DepthwiseConv2D', 'dw', { kernel_size: [3, 3], strides: [2, 2], depth_multiplier: 1, use_bias: false }),
        layer('BatchNormalization', 'bn', { epsilon: 0.001, momentum: 0.9, scale: true, center: false }),
        layer('LeakyReLU', 'lr', { alpha: 0.1 }),
        layer('Flatten', 'f', {}),
        layer('Dropout', 'do', { rate: 0.5 }),
        layer('Dense', 'd', { units: 3, activation: 'softmax', use_bias: true }),
      ],
    },
  },
  weightsManifest: [
    {
      paths: ['group1-shard1of1.bin'],
      weights: [
        floats('c/kernel', [3, 3, 3, 4]), floats('c/bias', [4]), floats('dw/depthwise_kernel', [3, 3, 4, 1]), floats('bn/gamma', [4]), floats('bn/moving_mean', [4]),
        floats('bn/moving_variance', [4], { dtype: 'uint8', scale: 0.1, min: 0 }), floats('d/kernel', [16, 3], { dtype: 'float16' }), floats('d/bias', [3]),
      ],
    },
  ],
}; // prettier-ignore

const functional = {
  modelTopology: {
    model_config: {
      class_name: 'Functional',
      config: {
        layers: [
          layer('InputLayer', 'i', { batch_input_shape: [null, 6, 6, 2] }, []),
          layer('SeparableConv2D', 's', { kernel_size: [3, 3], filters: 2, padding: 'same', activation: 'relu6' }, ['i']),
          layer('Add', 'a', {}, ['i', 's']),
          layer('Concatenate', 'k', { axis: -1 }, ['a', 's']),
          layer('GlobalAveragePooling2D', 'g', {}, ['k']),
          layer('Dense', 'd', { units: 3 }, ['g']),
        ],
        input_layers: [['i', 0, 0]],
        output_layers: [['d', 0, 0]],
      },
    },
  },
  weightsManifest: [
    {
      paths: ['a.bin', 'b.bin'],
      weights: [floats('s/depthwise_kernel', [3, 3, 2, 1]), floats('s/pointwise_kernel', [1, 1, 2, 2]), floats('s/bias', [2]), floats('d/kernel', [4, 3]), floats('d/bias', [3])],
    },
  ],
}; // prettier-ignore

export function layersModelTarget(): FuzzTarget {
  return {
    name: 'layers-model',
    documented: [NetworkError, WeightsError],
    make: (random) => Buffer.from(JSON.stringify(mutateJson(pick([sequential, functional], random), random))),
    run: convert,
  };
}

function convert(bytes: Uint8Array): void {
  const file = JSON.parse(Buffer.from(bytes).toString()) as {
    modelTopology?: unknown;
    weightsManifest?: unknown;
  } | null;
  const topology = readTopology(file?.modelTopology);
  const tensors: Record<string, WeightTensor> = {};
  for (const group of readManifest(file?.weightsManifest)) {
    for (const path of group.paths) {
      if (!posix.join('/models/net', path).startsWith('/models/net/'))
        throw new Broken(`${path} would be opened`);
    }
    Object.assign(tensors, decodeGroup(group, weights));
  }
  const { network, weights: own } = convertLayersModel(topology, tensors, { architecture: 'fuzzed' });
  checkWeights(network, own);
  for (const extent of [...network.inputShape, network.classes])
    if (!Number.isSafeInteger(extent) || extent < 1)
      throw new Broken(`an extent of ${String(extent)} was accepted`);
}
