/**
 * Converts a Keras LayersModel to one of our network graphs, so that it runs on every backend and can be
 * attacked, trained and cached like any other. Convolution kernels and dense matrices have the same layout in
 * both. `same` padding is TensorFlow's, which puts the odd pixel after. A softmax at the end is left out,
 * since attacks and predictions need logits. No code of the file is ever run: unsupported layers are an
 * error.
 */
import { samePadding } from '../../tensors/padding.ts';
import type { Network, WeightTensor } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import type { NetworkBuilder, Padding } from '../builder.ts';
import { checkWeights, NetworkError } from '../network.ts';
import type { Layer, Topology } from './layers.ts';
import { elementCount } from '../../values/element-count.ts';

export interface ConvertedModel {
  readonly network: Network;
  readonly weights: Readonly<Record<string, WeightTensor>>;
}

export interface ConvertOptions {
  readonly architecture: string;
  /** Height and width of the images if the file does not fix them. */
  readonly size?: readonly [height: number, width: number];
}

const supported =
  'Conv2D, DepthwiseConv2D, SeparableConv2D, Dense, BatchNormalization, Activation, ReLU, LeakyReLU, Softmax, MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, ZeroPadding2D, Add, Concatenate, Flatten and Dropout';

/**
 * Converts a LayersModel of TensorFlow.js into a network with its weights. Throws `NetworkError`, which names the
 * unsupported layer or the weights that do not fit.
 */
export function convertLayersModel(
  { layers, output }: Topology,
  tensors: Readonly<Record<string, WeightTensor>>,
  options: ConvertOptions,
): ConvertedModel {
  const inputShape = inputOf(layers, options.size);
  const context: Context = {
    build: networkBuilder({
      architecture: options.architecture,
      inputShape,
      classes: classesOf(layers, output),
    }),
    tensors,
    weights: {},
    nodes: new Map(),
    shapes: new Map(),
    padding: new Map(),
    output,
  };
  for (const layer of layers) {
    if (layer.kind === 'InputLayer') {
      context.nodes.set(layer.name, 'input');
      context.shapes.set('input', inputShape);
    } else context.nodes.set(layer.name, convertLayer(layer, context));
  }
  const network = context.build.build(context.nodes.get(output)!);
  checkWeights(network, context.weights);
  return { network, weights: context.weights };
}

interface Context {
  readonly build: NetworkBuilder;
  readonly tensors: Readonly<Record<string, WeightTensor>>;
  readonly weights: Record<string, WeightTensor>;
  /** Layer → our node with its output. */
  readonly nodes: Map<string, string>;
  readonly shapes: Map<string, readonly number[]>;
  /** Zero padding that a ZeroPadding2D layer leaves to the convolution after it. */
  readonly padding: Map<string, readonly [number, number, number, number]>;
  readonly output: string;
}

