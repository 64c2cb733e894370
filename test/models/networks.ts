/** Small random models for the tests of evaluation. */
import { networkBuilder } from '../../src/models/builder.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { Model, Network, Preprocessing } from '../../src/values/model.ts';

export const plainPixels: Preprocessing = { mean: [0, 0], std: [1, 1] };

/** Fresh weights, with batch norms and biases that are no identity. */
export function randomModel(network: Network, preprocessing: Preprocessing = plainPixels): Model {
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
