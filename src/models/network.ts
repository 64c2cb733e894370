/** Checks network graphs: names, shapes and weights. They are plain data; nothing here uses tensors. */
import type { NetworkModel, Network, NetworkNode, WeightTensor } from '../values/model.ts';
import { elementCount } from '../values/element-count.ts';
import { counted } from '../values/counted.ts';

/** Shape of one image's activation: `[height, width, channels]` or `[features]`. */
export type ActivationShape = readonly number[];

/** A network, or the weights for it, are not well-formed. The message names the node or the tensors. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}

/** Whether a convolution of images with this number of channels is depthwise. */
export function isDepthwise({ groups }: Extract<NetworkNode, { op: 'conv' }>, channels: number): boolean {
  return groups > 1 && groups === channels;
}

/**
 * Output shape of every node and of `'input'`, by name. Throws `NetworkError` if the nodes do not fit
 * together.
 */
export function networkShapes(network: Network): ReadonlyMap<string, ActivationShape> {
  const shapes = new Map<string, ActivationShape>([['input', network.inputShape]]);
  for (const node of network.nodes) {
    if (shapes.has(node.name)) throw new NetworkError(`two nodes of the network are named '${node.name}'`);
    const inputs = node.inputs.map((input) => {
      const shape = shapes.get(input);
      if (shape === undefined) {
        throw new NetworkError(`node '${node.name}' reads '${input}', which is not an earlier node`);
      }
      return shape;
    });
    shapes.set(node.name, outputShape(node, inputs));
  }
  const output = shapes.get(network.output);
  if (output === undefined)
    throw new NetworkError(`the network's output '${network.output}' is not one of its nodes`);
  if (output.length !== 1 || output[0] !== network.classes) {
    throw new NetworkError(
      `the network's output '${network.output}' is [${output.join(', ')}], but must be [${network.classes}]: one logit per class`,
    );
  }
  return shapes;
}

/**
 * Shape of every weight tensor that the network needs, by name. Throws `NetworkError` like `networkShapes`.
 */
export function weightShapes(network: Network): ReadonlyMap<string, readonly number[]> {
  const shapes = networkShapes(network);
  const weights = new Map<string, readonly number[]>();
  for (const node of network.nodes) {
    const input = shapes.get(node.inputs[0])!;
    const channels = input.at(-1)!;
    if (node.op === 'conv') {
      // A depthwise filter has the outputs of one input channel only, like TensorFlow's: [height, width,
      // channels, multiplier]. Any other has the inputs of one group only.
      const depth =
        node.groups === channels
          ? [channels, node.filters / node.groups]
          : [channels / node.groups, node.filters];
      weights.set(`${node.name}.weight`, [...node.kernel, ...depth]);
      if (node.bias) weights.set(`${node.name}.bias`, [node.filters]);
    } else if (node.op === 'dense') {
      weights.set(`${node.name}.weight`, [channels, node.units]);
      if (node.bias) weights.set(`${node.name}.bias`, [node.units]);
    } else if (node.op === 'layer-norm' || node.op === 'affine') {
      for (const part of ['weight', 'bias']) weights.set(`${node.name}.${part}`, [channels]);
    } else if (node.op === 'offset') {
      weights.set(`${node.name}.bias`, input);
    } else if (node.op === 'tokens') {
      weights.set(`${node.name}.weight`, [node.count, channels]);
    } else if (node.op === 'batch-norm') {
      for (const part of ['weight', 'bias', 'running_mean', 'running_var']) {
        weights.set(`${node.name}.${part}`, [channels]);
      }
    }
  }
  return weights;
}

/**
 * Throws `NetworkError` unless `weights` are exactly those that the network needs, have the right shapes and
 * are finite. The message lists the missing, the unexpected, and those with another shape, NaN or infinities.
 */