function convertLayer(layer: Layer, context: Context): string {
  const { name, kind, config } = layer;
  const { build, shapes } = context;
  const inputs = layer.inputs.map((input) => context.nodes.get(input)!);
  const input = inputs[0];
  if (input === undefined) throw new NetworkError(`layer '${name}' (${kind}) has no input`);
  const shape = shapes.get(input)!;
  const note = (node: string, own: readonly number[]): string => {
    shapes.set(node, own);
    return node;
  };
  const activated = (node: string): string => activate(name, node, config['activation'], context);
  requireChannelsLast(layer);
  switch (kind) {
    case 'Conv2D':
    case 'DepthwiseConv2D':
    case 'SeparableConv2D':
      return activated(convolution(layer, input, context));
    case 'Dense': {
      const kernel = take(layer, 'kernel', context);
      const hasBias = config['use_bias'] !== false;
      const node = build.dense(name, input, { units: kernel.shape[1]!, bias: hasBias });
      context.weights[`${name}.weight`] = kernel;
      if (hasBias) context.weights[`${name}.bias`] = take(layer, 'bias', context);
      return activated(note(node, [kernel.shape[1]!]));
    }
    case 'BatchNormalization':
      return note(batchNorm(layer, input, context), shape);
    case 'Activation':
      return activated(input);
    case 'ReLU': {
      const most = config['max_value'] ?? null;
      if (most !== null && most !== 6) throw unsupported(layer, `max_value ${JSON.stringify(most)}`);
      return note(most === 6 ? build.relu6(name, input) : build.relu(name, input), shape);
    }
    case 'LeakyReLU':
      return leakyRelu(name, input, numberOf(config['alpha'] ?? config['negative_slope'], 0.3), context);
    case 'Softmax':
      return activate(name, input, 'softmax', context);
    case 'MaxPooling2D':
    case 'AveragePooling2D': {
      const kernel = pairOf(config['pool_size'], 2);
      const stride = pairOf(config['strides'], kernel);
      const padding = paddingOf(layer, shape, kernel, stride, context, input);
      const pool = { kernel, stride, padding, countPadding: false };
      const node =
        kind === 'MaxPooling2D' ? build.maxPool(name, input, pool) : build.averagePool(name, input, pool);
      return note(node, [...windows(shape, kernel, stride, padding), shape[2]!]);
    }
    case 'GlobalAveragePooling2D':
      return note(build.globalAveragePool(name, input), [shape[2]!]);
    case 'ZeroPadding2D': {
      const [rows, columns] = pairsOf(config['padding']);
      context.padding.set(input, [...rows, ...columns]);
      return input;
    }
    case 'Add': {
      const [first, ...others] = inputs;
      return others.reduce(
        (sum, other, at) =>
          note(build.add(at === others.length - 1 ? name : `${name}/${at}`, sum, other), shape),
        first!,
      );
    }
    case 'Concatenate': {
      const channels = inputs.reduce((sum, one) => sum + shapes.get(one)!.at(-1)!, 0);
      return note(build.concat(name, inputs), [...shape.slice(0, -1), channels]);
    }
    case 'Flatten':
      return note(build.flatten(name, input), [elementCount(shape)]);
    case 'Dropout':
      return note(build.dropout(name, input, numberOf(config['rate'], 0.5)), shape);
    default:
      throw new NetworkError(`layer '${name}' is a ${kind}, which is not supported; supported: ${supported}`);
  }
}

function convolution(layer: Layer, input: string, context: Context): string {
  const { name, kind, config } = layer;
  const { build, shapes } = context;
  const shape = shapes.get(input)!;
  const kernel = pairOf(config['kernel_size'], 1);
  const stride = pairOf(config['strides'], 1);
  const dilation = pairOf(config['dilation_rate'], 1);
  if (dilation[0] !== 1 || dilation[1] !== 1) throw unsupported(layer, 'dilation');
  const groups = numberOf(config['groups'], 1);
  if (groups !== 1) throw unsupported(layer, `groups ${groups}`);
  const padding = paddingOf(layer, shape, kernel, stride, context, input);
  const [height, width] = windows(shape, kernel, stride, padding);
  const bias = config['use_bias'] !== false;
  if (kind === 'Conv2D') {
    const weight = take(layer, 'kernel', context);
    const filters = weight.shape[3]!;
    const node = build.conv(name, input, { filters, kernel, stride, padding, bias });
    context.weights[`${name}.weight`] = weight;
    if (bias) context.weights[`${name}.bias`] = take(layer, 'bias', context);
    shapes.set(node, [height, width, filters]);
    return node;
  }
  const weight = take(layer, 'depthwise_kernel', context);
  const filters = shape[2]! * weight.shape[3]!;
  const isLast = kind === 'DepthwiseConv2D';
  const depthwise = isLast ? name : `${name}/depthwise`;
  const node = build.conv(depthwise, input, {
    filters,
    kernel,
    stride,
    padding,
    groups: shape[2]!,
    bias: isLast && bias,
  });
  context.weights[`${depthwise}.weight`] = weight;
  shapes.set(node, [height, width, filters]);
  if (isLast) {
    if (bias) context.weights[`${name}.bias`] = take(layer, 'bias', context);
    return node;
  }
  const pointwise = take(layer, 'pointwise_kernel', context);
  const mixed = build.conv(name, node, { filters: pointwise.shape[3]!, kernel: 1, bias });
  context.weights[`${name}.weight`] = pointwise;
  if (bias) context.weights[`${name}.bias`] = take(layer, 'bias', context);
  shapes.set(mixed, [height, width, pointwise.shape[3]!]);
  return mixed;
}

