/** Small random models for the tests of evaluation. */
import { networkBuilder } from '../../src/models/builder.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { weightShapes } from '../../src/models/network.ts';
import type { NetworkModel, Network, Preprocessing, WeightTensor } from '../../src/values/model.ts';

export const plainPixels: Preprocessing = { mean: [0, 0], std: [1, 1] };

/** Fresh weights, with batch norms and biases that are no identity. */
export function randomModel(network: Network, preprocessing: Preprocessing = plainPixels): NetworkModel {
  const model = initializeModel(network, preprocessing, [3, 4]);
  Object.entries(model.weights).forEach(([name, { data }], index) => {
    const stream = randomStream([5, 6], index);
    const norm = `${name.slice(0, name.lastIndexOf('.'))}.running_var` in model.weights;
    if (name.endsWith('.running_var') || (norm && name.endsWith('.weight'))) {
      data.forEach((_, at) => (data[at] = 0.5 + stream.uniform()));
    } else if (name.endsWith('.bias') || name.endsWith('.running_mean')) {
      data.forEach((_, at) => (data[at] = 0.3 * stream.normal()));
    }
  });
  return model;
}

/** A network for one kind of layer: images 7 × 6 × 2, the layer between two others, four logits. */
export function networkWith(
  layer: (build: ReturnType<typeof networkBuilder>, input: string) => string,
): Network {
  const build = networkBuilder({ architecture: 'test', inputShape: [7, 6, 2], classes: 4 });
  const first = build.conv('first', 'input', { filters: 4, kernel: 3, padding: 1 });
  const last = layer(build, first);
  return build.build(build.dense('logits', build.flatten('flat', last), { units: 4 }));
}

/** Every operation at once: residual, inception-like and depthwise parts. */
export function allOperations(): Network {
  const b = networkBuilder({ architecture: 'all', inputShape: [9, 10, 2], classes: 5 });
  const stem = b.relu(
    'stem.relu',
    b.batchNorm('stem.bn', b.conv('stem', 'input', { filters: 6, kernel: 3, padding: 1, bias: false })),
  );
  const pooled = b.maxPool('pool', stem, { kernel: 3, stride: 2, padding: 1 });
  const deep = b.batchNorm(
    'deep.bn',
    b.conv('deep', pooled, { filters: 10, kernel: 3, stride: 2, padding: 1 }),
  );
  const residual = b.relu(
    'residual',
    b.add('sum', deep, b.shortcut('short', pooled, { stride: 2, before: 2, after: 2 })),
  );
  const wide = b.relu6(
    'wide.relu',
    b.conv('wide', residual, { filters: 20, kernel: 3, padding: 1, groups: 10 }),
  );
  const mean = b.averagePool('mean', residual, { kernel: 3, stride: 1, padding: 1, countPadding: false });
  const joined = b.concat('joined', [b.scale('half', wide, 0.5), mean, residual]);
  const hidden = b.dropout('drop', b.globalAveragePool('gap', b.batchNorm('joined.bn', joined)), 0.5);
  const dense = b.relu('hidden.relu', b.dense('hidden', hidden, { units: 7 }));
  return b.build(b.dense('logits', dense, { units: 5, bias: false }));
}

/** Squeeze-and-excitation with every gate, and a reshape. */
export function gatedOperations(): Network {
  const b = networkBuilder({ architecture: 'gated', inputShape: [8, 6, 3], classes: 4 });
  const stem = b.silu('stem.silu', b.conv('stem', 'input', { filters: 6, kernel: 3, stride: 2 }));
  const squeezed = b.dense('squeeze', b.globalAveragePool('mean', stem), { units: 6 });
  const gated = b.multiply('gated', stem, b.hardSigmoid('gate', squeezed, { slope: 0.2 }));
  const image = b.reshape('image', b.flatten('flat', b.hardSwish('swish', gated)), [3, 1, 12]);
  const open = b.multiply('open', image, b.sigmoid('sigmoid', image));
  return b.build(b.dense('logits', b.flatten('last', open), { units: 4 }));
}

/** Weights in a range of their kind that cost nothing to make, for networks of millions of them. */
export function evenModel(network: Network, preprocessing: Preprocessing): NetworkModel {
  const weights: Record<string, WeightTensor> = {};
  let at = 0;
  for (const [name, shape] of weightShapes(network)) {
    const data = new Float32Array(shape.reduce((count, extent) => count * extent, 1));
    // A depthwise convolution reads one channel for each of its outputs.
    const isDepthwise = shape.length === 4 && shape[3] === 1;
    const inputs = shape.length === 1 ? 1 : isDepthwise ? shape[0]! * shape[1]! : data.length / shape.at(-1)!;
    const middle = /running_var$/.test(name) || (shape.length === 1 && name.endsWith('.weight')) ? 1 : 0;
    const spread = Math.sqrt(6 / inputs) / (shape.length === 1 ? 10 : 1);
    for (let index = 0; index < data.length; index++, at++)
      data[index] = middle + (((at * 0.6180339887) % 1) - 0.5) * spread;
    weights[name] = { shape, data };
  }
  return { kind: 'model', network, weights, preprocessing };
}

/** A transformer of one block with every operation that has weights of its own, after a convolution with an affine map. */
export function smallTransformer(): Network {
  const b = networkBuilder({ architecture: 'transformer', inputShape: [9, 10, 2], classes: 5 });
  const patches = b.affine('scaled', b.conv('patches', 'input', { filters: 4, kernel: 3, stride: 3 }));
  const tokens = b.tokens('last', b.tokens('first', b.reshape('rows', patches, [9, 4]), 1), 2, 'after');
  const x = b.offset('positions', tokens);
  const normal = b.layerNorm('norm', x);
  const [query, key, value] = ['query', 'key', 'value'].map((name) =>
    b.dense(name, normal, { units: 4, bias: name !== 'key' }),
  ) as [string, string, string];
  const weights = b.softmax('weights', b.matmul('scores', query, b.permute('turned', key, [1, 0])));
  const mixed = b.add('sum', x, b.matmul('mixed', weights, value));
  const wide = b.gelu('gelu', b.dense('up', b.layerNorm('inner', mixed), { units: 6 }));
  const out = b.add('out', mixed, b.dense('down', wide, { units: 4 }));
  const kept = b.slice('kept', out, { axis: 0, start: 0, end: 11 });
  return b.build(b.dense('logits', b.flatten('flat', kept), { units: 5 }));
}
