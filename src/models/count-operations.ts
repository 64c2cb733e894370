import type { Network, NetworkNode } from '../values/model.ts';
import { elementCount } from '../values/element-count.ts';
import { type ActivationShape, networkShapes, weightShapes } from './network.ts';

export interface Operations {
  /** Multiply-adds of convolutions, dense layers and products of matrices in one forward pass of one image. */
  readonly multiplyAdds: number;
  /** Values of the outputs of all nodes for one image. */
  readonly activations: number;
  /** Values of the largest output of a node for one image. */
  readonly largestActivation: number;
  /** Values of all weights, running statistics included. */
  readonly parameters: number;
}

/** The work of one node of a network for one image. */
export interface NodeOperations {
  readonly node: NetworkNode;
  readonly shape: ActivationShape;
  readonly multiplyAdds: number;
  /** Values of its weights without those of `statistics`. */
  readonly parameters: number;
  /** Values of the running statistics of a batch norm. */
  readonly statistics: number;
}

/**
 * Counts what each node computes for one image. A convolution has a multiply-add for each value of its output and each
 * weight that contributes to it: kernel height × width × input channels / groups. Biases, normalisations and pooling have
 * none. Throws `NetworkError` if the nodes do not fit together.
 */
export function operationsOfNodes(network: Network): readonly NodeOperations[] {
  const shapes = networkShapes(network);
  const parameters = new Map<string, number>();
  const statistics = new Map<string, number>();
  for (const [name, shape] of weightShapes(network)) {
    const node = name.slice(0, name.lastIndexOf('.'));
    const counts = /\.running_(mean|var)$/.test(name) ? statistics : parameters;
    counts.set(node, (counts.get(node) ?? 0) + elementCount(shape));
  }
  return network.nodes.map((node) => {
    const shape = shapes.get(node.name)!;
    const channels = shapes.get(node.inputs[0])!.at(-1)!;
    return {
      node,
      shape,
      multiplyAdds: multiplyAddsOf(node, elementCount(shape), channels),
      parameters: parameters.get(node.name) ?? 0,
      statistics: statistics.get(node.name) ?? 0,
    };
  });
}

function multiplyAddsOf(node: NetworkNode, outputs: number, channels: number): number {
  if (node.op === 'conv') return (outputs * elementCount(node.kernel) * channels) / node.groups;
  return node.op === 'dense' || node.op === 'matmul' ? outputs * channels : 0;
}

/** Sums over the nodes of a network. Throws `NetworkError` if they do not fit together. */
export function countOperations(network: Network): Operations {
  const total = {
    multiplyAdds: 0,
    activations: 0,
    largestActivation: elementCount(network.inputShape),
    parameters: 0,
  };
  for (const { shape, multiplyAdds, parameters, statistics } of operationsOfNodes(network)) {
    const size = elementCount(shape);
    total.activations += size;
    total.largestActivation = Math.max(total.largestActivation, size);
    total.multiplyAdds += multiplyAdds;
    total.parameters += parameters + statistics;
  }
  return total;
}