function batchNorm(layer: Layer, input: string, context: Context): string {
  const { name, config } = layer;
  const mean = take(layer, 'moving_mean', context);
  const filled = (value: number): WeightTensor => ({
    shape: mean.shape,
    data: new Float32Array(mean.data.length).fill(value),
  });
  context.weights[`${name}.weight`] = config['scale'] === false ? filled(1) : take(layer, 'gamma', context);
  context.weights[`${name}.bias`] = config['center'] === false ? filled(0) : take(layer, 'beta', context);
  context.weights[`${name}.running_mean`] = mean;
  context.weights[`${name}.running_var`] = take(layer, 'moving_variance', context);
  return context.build.batchNorm(name, input, {
    epsilon: numberOf(config['epsilon'], 1e-3),
    // Keras gives the share of the old statistics, we give that of the new ones.
    momentum: 1 - numberOf(config['momentum'], 0.99),
  });
}

function activate(layer: string, input: string, activation: unknown, context: Context): string {
  const { build, shapes } = context;
  const name = `${layer}/activation`;
  const note = (node: string): string => {
    shapes.set(node, shapes.get(input)!);
    return node;
  };
  switch (activation) {
    case undefined:
    case null:
    case 'linear':
      return input;
    case 'relu':
      return note(build.relu(name, input));
    case 'relu6':
      return note(build.relu6(name, input));
    case 'leaky_relu':
      return leakyRelu(name, input, 0.3, context);
    case 'softmax':
      if (layer === context.output) return input;
      throw new NetworkError(`layer '${layer}' has a softmax that is not at the end of the model`);
    default:
      throw new NetworkError(
        `layer '${layer}' has the activation ${JSON.stringify(activation)}, which is not supported`,
      );
  }
}

/** max(x, αx) = relu(x) − α relu(−x), from nodes that every backend supports, including gradients. */
export function leakyRelu(
  name: string,
  input: string,
  alpha: number,
  { build, shapes }: Pick<Context, 'build' | 'shapes'>,
): string {
  const shape = shapes.get(input)!;
  const node = build.add(
    name,
    build.relu(`${name}/positive`, input),
    build.scale(
      `${name}/slope`,
      build.relu(`${name}/negative`, build.scale(`${name}/minus`, input, -1)),
      -alpha,
    ),
  );
  shapes.set(node, shape);
  return node;
}

function take({ name }: Layer, part: string, { tensors }: Context): WeightTensor {
  // Some exporters prefix names with that of the model.
  const found =
    tensors[`${name}/${part}`] ??
    tensors[Object.keys(tensors).find((own) => own.endsWith(`/${name}/${part}`)) ?? ''];
  if (found === undefined) throw new NetworkError(`the weight '${name}/${part}' is missing`);
  return found;
}

