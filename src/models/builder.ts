/**
 * Builds a network graph node by node. Each call adds a node and returns its name, which later calls take as
 * their input.
 */
import type { Network, NetworkNode } from '../values/model.ts';
import { networkShapes } from './network.ts';

/** One number for both directions, or height and width. */
export type Extent = number | readonly [height: number, width: number];
/** One number for all sides, two for height and width, or top, bottom, left, right. */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number];

export interface ConvolutionOptions {
  readonly filters: number;
  readonly kernel: Extent;
  readonly stride?: Extent;
  readonly padding?: Padding;
  readonly groups?: number;
  readonly bias?: boolean;
}

export interface PoolOptions {
  readonly kernel: Extent;
  /** Defaults to the kernel, so that windows are side by side. */
  readonly stride?: Extent;
  readonly padding?: Padding;
  readonly ceil?: boolean;
  readonly countPadding?: boolean;
}

/** The caller chooses the names of the nodes: those of the published weights, so that a checkpoint fits. */
export interface NetworkBuilder {
  conv(name: string, input: string, options: ConvolutionOptions): string;
  batchNorm(name: string, input: string, options?: { epsilon?: number; momentum?: number }): string;
  relu(name: string, input: string): string;
  relu6(name: string, input: string): string;
  sigmoid(name: string, input: string): string;
  silu(name: string, input: string): string;
  hardSwish(name: string, input: string): string;
  /** PyTorch's hard sigmoid by default. */
  hardSigmoid(name: string, input: string, options?: { slope?: number; offset?: number }): string;
  gelu(name: string, input: string, approximate?: 'none' | 'tanh'): string;
  reciprocal(name: string, input: string): string;
  softmax(name: string, input: string): string;
  matmul(name: string, left: string, right: string): string;
  layerNorm(name: string, input: string, epsilon?: number): string;
  affine(name: string, input: string): string;
  offset(name: string, input: string): string;
  tokens(name: string, input: string, count: number, place?: 'before' | 'after'): string;
  permute(name: string, input: string, order: readonly number[]): string;
  slice(name: string, input: string, range: { axis: number; start: number; end: number }): string;
  expand(name: string, input: string, shape: readonly number[]): string;
  maxPool(name: string, input: string, options: PoolOptions): string;
  averagePool(name: string, input: string, options: PoolOptions): string;
  globalAveragePool(name: string, input: string): string;
  add(name: string, left: string, right: string): string;
  multiply(name: string, left: string, right: string): string;
  concat(name: string, inputs: readonly string[]): string;
  shortcut(name: string, input: string, options: { stride: number; before: number; after: number }): string;
  scale(name: string, input: string, factor: number): string;
  flatten(name: string, input: string): string;
  reshape(name: string, input: string, shape: readonly number[]): string;
  dropout(name: string, input: string, rate: number): string;
  dense(name: string, input: string, options: { units: number; bias?: boolean }): string;
  /** Returns the finished graph. Throws `NetworkError` if its nodes do not fit together. */
  build(output: string): Network;
}

/** Begins a network, whose (normalised) input has the name `'input'`. */
export function networkBuilder(
  head: Pick<Network, 'architecture' | 'inputShape' | 'classes'>,
): NetworkBuilder {
  const nodes: NetworkNode[] = [];
  const push = (node: NetworkNode): string => {
    nodes.push(node);
    return node.name;
  };
  const pool = (op: 'max-pool' | 'average-pool', name: string, input: string, options: PoolOptions): string =>
    push({
      op,
      name,
      inputs: [input],
      kernel: pair(options.kernel),
      stride: pair(options.stride ?? options.kernel),
      padding: sides(options.padding ?? 0),
      ceil: options.ceil ?? false,
      countPadding: options.countPadding ?? true,
    });
  return {
    conv: (name, input, { filters, kernel, stride = 1, padding = 0, groups = 1, bias = true }) =>
      push({
        op: 'conv',
        name,
        inputs: [input],
        kernel: pair(kernel),
        stride: pair(stride),
        padding: sides(padding),
        filters,
        groups,
        bias,
      }),
    batchNorm: (name, input, { epsilon = 1e-5, momentum = 0.1 } = {}) =>
      push({ op: 'batch-norm', name, inputs: [input], epsilon, momentum }),
    relu: (name, input) => push({ op: 'relu', name, inputs: [input] }),
    relu6: (name, input) => push({ op: 'relu6', name, inputs: [input] }),
    sigmoid: (name, input) => push({ op: 'sigmoid', name, inputs: [input] }),
    silu: (name, input) => push({ op: 'silu', name, inputs: [input] }),
    hardSwish: (name, input) => push({ op: 'hard-swish', name, inputs: [input] }),
    hardSigmoid: (name, input, { slope = 1 / 6, offset = 0.5 } = {}) =>
      push({ op: 'hard-sigmoid', name, inputs: [input], slope, offset }),
    gelu: (name, input, approximate = 'none') => push({ op: 'gelu', name, inputs: [input], approximate }),
    reciprocal: (name, input) => push({ op: 'reciprocal', name, inputs: [input] }),
    softmax: (name, input) => push({ op: 'softmax', name, inputs: [input] }),
    matmul: (name, left, right) => push({ op: 'matmul', name, inputs: [left, right] }),
    layerNorm: (name, input, epsilon = 1e-5) => push({ op: 'layer-norm', name, inputs: [input], epsilon }),
    affine: (name, input) => push({ op: 'affine', name, inputs: [input] }),
    offset: (name, input) => push({ op: 'offset', name, inputs: [input] }),
    tokens: (name, input, count, place = 'before') =>
      push({ op: 'tokens', name, inputs: [input], count, place }),
    permute: (name, input, order) => push({ op: 'permute', name, inputs: [input], order }),
    slice: (name, input, range) => push({ op: 'slice', name, inputs: [input], ...range }),
    expand: (name, input, shape) => push({ op: 'expand', name, inputs: [input], shape }),
    maxPool: (name, input, options) => pool('max-pool', name, input, options),
    averagePool: (name, input, options) => pool('average-pool', name, input, options),
    globalAveragePool: (name, input) => push({ op: 'global-average-pool', name, inputs: [input] }),
    add: (name, left, right) => push({ op: 'add', name, inputs: [left, right] }),
    multiply: (name, left, right) => push({ op: 'multiply', name, inputs: [left, right] }),
    concat: (name, inputs) => push({ op: 'concat', name, inputs }),
    shortcut: (name, input, options) => push({ op: 'shortcut', name, inputs: [input], ...options }),
    scale: (name, input, factor) => push({ op: 'scale', name, inputs: [input], factor }),
    flatten: (name, input) => push({ op: 'flatten', name, inputs: [input] }),
    reshape: (name, input, shape) => push({ op: 'reshape', name, inputs: [input], shape }),
    dropout: (name, input, rate) => push({ op: 'dropout', name, inputs: [input], rate }),
    dense: (name, input, { units, bias = true }) => push({ op: 'dense', name, inputs: [input], units, bias }),
    build: (output) => {
      const network: Network = { ...head, nodes: [...nodes], output };
      networkShapes(network);
      return network;
    },
  };
}

function pair(extent: Extent): readonly [number, number] {
  return typeof extent === 'number' ? [extent, extent] : extent;
}

function sides(padding: Padding): readonly [number, number, number, number] {
  if (typeof padding === 'number') return [padding, padding, padding, padding];
  return padding.length === 2 ? [padding[0], padding[0], padding[1], padding[1]] : padding;
}
