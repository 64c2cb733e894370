/**
 * Turns the tensors of a checkpoint into the weights of a network: checks names and shapes, and changes
 * layouts.
 */
import type { Network, NetworkNode, WeightTensor } from '../../values/model.ts';
import { nearest } from '../../values/nearest.ts';
import { checkWeights, networkShapes, weightShapes } from '../network.ts';
import { WeightsError } from './errors.ts';
import type { NamedTensors } from './named-tensors.ts';
import type { WeightFile } from './read.ts';
import { sharedPrefix } from './wrapper-prefixes.ts';

export interface ImportOptions {
  /** Maps a name in the file to the name in the network. */
  readonly rename?: (name: string) => string;
  /** Prefixes of the names of tensors that may be in the file but are not needed. */
  readonly ignored?: readonly string[];
  /** Says why a file of these names may not be read, although its tensors fit; null if it may. */
  readonly judge?: (names: readonly string[]) => { readonly message: string; readonly fix: string } | null;
}

/**
 * Puts the tensors of a file into the network's layout. Throws `WeightsError` unless the file has exactly the
 * tensors of the network, in its shapes (apart from batch norm's `num_batches_tracked`), and `NetworkError` for
 * NaN, infinities and negative variances.
 */
export function importWeights(
  network: Network,
  { tensors, layout, architecture = null }: WeightFile,
  { rename = (name) => name, ignored = [], judge }: ImportOptions = {},
): Readonly<Record<string, WeightTensor>> {
  const given = new Map(
    [...tensors]
      .filter(
        ([name]) =>
          !name.endsWith('.num_batches_tracked') && !ignored.some((prefix) => name.startsWith(prefix)),
      )
      .map(([name, tensor]) => [rename(name), tensor]),
  );
  const own = weightShapes(network);
  const expected = layout === 'torch' ? torchShapes(network) : own;
  const problems = differences(network, expected, given);
  if (problems.length > 0) {
    const isOther = architecture !== null && architecture !== network.architecture;
    throw new WeightsError(
      `the weights ${isOther ? `are those of ${architecture} and ` : ''}do not fit ${network.architecture}: ${problems.join('; ')}`,
      isOther ? otherNetworkRemedy : wrapperRemedy(expected, given),
    );
  }
  const problem = judge?.([...tensors.keys()]) ?? null;
  if (problem !== null) throw new WeightsError(problem.message, problem.fix);
  const turn = layout === 'torch' ? reordering(network, 'from torch') : (data: Float32Array) => data;
  const weights: Record<string, WeightTensor> = {};
  for (const [name, shape] of own) weights[name] = { shape, data: turn(given.get(name)!.read(), name) };
  checkWeights(network, weights);
  return weights;
}

/** Shape that PyTorch gives each weight: `[out, in / groups, height, width]` and `[out, in]`. */
export function torchShapes(network: Network): ReadonlyMap<string, readonly number[]> {
  const nodes = nodesByWeight(network);
  return new Map(
    [...weightShapes(network)].map(([name, shape]) => {
      const node = nodes.get(name);
      if (node?.op === 'dense') return [name, [shape[1]!, shape[0]!]];
      if (node?.op !== 'conv') return [name, shape];
      const { filters, groups } = node;
      // Only a depthwise filter has not all filters in its last axis.
      const channels = shape[3] === filters ? shape[2]! : shape[2]! / groups;
      return [name, [filters, channels, shape[0]!, shape[1]!]];
    }),
  );
}

/** The node that each tensor called `weight` belongs to. */
function nodesByWeight({ nodes }: Network): ReadonlyMap<string, NetworkNode> {
  return new Map(nodes.map((node) => [`${node.name}.weight`, node]));
}

function differences(
  network: Network,
  expected: ReadonlyMap<string, readonly number[]>,
  given: NamedTensors,
): string[] {
  const missing = [...expected.keys()].filter((name) => !given.has(name));
  const unexpected = [...given.keys()].filter((name) => !expected.has(name));
  const reshaped = [...expected].filter(
    ([name, shape]) => given.has(name) && given.get(name)!.shape.join() !== shape.join(),
  );
  const same = (left: string, right: string): boolean =>
    given.get(left)!.shape.join() === expected.get(right)!.join();
  const withHint = (name: string): string => {
    const meant = nearest(
      name,
      missing.filter((candidate) => same(name, candidate)),
    );
    return meant === undefined ? name : `${name} (did you mean ${meant}?)`;
  };
  const withShapes = ([name, shape]: readonly [string, readonly number[]]): string => {
    const found = given.get(name)!.shape;
    const classes =
      shape[0] === network.classes && found.slice(1).join() === shape.slice(1).join() && found.length > 0;
    const hint = classes && found[0] !== shape[0] ? ` (set classes: ${found[0]!})` : '';
    return `${name} is [${found.join(', ')}] instead of [${shape.join(', ')}]${hint}`;
  };
  return [
    ...(missing.length > 0 ? [`${missing.length} missing: ${listed(missing)}`] : []),
    ...(unexpected.length > 0
      ? [
          `${unexpected.length} unexpected: ${listed(unexpected.slice(0, shownAtMost).map(withHint), unexpected.length)}`,
        ]
      : []),
    ...(reshaped.length > 0
      ? [
          `${reshaped.length} of another shape: ${listed(reshaped.slice(0, shownAtMost).map(withShapes), reshaped.length)}`,
        ]
      : []),
  ];
}