/** TensorFlow's padding of this layer, together with that of a ZeroPadding2D before it. */
function paddingOf(
  layer: Layer,
  shape: readonly number[],
  kernel: readonly [number, number],
  stride: readonly [number, number],
  context: Context,
  input: string,
): readonly [number, number, number, number] {
  const before = context.padding.get(input);
  if (layer.config['padding'] !== 'same') {
    if (before !== undefined && layer.kind.endsWith('Pooling2D'))
      throw unsupported(layer, 'zero padding before it');
    return before ?? [0, 0, 0, 0];
  }
  if (before !== undefined) throw unsupported(layer, "padding 'same' after ZeroPadding2D");
  const [top, bottom] = samePadding(shape[0]!, kernel[0], stride[0]);
  const [left, right] = samePadding(shape[1]!, kernel[1], stride[1]);
  return [top, bottom, left, right];
}

/** Height and width of the output of a convolution or pooling. */
export function windows(
  [height, width]: readonly number[],
  kernel: readonly [number, number],
  stride: readonly [number, number],
  padding: Extract<Padding, readonly [number, number, number, number]>,
): [number, number] {
  const [top, bottom, left, right] = padding;
  return [
    Math.floor((height! + top + bottom - kernel[0]) / stride[0]) + 1,
    Math.floor((width! + left + right - kernel[1]) / stride[1]) + 1,
  ];
}

function inputOf(layers: readonly Layer[], size: ConvertOptions['size']): readonly [number, number, number] {
  const given = layers.filter(({ kind }) => kind === 'InputLayer');
  if (given.length !== 1) throw new NetworkError(`the model must have one input, got ${given.length}`);
  const shape = (given[0]!.config['batch_input_shape'] ?? given[0]!.config['batch_shape']) as
    readonly (number | null)[] | undefined;
  if (shape?.length !== 4)
    throw new NetworkError('the input of the model is not an image [height, width, channels]');
  const [, height, width, channels] = shape;
  const [givenHeight, givenWidth] = size ?? [null, null];
  const own = [givenHeight ?? height, givenWidth ?? width, channels];
  if (own.some((extent) => typeof extent === 'number' && !(Number.isSafeInteger(extent) && extent > 0)))
    throw new NetworkError(
      `the input of the model is ${JSON.stringify(own)}, which is not the size of an image`,
    );
  if (own.some((extent) => typeof extent !== 'number'))
    throw new NetworkError('the model does not fix the size of its images; set `size`');
  return own as unknown as readonly [number, number, number];
}

/** Number of classes, from the last layer with a width of its own. */
function classesOf(layers: readonly Layer[], output: string): number {
  let layer = layers.find(({ name }) => name === output);
  while (layer !== undefined) {
    const width = layer.config['units'] ?? layer.config['filters'];
    if (typeof width === 'number') return width;
    const [input] = layer.inputs;
    layer = layers.find(({ name }) => name === input);
  }
  throw new NetworkError(
    'the number of classes is unknown, because the model does not end in a dense layer or convolution',
  );
}

function requireChannelsLast(layer: Layer): void {
  if (layer.config['data_format'] === 'channels_first') throw unsupported(layer, 'channels first');
}

function unsupported({ name, kind }: Layer, what: string): NetworkError {
  return new NetworkError(`layer '${name}' (${kind}) has ${what}, which is not supported`);
}

function pairOf(value: unknown, fallback: number | readonly [number, number]): readonly [number, number] {
  if (typeof value === 'number') return [value, value];
  if (Array.isArray(value) && value.length === 2) return [numberOf(value[0], NaN), numberOf(value[1], NaN)];
  return typeof fallback === 'number' ? [fallback, fallback] : fallback;
}

/** Throws `NetworkError` for a value that is neither absent nor a finite number. */
function numberOf(value: unknown, fallback: number): number {
  const number = value ?? fallback;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new NetworkError('a layer has a setting that should be a number but is not');
}

function pairsOf(value: unknown): readonly [readonly [number, number], readonly [number, number]] {
  if (Array.isArray(value) && Array.isArray(value[0])) return [pairOf(value[0], 1), pairOf(value[1], 1)];
  const [rows, columns] = pairOf(value, 1);
  return [
    [rows, rows],
    [columns, columns],
  ];
}
