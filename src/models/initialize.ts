/** Random weights of a new model. */
import { randomStream } from '../tensors/random.ts';
import type { Seed } from '../tensors/random.ts';
import type { NetworkModel, Network, Preprocessing, WeightTensor } from '../values/model.ts';
import { weightShapes } from './network.ts';
import { elementCount } from '../values/element-count.ts';

/** The initialization of an architecture's paper or reference code. All weights are normal around 0. */
export interface Initialization {
  /**
   * Variance 2 / fan-out with fan-out = kernel area × filters / groups, or 2 / fan-in with fan-in = kernel
   * area × channels / groups (He et al. 2015 allow both), or a fixed deviation.
   */
  readonly convolution: 'he-fan-out' | 'he-fan-in' | number;
  /**
   * Standard deviation of dense weights; by default the variance is 2 / fan-in before a ReLU, and 1 / fan-in
   * otherwise.
   */
  readonly dense?: number;
  /** Standard deviation of the convolution that makes the class scores, if the network has one. */
  readonly scores?: number;
}

/**
 * A model with random weights:
 *
 * - convolutions are normal with variance 2 / fan-out (like torchvision's ResNets) unless `initialization`
 *   says otherwise;
 * - dense weights are normal with variance 2 / fan-in if a ReLU follows, and 1 / fan-in otherwise, so that
 *   logits start small;
 * - biases are 0, and batch norms are the identity with running mean 0 and variance 1.
 *
 * The n-th weight tensor of the network draws from stream n of `seed`.
 */
export function initializeModel(
  network: Network,
  preprocessing: Preprocessing,
  seed: Seed,
  initialization: Initialization = { convolution: 'he-fan-out' },
): NetworkModel {
  const weights: Record<string, WeightTensor> = {};
  let tensor = 0;
  for (const [name, shape] of weightShapes(network)) {
    const data = new Float32Array(elementCount(shape));
    const deviation = name.endsWith('.weight')
      ? weightDeviation(network, name.slice(0, -7), shape, initialization)
      : null;
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

/** Returns null for batch norm, whose weight starts at 1. */
function weightDeviation(
  network: Network,
  name: string,
  shape: readonly number[],
  { convolution, dense, scores }: Initialization,
): number | null {
  const node = network.nodes.find((candidate) => candidate.name === name)!;
  if (node.op === 'conv') {
    const [height, width, channels, last] = shape as [number, number, number, number];
    // Only a depthwise filter has not all filters in its last axis, and all channels before it.
    const seen = last === node.filters ? channels : channels / node.groups;
    if (scores !== undefined && node === network.nodes.findLast(({ op }) => op === 'conv')) return scores;
    if (typeof convolution === 'number') return convolution;
    const fanOut = height * width * (node.filters / node.groups);
    const fanIn = height * width * seen;
    return Math.sqrt(2 / (convolution === 'he-fan-in' ? fanIn : fanOut));
  }
  if (node.op !== 'dense') return null;
  if (dense !== undefined) return dense;
  const rectified = network.nodes.some(({ op, inputs }) => op.startsWith('relu') && inputs[0] === name);
  return Math.sqrt((rectified ? 2 : 1) / shape[0]!);
}
