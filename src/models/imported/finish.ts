/** The last steps of a conversion leave out what nothing reads, and make the network's normalisation the model's. */
import type { NetworkModel, Network, NetworkNode, Preprocessing, WeightTensor } from '../../values/model.ts';
import { ImportError } from './errors.ts';

type Weights = Readonly<Record<string, WeightTensor>>;

/** The nodes that the output depends on, with their weights. */
export function withoutDeadNodes(
  nodes: readonly NetworkNode[],
  output: string,
  weights: Weights,
): { readonly nodes: readonly NetworkNode[]; readonly weights: Record<string, WeightTensor> } {
  const needed = new Set([output]);
  for (const node of [...nodes].reverse())
    if (needed.has(node.name)) for (const input of node.inputs) needed.add(input);
  const kept = nodes.filter(({ name }) => needed.has(name));
  const own = Object.entries(weights).filter(([name]) => needed.has(name.slice(0, name.lastIndexOf('.'))));
  return { nodes: kept, weights: Object.fromEntries(own) };
}

/**
 * Takes the affine maps at the beginning out of the network, as preprocessing `(x − mean) / std`, for as long as each is all that
 * reads the one before it and multiplies by positive numbers.
 */
export function withoutNormalisation(
  network: Network,
  weights: Weights,
): { readonly network: Network; readonly weights: Weights; readonly preprocessing: Preprocessing } {
  const channels = network.inputShape[2];
  const nodes = [...network.nodes];
  const left: Record<string, WeightTensor> = { ...weights };
  let scale = Array.from({ length: channels }, () => 1);
  let shift = Array.from({ length: channels }, () => 0);
  let isMoved = false;
  for (;;) {
    const readers = nodes.filter(({ inputs }) => inputs.some((input) => input === 'input'));
    const [first] = readers;
    if (first === undefined || readers.length > 1 || first.name === network.output) break;
    const map = affineOf(first, left);
    if (
      map === null ||
      Array.from({ length: channels }, (_, at) => map.scale(at)).some((value) => !(value > 0))
    )
      break;
    scale = scale.map((value, at) => value * map.scale(at));
    shift = shift.map((value, at) => value * map.scale(at) + map.shift(at));
    isMoved = true;
    nodes.splice(nodes.indexOf(first), 1);
    for (const part of ['weight', 'bias', 'running_mean', 'running_var'])
      Reflect.deleteProperty(left, `${first.name}.${part}`);
    for (const [at, node] of nodes.entries())
      if (node.inputs.some((input) => input === first.name))
        nodes[at] = {
          ...node,
          inputs: node.inputs.map((input) => (input === first.name ? 'input' : input)),
        } as NetworkNode;
  }
  if (!isMoved) return { network, weights, preprocessing: { mean: shift, std: scale } };
  return {
    network: { ...network, nodes },
    weights: left,
    preprocessing: {
      mean: shift.map((value, at) => -value / scale[at]! + 0),
      std: scale.map((value) => 1 / value),
    },
  };
}

function affineOf(
  node: NetworkNode,
  weights: Weights,
): { readonly scale: (channel: number) => number; readonly shift: (channel: number) => number } | null {
  if (node.op === 'scale') return { scale: () => node.factor, shift: () => 0 };
  if (node.op !== 'batch-norm' && node.op !== 'affine') return null;
  const part = (name: string, channel: number): number => weights[`${node.name}.${name}`]!.data[channel]!;
  if (node.op === 'affine')
    return { scale: (channel) => part('weight', channel), shift: (channel) => part('bias', channel) };
  const scale = (channel: number): number =>
    part('weight', channel) / Math.sqrt(part('running_var', channel) + node.epsilon);
  return {
    scale,
    shift: (channel) => part('bias', channel) - scale(channel) * part('running_mean', channel),
  };
}

/**
 * A model of pixels in the order red, green, blue from one that takes blue first. Only the filters of the layers that read the
 * images move. Throws `ImportError` if anything but ordinary convolutions reads them.
 */
export function withRedFirst(model: NetworkModel): NetworkModel {
  const { network, preprocessing } = model;
  const weights: Record<string, WeightTensor> = { ...model.weights };
  for (const node of network.nodes) {
    if (!node.inputs.some((input) => input === 'input')) continue;
    if (node.op !== 'conv' || node.groups !== 1)
      throw new ImportError(
        'not-supported',
        `node '${node.name}' (${node.op}) reads the images, so their channels cannot be put into another order`,
        'export the network with a convolution first, or with images as red, green and blue',
      );
    const name = `${node.name}.weight`;
    const { shape, data } = weights[name]!;
    const [, , channels, filters] = shape as [number, number, number, number];
    const reversed = data.map((_, at) => {
      const channel = Math.floor(at / filters) % channels;
      return data[at + (channels - 1 - 2 * channel) * filters]!;
    });
    weights[name] = { shape, data: reversed };
  }
  return {
    ...model,
    weights,
    preprocessing: { mean: preprocessing.mean.toReversed(), std: preprocessing.std.toReversed() },
  };
}
