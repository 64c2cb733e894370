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
  const images = flattenedImages(network);
  const weights: Record<string, WeightTensor> = {};
  for (const [name, shape] of own) {
    const data = given.get(name)!.read();
    const turned = layout === 'torch' ? fromTorch(data, expected.get(name)!, images.get(name)) : data;
    weights[name] = { shape, data: turned };
  }
  checkWeights(network, weights);
  return weights;
}

/** Shape that PyTorch gives each weight: `[out, in / groups, height, width]` and `[out, in]`. */
export function torchShapes(network: Network): ReadonlyMap<string, readonly number[]> {
  return new Map(
    [...weightShapes(network)].map(([name, shape]) => {
      if (shape.length === 2) return [name, [shape[1]!, shape[0]!]];
      if (shape.length !== 4) return [name, shape];
      const node = network.nodes.find((candidate) => `${candidate.name}.weight` === name);
      const { filters, groups } = node as Extract<NetworkNode, { op: 'conv' }>;
      // Only a depthwise filter has not all filters in its last axis.
      const channels = shape[3] === filters ? shape[2]! : shape[2]! / groups;
      return [name, [filters, channels, shape[0]!, shape[1]!]];
    }),
  );
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
    while (from !== undefined && (from.op === 'dropout' || from.op.startsWith('relu')))
      from = nodes.get(from.inputs[0]);
    if (from?.op === 'flatten') images.set(`${node.name}.weight`, shapes.get(from.inputs[0]) as ImageShape);
  }
  return images;
}

/** Brings PyTorch's row-major elements into our order. `shape` is PyTorch's. */
function fromTorch(
  data: Float32Array,
  shape: readonly number[],
  image: ImageShape | undefined,
): Float32Array {
  if (shape.length === 4) {
    // For a depthwise filter, [channels × multiplier, 1, h, w] becomes [h, w, channels, multiplier].
    const [filters, channels, height, width] = shape as [number, number, number, number];
    return reversed(data, filters, channels, height * width);
  }
  if (shape.length !== 2) return data;
  const [outputs, inputs] = shape as [number, number];
  if (image === undefined || image[0] * image[1] === 1) return reversed(data, outputs, 1, inputs);
  const positions = image[0] * image[1];
  return reversed(data, outputs, image[2], positions);
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
