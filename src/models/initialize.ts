/** Random weights of a new model. */
import { randomStream } from '../tensors/random.ts';
import type { Seed } from '../tensors/random.ts';
import type { Model, Network, Preprocessing, WeightTensor } from '../values/model.ts';
import { weightShapes } from './network.ts';

/**
 * A model with fresh weights, by kind of layer:
 * - convolution: normal with variance 2 / fan-out, fan-out = kernel area × filters / groups (He et al. 2015, as
 *   torchvision's ResNets do);
 * - dense: normal with variance 2 / fan-in where a ReLU follows, else 1 / fan-in, so that logits start small;
 * - biases 0; batch norm the identity with running mean 0 and variance 1.
 *
 * The n-th weight tensor of the network draws from stream n of `seed`.
 */
export function initializeModel(network: Network, preprocessing: Preprocessing, seed: Seed): Model {
  const weights: Record<string, WeightTensor> = {};
  let tensor = 0;
  for (const [name, shape] of weightShapes(network)) {
    const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
    const deviation = name.endsWith('.weight') ? weightDeviation(network, name.slice(0, -7), shape) : null;
    if (deviation !== null) {
      randomStream(seed, tensor).fillNormal(data);
      for (let index = 0; index < data.length; index++) data[index]! *= deviation;
    } else if (name.endsWith('.weight') || name.endsWith('.running_var')) {
      data.fill(1);
    }
    weights[name] = { shape, data };
    tensor++;
  }
  return { kind: 'model', network, weights, preprocessing };
}

/** Null for batch norm, whose weight starts at 1. */
function weightDeviation(network: Network, name: string, shape: readonly number[]): number | null {
  const node = network.nodes.find((candidate) => candidate.name === name)!;
  if (node.op === 'conv')
    return Math.sqrt(2 / (node.kernel[0] * node.kernel[1] * (node.filters / node.groups)));
  if (node.op !== 'dense') return null;
  const rectified = network.nodes.some(({ op, inputs }) => op.startsWith('relu') && inputs[0] === name);
  return Math.sqrt((rectified ? 2 : 1) / shape[0]!);
}
