import type { NetworkModel, NetworkNode, WeightTensor } from '../../values/model.ts';
import { NetworkError } from '../network.ts';

/**
 * The same model with its outputs in another order: output i is the old output `order[i]`. Only the filters
 * (or columns) of the layer that makes the logits move, so nothing is computed differently. Throws
 * `NetworkError` if there is no such layer.
 */
export function reorderClasses(model: NetworkModel, order: readonly number[]): NetworkModel {
  const node = logitLayer(model);
  const weights: Record<string, WeightTensor> = { ...model.weights };
  for (const part of ['weight', 'bias']) {
    const name = `${node.name}.${part}`;
    const tensor = weights[name];
    if (tensor === undefined) continue;
    const classes = order.length;
    const data = new Float32Array(tensor.data.length);
    // The output is the last axis of both.
    for (let at = 0; at < data.length; at++)
      data[at] = tensor.data[at - (at % classes) + order[at % classes]!]!;
    weights[name] = { shape: tensor.shape, data };
  }
  return { ...model, weights };
}

/**
 * The dense layer or convolution that makes the output, with nothing after it that mixes or scales channels.
 */
function logitLayer({ network }: NetworkModel): NetworkNode {
  const find = (name: string): NetworkNode | undefined => network.nodes.find((node) => node.name === name);
  let node = find(network.output);
  while (node !== undefined && ['global-average-pool', 'average-pool', 'relu', 'dropout'].includes(node.op))
    node = find(node.inputs[0]);
  if (node?.op === 'dense' || (node?.op === 'conv' && node.groups === 1)) return node;
  throw new NetworkError(
    `the classes of ${network.architecture} cannot be reordered, because its logits do not come from a dense layer or convolution`,
  );
}