/** How to save the weights without a wrapper that the reader does not know; undefined if there is none. */
function wrapperRemedy(expected: ReadonlyMap<string, unknown>, given: NamedTensors): string | undefined {
  const prefix = sharedPrefix([...given.keys()]);
  const inner = [...given.keys()].filter(
    (name) => prefix !== null && expected.has(name.slice(prefix.length)),
  );
  if (prefix === null || 2 * inner.length < expected.size) return undefined;
  return `all names begin with '${prefix}': save the network inside of it, torch.save(model.${prefix}state_dict(), 'weights.pth')`;
}

/** The remedy for weights that ravelin wrote for another network. */
const otherNetworkRemedy =
  "use the stage type that the weights are of, or write the model with its graph, 'ravelin weights export FILE CELL --to network.json', and read that with model/network";

const shownAtMost = 6;

function listed(names: readonly string[], total = names.length): string {
  const shown = names.slice(0, shownAtMost).join(', ');
  return total > shownAtMost ? `${shown} and ${total - shownAtMost} more` : shown;
}

type ImageShape = readonly [height: number, width: number, channels: number];

/**
 * The image that each dense layer reads flattened, by the name of its weight. It matters because PyTorch
 * flattens channels first.
 */
function flattenedImages(network: Network): ReadonlyMap<string, ImageShape> {
  const shapes = networkShapes(network);
  const nodes = new Map(network.nodes.map((node) => [node.name, node]));
  const images = new Map<string, ImageShape>();
  for (const node of network.nodes) {
    if (node.op !== 'dense') continue;
    let from = nodes.get(node.inputs[0]);
    while (from !== undefined && isTransparent(from)) from = nodes.get(from.inputs[0]);
    if (from?.op === 'flatten') images.set(`${node.name}.weight`, shapes.get(from.inputs[0]) as ImageShape);
  }
  return images;
}

/**
 * The weights of a network in PyTorch's layout, under the names of its nodes: what `importWeights` reads back as the same bits.
 * For a network that came from PyTorch that is its `state_dict`, but for batch norm's `num_batches_tracked`. Throws
 * `WeightsError` if a layer reads a flattened image whose order cannot be changed in its weights.
 */
export function torchWeights(
  network: Network,
  weights: Readonly<Record<string, WeightTensor>>,
): Readonly<Record<string, WeightTensor>> {
  const stuck = readerOfFlattened(network);
  if (stuck !== undefined)
    throw new WeightsError(
      `the layer '${stuck}' reads a flattened image, whose numbers PyTorch has in another order`,
      'write a network file, which keeps the order: --to NAME.json',
    );
  const turn = reordering(network, 'to torch');
  return Object.fromEntries(
    [...torchShapes(network)].map(([name, shape]): [string, WeightTensor] => [
      name,
      { shape, data: turn(weights[name]!.data, name) },
    ]),
  );
}

/** Name of the first node that reads a flattened image and is neither a dense layer nor between one and the flattening. */
function readerOfFlattened(network: Network): string | undefined {
  const shapes = networkShapes(network);
  const flattened = new Set<string>();
  for (const node of network.nodes) {
    const [height = 1, width = 1] = node.op === 'flatten' ? shapes.get(node.inputs[0])! : [];
    if (height * width > 1) flattened.add(node.name);
    else if (node.inputs.some((name) => flattened.has(name)) && node.op !== 'dense') {
      if (!isTransparent(node)) return node.name;
      flattened.add(node.name);
    }
  }
  return undefined;
}

/** Whether `flattenedImages` looks through this node. */
const isTransparent = ({ op }: NetworkNode): boolean => op === 'dropout' || op.startsWith('relu');

/** How the elements of a weight of this name come from PyTorch's row-major order into ours, or back. */
function reordering(
  network: Network,
  direction: 'from torch' | 'to torch',
): (data: Float32Array, name: string) => Float32Array {
  const nodes = nodesByWeight(network);
  const images = flattenedImages(network);
  const shapes = torchShapes(network);
  return (data, name) => {
    const node = nodes.get(name);
    if (node?.op !== 'conv' && node?.op !== 'dense') return data;
    // For a depthwise filter, [channels × multiplier, 1, h, w] becomes [h, w, channels, multiplier].
    const [outputs, inputs, height = 1, width = 1] = shapes.get(name) as readonly [number, number, number?, number?]; // prettier-ignore
    const image = images.get(name);
    const [channels, positions] =
      node.op === 'conv'
        ? [inputs, height * width]
        : image === undefined || image[0] * image[1] === 1
          ? [1, inputs]
          : [image[2], image[0] * image[1]];
    return direction === 'from torch'
      ? reversed(data, outputs, channels, positions)
      : reversed(data, positions, channels, outputs);
  };
}

/** Transposes `[a, b, c]` to `[c, b, a]`. */
function reversed(data: Float32Array, a: number, b: number, c: number): Float32Array {
  const result = new Float32Array(data.length);
  // This works in tiles, because otherwise every write of a large matrix misses the cache.
  const tile = 64;
  for (let firstA = 0; firstA < a; firstA += tile) {
    const endA = Math.min(firstA + tile, a);
    for (let second = 0; second < b; second++) {
      for (let third = 0; third < c; third++) {
        const to = (third * b + second) * a;
        const from = second * c + third;
        for (let first = firstA; first < endA; first++) result[to + first] = data[first * b * c + from]!;
      }
    }
  }
  return result;
}
