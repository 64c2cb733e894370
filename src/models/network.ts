/** Checks network graphs: names, shapes and weights. They are plain data; nothing here uses tensors. */
import type { Model, Network, NetworkNode, WeightTensor } from '../values/model.ts';

/** Shape of one image's activation: `[height, width, channels]` or `[features]`. */
export type ActivationShape = readonly number[];

/** A network, or the weights for it, are not well-formed. The message names the node or the tensors. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
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
      // channels, multiplier].
      weights.set(`${node.name}.weight`, [...node.kernel, channels, node.filters / node.groups]);
      if (node.bias) weights.set(`${node.name}.bias`, [node.filters]);
    } else if (node.op === 'dense') {
      weights.set(`${node.name}.weight`, [channels, node.units]);
      if (node.bias) weights.set(`${node.name}.bias`, [node.units]);
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
    const size = shape.reduce((product, extent) => product * extent, 1);
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
 * Checks the weights, and that preprocessing has a finite mean and a positive std per channel. Throws
 * `NetworkError`.
 */
export function checkModel(model: Model): void {
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

function outputShape(node: NetworkNode, inputs: readonly ActivationShape[]): ActivationShape {
  const input = inputs[0];
  if (input === undefined) throw new NetworkError(`node '${node.name}' has no input`);
  switch (node.op) {
    case 'conv': {
      const [height, width, channels] = image(node, input);
      if (node.groups !== 1 && node.groups !== channels) {
        throw new NetworkError(
          `convolution '${node.name}' has ${node.groups} groups for ${channels} channels; only 1 or ${channels} are supported`,
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
      return [input.reduce((product, extent) => product * extent, 1)];
    case 'dense':
      if (input.length !== 1)
        throw new NetworkError(`dense layer '${node.name}' reads [${input.join(', ')}]; flatten it first`);
      return [node.units];
    case 'add':
      if (inputs[1]?.join() !== input.join()) {
        throw new NetworkError(
          `'${node.name}' adds [${input.join(', ')}] and [${(inputs[1] ?? []).join(', ')}], which must be equal`,
        );
      }
      return input;
    case 'concat': {
      const outer = input.slice(0, -1).join();
      if (inputs.some((shape) => shape.length !== input.length || shape.slice(0, -1).join() !== outer)) {
        throw new NetworkError(
          `'${node.name}' joins ${inputs.map((shape) => `[${shape.join(', ')}]`).join(' and ')}, which may differ in channels only`,
        );
      }
      return [...input.slice(0, -1), inputs.reduce((sum, shape) => sum + shape.at(-1)!, 0)];
    }
    case 'batch-norm':
    case 'relu':
    case 'relu6':
    case 'scale':
    case 'dropout':
      return input;
  }
  node satisfies never;
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