export function checkWeights(network: Network, weights: Readonly<Record<string, WeightTensor>>): void {
  const expected = weightShapes(network);
  const missing = [...expected.keys()].filter((name) => !Object.hasOwn(weights, name));
  const extra = Object.keys(weights).filter((name) => !expected.has(name));
  const mismatched: string[] = [];
  const broken: string[] = [];
  for (const [name, shape] of expected) {
    const tensor = Object.hasOwn(weights, name) ? weights[name] : undefined;
    if (tensor === undefined) continue;
    const size = elementCount(shape);
    if (tensor.shape.join() !== shape.join() || tensor.data.length !== size) {
      mismatched.push(`${name} is [${tensor.shape.join(', ')}] instead of [${shape.join(', ')}]`);
    } else if (!tensor.data.every(Number.isFinite)) {
      broken.push(name);
    } else if (name.endsWith('.running_var') && tensor.data.some((variance) => variance < 0)) {
      broken.push(`${name} (a negative variance)`);
    }
  }
  const problems = [
    ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
    ...(extra.length > 0 ? [`unexpected: ${listed(extra)}`] : []),
    ...(mismatched.length > 0 ? [`of another shape: ${listed(mismatched)}`] : []),
    ...(broken.length > 0 ? [`with NaN or infinite values: ${listed(broken)}`] : []),
  ];
  if (problems.length > 0) {
    throw new NetworkError(
      `the weights do not fit the network ${network.architecture}; ${problems.join('; ')}`,
    );
  }
}

/**
 * Checks that there are classes to tell apart, the weights, and that preprocessing has a finite mean and a positive std per channel. Throws
 * `NetworkError`.
 */
export function checkModel(model: NetworkModel): void {
  const { classes } = model.network;
  if (!(classes >= 2))
    throw new NetworkError(
      `the network has ${counted(classes, 'output')}, and a classifier has a logit for each of two classes or more`,
    );
  const channels = model.network.inputShape[2];
  const { mean, std } = model.preprocessing;
  if (mean.length !== channels || std.length !== channels) {
    throw new NetworkError(
      `preprocessing needs ${channels} means and stds, got ${mean.length} and ${std.length}`,
    );
  }
  if (!mean.every(Number.isFinite) || !std.every((value) => Number.isFinite(value) && value > 0)) {
    throw new NetworkError('preprocessing needs finite means and positive stds');
  }
  checkWeights(model.network, model.weights);
}

/** Output extent of a window of `kernel` moved by `stride` over `extent` padded positions. */
export function windowCount(
  extent: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  ceil: boolean,
): number {
  const steps = (extent + before + after - kernel) / stride;
  const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // As in PyTorch, with ceil_mode the last window must start inside the image or its leading padding.
  return ceil && (count - 1) * stride >= extent + before ? count - 1 : count;
}

/** Output shape of a node whose inputs have these shapes. Throws `NetworkError` if they do not fit. */
export function outputShape(node: NetworkNode, inputs: readonly ActivationShape[]): ActivationShape {
  const input = inputs[0];
  if (input === undefined) throw new NetworkError(`node '${node.name}' has no input`);
  switch (node.op) {
    case 'conv': {
      const [height, width, channels] = image(node, input);
      if (!Number.isSafeInteger(node.groups) || channels % node.groups !== 0) {
        throw new NetworkError(
          `convolution '${node.name}' has ${node.groups} groups for ${channels} channels, which must be a multiple of them`,
        );
      }
      if (node.filters % node.groups !== 0) {
        throw new NetworkError(
          `convolution '${node.name}' has ${node.filters} filters, which is not a multiple of its ${node.groups} groups`,
        );
      }
      const [top, bottom, left, right] = node.padding;
      return nonEmpty(node, [
        windowCount(height, node.kernel[0], node.stride[0], top, bottom, false),
        windowCount(width, node.kernel[1], node.stride[1], left, right, false),
        node.filters,
      ]);
    }
    case 'max-pool':
    case 'average-pool': {
      const [height, width, channels] = image(node, input);
      const [top, bottom, left, right] = node.padding;
      if (Math.max(top, bottom) >= node.kernel[0] || Math.max(left, right) >= node.kernel[1]) {
        throw new NetworkError(
          `pool '${node.name}' has a padding as large as its window; it must be smaller`,
        );
      }
      return nonEmpty(node, [
        windowCount(height, node.kernel[0], node.stride[0], top, bottom, node.ceil),
        windowCount(width, node.kernel[1], node.stride[1], left, right, node.ceil),
        channels,
      ]);
    }
    case 'global-average-pool':
      return [image(node, input)[2]];
    case 'shortcut': {
      const [height, width, channels] = image(node, input);
      return [
        Math.ceil(height / node.stride),
        Math.ceil(width / node.stride),
        channels + node.before + node.after,
      ];
    }
    case 'flatten':
      return [elementCount(input)];
    case 'dense':
      return [...input.slice(0, -1), node.units];
    case 'add':
      if (inputs[1]?.join() !== input.join()) {
        throw new NetworkError(
          `'${node.name}' adds [${input.join(', ')}] and [${(inputs[1] ?? []).join(', ')}], which must be equal`,
        );
      }
      return input;
    case 'multiply': {
      const other = inputs[1] ?? [];
      const isPerChannel =
        input.length === 3 && (other.join() === `${input[2]!}` || other.join() === `1,1,${input[2]!}`);
      if (!isPerChannel && other.join() !== input.join())
        throw new NetworkError(
          `'${node.name}' multiplies [${input.join(', ')}] by [${other.join(', ')}], which must be equal or one number for each channel`,
        );
      return input;
    }
    case 'reshape': {
      const [before, after] = [input, node.shape].map((shape) => elementCount(shape));
      if (before !== after)
        throw new NetworkError(
          `'${node.name}' reshapes [${input.join(', ')}] to [${node.shape.join(', ')}], which has another number of elements`,
        );
      return nonEmpty(node, node.shape);
    }
    case 'concat': {
      const outer = input.slice(0, -1).join();
      if (inputs.some((shape) => shape.length !== input.length || shape.slice(0, -1).join() !== outer)) {
        throw new NetworkError(
          `'${node.name}' joins ${inputs.map((shape) => `[${shape.join(', ')}]`).join(' and ')}, which may differ in channels only`,
        );
      }
      return [...input.slice(0, -1), inputs.reduce((sum, shape) => sum + shape.at(-1)!, 0)];
    }
    case 'matmul':
      return product(node, input, inputs[1] ?? []);
    case 'tokens':
      if (input.length !== 2 || !Number.isSafeInteger(node.count) || node.count < 1)
        throw new NetworkError(
          `'${node.name}' puts ${node.count} rows to [${input.join(', ')}], which must be rows [count, channels]`,
        );
      return [input[0]! + node.count, input[1]!];
    case 'permute':
    case 'slice':
    case 'expand':
      return rearranged(node, input);
    case 'batch-norm':
    case 'layer-norm':
    case 'affine':
    case 'offset':
    case 'softmax':
    case 'gelu':
    case 'reciprocal':
    case 'relu':
    case 'relu6':
    case 'sigmoid':
    case 'silu':
    case 'hard-swish':
    case 'hard-sigmoid':
    case 'scale':
    case 'dropout':
      return input;
  }
  node satisfies never;
}

function product(node: NetworkNode, left: ActivationShape, right: ActivationShape): ActivationShape {
  const rank = left.length;
  const isProduct =
    rank >= 2 &&
    right.length === rank &&
    left.slice(0, -2).join() === right.slice(0, -2).join() &&
    left[rank - 1] === right[rank - 2];
  if (isProduct) return [...left.slice(0, -1), right[rank - 1]!];
  throw new NetworkError(
    `'${node.name}' multiplies matrices [${left.join(', ')}] and [${right.join(', ')}], which do not fit together`,
  );
}

function rearranged(
  node: Extract<NetworkNode, { op: 'permute' | 'slice' | 'expand' }>,
  input: ActivationShape,
): ActivationShape {
  const of = `of [${input.join(', ')}]`;
  switch (node.op) {
    case 'permute': {
      const { order } = node;
      if (order.length !== input.length || [...order].sort((a, b) => a - b).some((axis, at) => axis !== at))
        throw new NetworkError(`'${node.name}' puts the axes ${of} into the order [${order.join(', ')}]`);
      return order.map((axis) => input[axis]!);
    }
    case 'slice': {
      const { axis, start, end } = node;
      if (!(start >= 0 && start < end && end <= (input[axis] ?? 0)) || ![start, end].every(Number.isInteger))
        throw new NetworkError(`'${node.name}' takes the places ${start} to ${end} of axis ${axis} ${of}`);
      return input.map((extent, at) => (at === axis ? end - start : extent));
    }
    case 'expand': {
      const { shape } = node;
      if (
        shape.length !== input.length ||
        shape.some((extent, at) => extent !== input[at] && input[at] !== 1)
      )
        throw new NetworkError(`'${node.name}' repeats axes ${of} to [${shape.join(', ')}]`);
      return nonEmpty(node, shape);
    }
  }
}

function image(node: NetworkNode, shape: ActivationShape): readonly [number, number, number] {
  if (shape.length !== 3)
    throw new NetworkError(
      `'${node.name}' (${node.op}) needs an image [height, width, channels], got [${shape.join(', ')}]`,
    );
  return shape as readonly [number, number, number];
}

function nonEmpty(node: NetworkNode, shape: ActivationShape): ActivationShape {
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 1)) {
    throw new NetworkError(
      `'${node.name}' (${node.op}) would give [${shape.join(', ')}]: the image is too small for it`,
    );
  }
  return shape;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
