/**
 * Converts a TensorFlow.js GraphModel (which `tensorflowjs_converter` makes of a SavedModel, often with fused
 * operations) to one of our network graphs. It supports the operations of image classifiers; an error names
 * any other. Kernels and matrices have our layout. A softmax at the end is left out. Nodes keep the names
 * that they have in the file.
 */
import { samePadding } from '../../tensors/padding.ts';
import type { WeightTensor } from '../../values/model.ts';
import { networkBuilder } from '../builder.ts';
import type { NetworkBuilder } from '../builder.ts';
import { checkWeights, NetworkError } from '../network.ts';
import { leakyRelu, windows } from './convert.ts';
import type { ConvertedModel, ConvertOptions } from './convert.ts';
import type { GraphNode } from './graph-nodes.ts';
import { elementCount } from '../../values/element-count.ts';

type Pair = readonly [number, number];
type Sides = readonly [number, number, number, number];

interface Context {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** The nodes that read each node. */
  readonly readers: ReadonlyMap<string, readonly GraphNode[]>;
  readonly tensors: Readonly<Record<string, WeightTensor>>;
  readonly build: NetworkBuilder;
  readonly weights: Record<string, WeightTensor>;
  /** Node of the file → our node with its output. */
  readonly done: Map<string, string>;
  readonly shapes: Map<string, readonly number[]>;
  /** Zero padding that a Pad leaves to the convolution after it. */
  readonly padding: Map<string, Sides>;
}

const supported =
  'Conv2D, DepthwiseConv2dNative, MatMul, their fused forms, BiasAdd, FusedBatchNormV3, Relu, Relu6, LeakyRelu, MaxPool, AvgPool, Mean, Add, ConcatV2, Pad, Reshape, Squeeze, Identity and Softmax';

/**
 * Converts a GraphModel of TensorFlow.js into a network with its weights. Throws `NetworkError`, which names the
 * unsupported node or the weights that do not fit.
 */
export function convertGraphModel(
  nodes: ReadonlyMap<string, GraphNode>,
  tensors: Readonly<Record<string, WeightTensor>>,
  { architecture, size }: ConvertOptions,
): ConvertedModel {
  const inputs = [...nodes.values()].filter(({ op }) => op === 'Placeholder');
  const [input] = inputs;
  if (input === undefined || inputs.length > 1)
    throw new NetworkError(`the model must have one input, got ${inputs.length}`);
  const readers = readersOf(nodes);
  const outputs = [...nodes.values()].filter(
    ({ name, op }) => !readers.has(name) && !['NoOp', 'Const', 'Placeholder'].includes(op),
  );
  const [output] = outputs;
  if (output === undefined || outputs.length > 1)
    throw new NetworkError(`the model must have one output, got ${outputs.length}`);
  const inputShape = imageShape(input, size);
  // Throws for cycles, in which the functions below would never end.
  inOrder(output, nodes);
  const last = behindSoftmax(output, nodes);
  const context: Context = {
    nodes,
    readers,
    tensors,
    build: networkBuilder({ architecture, inputShape, classes: classesOf(last, nodes, tensors) }),
    weights: {},
    done: new Map([[input.name, 'input']]),
    shapes: new Map([['input', inputShape]]),
    padding: new Map(),
  };
  for (const node of inOrder(last, nodes)) {
    if (!context.done.has(node.name) && !(node.name in tensors))
      context.done.set(node.name, convertNode(node, context));
  }
  const network = context.build.build(context.done.get(last.name)!);
  checkWeights(network, context.weights);
  return { network, weights: context.weights };
}

function convertNode(node: GraphNode, context: Context): string {
  const { name, op } = node;
  const { build, shapes } = context;
  const input = inputOf(node, 0, context);
  const shape = shapes.get(input)!;
  const note = (made: string, own: readonly number[]): string => {
    shapes.set(made, own);
    return made;
  };
  if (node.attributes.text('data_format') === 'NCHW') throw unsupported(node, 'channels first');
  switch (op) {
    case 'Conv2D':
    case 'DepthwiseConv2dNative':
    case '_FusedConv2D':
    case 'FusedDepthwiseConv2dNative':
      return convolution(node, input, context);
    case 'MatMul':
    case '_FusedMatMul': {
      if (node.attributes.flag('transpose_a')) throw unsupported(node, 'a transposed input');
      const matrix = constant(node, 1, context);
      const kernel = node.attributes.flag('transpose_b') ? transposed(matrix) : matrix;
      const units = kernel.shape[1]!;
      const fused = fusedWith(node, context);
      context.weights[`${name}.weight`] = kernel;
      if (fused.bias !== null) context.weights[`${name}.bias`] = fused.bias;
      note(build.dense(name, input, { units, bias: fused.bias !== null }), [units]);
      return activated(node, fused, context);
    }
    case 'BiasAdd':
    case 'FusedBatchNorm':
    case 'FusedBatchNormV3':
      return note(affine(node, input, context), shape);
    case 'Relu':
      return note(build.relu(name, input), shape);
    case 'Relu6':
      return note(build.relu6(name, input), shape);
    case 'LeakyRelu':
      return leakyRelu(name, input, node.attributes.number('alpha') ?? 0.2, context);
    case 'MaxPool':
    case 'AvgPool': {
      const kernel = spatial(node, 'ksize');
      const stride = spatial(node, 'strides');
      const padding = paddingOf(node, shape, kernel, stride, context, input);
      const pool = { kernel, stride, padding, countPadding: false };
      const made = op === 'MaxPool' ? build.maxPool(name, input, pool) : build.averagePool(name, input, pool);
      return note(made, [...windows(shape, kernel, stride, padding), shape[2]!]);
    }
    case 'Mean': {
      const axes = [...constant(node, 1, context).data].sort().join();
      if (axes !== '1,2') throw unsupported(node, `the axes ${axes}`);
      return note(build.globalAveragePool(name, input), [shape[2]!]);
    }
    case 'Add':
    case 'AddV2': {
      if (sourceOf(node, 1, context).name in context.tensors)
        return note(affine(node, input, context), shape);
      return note(build.add(name, input, inputOf(node, 1, context)), shape);
    }
    case 'ConcatV2': {
      const inputs = node.inputs.slice(0, -1).map((_, at) => inputOf(node, at, context));
      const channels = inputs.reduce((sum, one) => sum + shapes.get(one)!.at(-1)!, 0);
      return note(build.concat(name, inputs), [...shape.slice(0, -1), channels]);
    }
    case 'Pad':
    case 'PadV2': {
      const [, , top, bottom, left, right] = constant(node, 1, context).data;
      context.padding.set(input, [top!, bottom!, left!, right!]);
      return input;
    }
    case 'Reshape':
    case 'Squeeze':
    case 'Flatten': {
      if (shape.length === 1) return input;
      // Rows and columns are removed or put one after another.
      return note(build.flatten(name, input), [elementCount(shape)]);
    }
    case 'Identity':
    case 'StopGradient':
      return input;
    default:
      throw new NetworkError(
        `node '${name}' has the operation ${op}, which is not supported; supported: ${supported}`,
      );
  }
}

function convolution(node: GraphNode, input: string, context: Context): string {
  const { name, op } = node;
  const shape = context.shapes.get(input)!;
  const weight = constant(node, 1, context);
  const stride = spatial(node, 'strides');
  const dilation = node.attributes.numbers('dilations') ?? [1, 1, 1, 1];
  if (dilation.some((value) => value !== 1)) throw unsupported(node, 'dilation');
  const kernel = [weight.shape[0]!, weight.shape[1]!] as const;
  const padding = paddingOf(node, shape, kernel, stride, context, input);
  const isDepthwise = op.includes('Depthwise');
  const filters = isDepthwise ? shape[2]! * weight.shape[3]! : weight.shape[3]!;
  const fused = fusedWith(node, context);
  const bias = fused.bias !== null;
  context.weights[`${name}.weight`] = weight;
  if (fused.bias !== null) context.weights[`${name}.bias`] = fused.bias;
  const groups = isDepthwise ? shape[2]! : 1;
  context.build.conv(name, input, { filters, kernel, stride, padding, groups, bias });
  context.shapes.set(name, [...windows(shape, kernel, stride, padding), filters]);
  return activated(node, fused, context);
}

interface Fused {
  readonly bias: WeightTensor | null;
  readonly activation: string | null;
}

/** The bias and activation of a fused operation, in the order of `fused_ops`. */
function fusedWith(node: GraphNode, context: Context): Fused {
  let bias: WeightTensor | null = null;
  let activation: string | null = null;
  for (const name of node.attributes.texts('fused_ops')) {
    if (name === 'BiasAdd') bias = vector(constant(node, 2, context));
    else if (['Relu', 'Relu6', 'LeakyRelu'].includes(name)) activation = name;
    else throw unsupported(node, `a fused ${name}`);
  }
  return { bias, activation };
}

function activated({ name, attributes }: GraphNode, { activation }: Fused, context: Context): string {
  const { build, shapes } = context;
  const shape = shapes.get(name)!;
  if (activation === null) return name;
  const own = `${name}/activation`;
  if (activation === 'LeakyRelu')
    return leakyRelu(own, name, attributes.number('leakyrelu_alpha') ?? 0.2, context);
  const made = activation === 'Relu' ? build.relu(own, name) : build.relu6(own, name);
  shapes.set(made, shape);
  return made;
}

/** Converts a separate bias or batch norm to a batch norm, which folding puts into the product before it. */
function affine(node: GraphNode, input: string, context: Context): string {
  const { name, op, attributes } = node;
  const isNorm = op.startsWith('FusedBatchNorm');
  const bias = vector(constant(node, isNorm ? 2 : 1, context));
  const filled = (value: number): WeightTensor => ({
    shape: bias.shape,
    data: new Float32Array(bias.data.length).fill(value),
  });
  const part = (index: number): WeightTensor => vector(constant(node, index, context));
  context.weights[`${name}.weight`] = isNorm ? part(1) : filled(1);
  context.weights[`${name}.bias`] = bias;
  context.weights[`${name}.running_mean`] = isNorm ? part(3) : filled(0);
  context.weights[`${name}.running_var`] = isNorm ? part(4) : filled(1);
  return context.build.batchNorm(name, input, {
    epsilon: isNorm ? (attributes.number('epsilon') ?? 1e-4) : 0,
  });
}

function paddingOf(
  node: GraphNode,
  shape: readonly number[],
  kernel: Pair,
  stride: Pair,
  context: Context,
  input: string,
): Sides {
  const before = context.padding.get(input);
  const kind = node.attributes.text('padding');
  if (kind === 'SAME' && before === undefined) {
    return [...samePadding(shape[0]!, kernel[0], stride[0]), ...samePadding(shape[1]!, kernel[1], stride[1])];
  }
  if (kind === 'EXPLICIT') {
    const [, , top, bottom, left, right] = node.attributes.numbers('explicit_paddings') ?? [];
    return [top ?? 0, bottom ?? 0, left ?? 0, right ?? 0];
  }
  if (before !== undefined && (kind === 'SAME' || node.op.endsWith('Pool')))
    throw unsupported(node, 'zero padding before it');
  return before ?? [0, 0, 0, 0];
}

function spatial(node: GraphNode, name: string): Pair {
  const values = node.attributes.numbers(name) ?? [1, 1, 1, 1];
  return [values[1]!, values[2]!];
}

/** The node of an input, skipping identities. */
function sourceOf(node: GraphNode, index: number, { nodes }: Pick<Context, 'nodes'>): GraphNode {
  let source = nodes.get(node.inputs[index] ?? '');
  while (source?.op === 'Identity' && source.inputs.length === 1) source = nodes.get(source.inputs[0]!);
  if (source === undefined) throw new NetworkError(`node '${node.name}' reads a node that does not exist`);
  return source;
}

function inputOf(node: GraphNode, index: number, context: Context): string {
  const source = context.done.get(node.inputs[index] ?? '');
  if (source === undefined)
    throw new NetworkError(
      `node '${node.name}' (${node.op}) computes with a constant, which is not supported`,
    );
  return source;
}

function constant(node: GraphNode, index: number, context: Context): WeightTensor {
  const { name } = sourceOf(node, index, context);
  const tensor = context.tensors[name];
  if (tensor === undefined)
    throw new NetworkError(`node '${node.name}' (${node.op}) has a weight '${name}' that is not a constant`);
  return tensor;
}

function vector({ data }: WeightTensor): WeightTensor {
  return { shape: [data.length], data };
}

function transposed({ shape, data }: WeightTensor): WeightTensor {
  const [rows, columns] = [shape[0]!, shape[1]!];
  return {
    shape: [columns, rows],
    data: Float32Array.from(data, (_, at) => data[(at % rows) * columns + Math.floor(at / rows)]!),
  };
}

function readersOf(nodes: ReadonlyMap<string, GraphNode>): Map<string, GraphNode[]> {
  const readers = new Map<string, GraphNode[]>();
  for (const node of nodes.values()) {
    for (const input of node.inputs) {
      const known = readers.get(input);
      if (known === undefined) readers.set(input, [node]);
      else known.push(node);
    }
  }
  return readers;
}

/** The node of the logits, before the softmax and the identities at the end. */
function behindSoftmax(output: GraphNode, nodes: ReadonlyMap<string, GraphNode>): GraphNode {
  let last = output;
  while (last.op === 'Softmax' || last.op === 'Identity') {
    const before = nodes.get(last.inputs[0] ?? '');
    if (before === undefined) throw new NetworkError(`node '${last.name}' reads a node that does not exist`);
    last = before;
  }
  return last;
}

/** The nodes that `last` depends on, each after those it reads. */
function inOrder(last: GraphNode, nodes: ReadonlyMap<string, GraphNode>): readonly GraphNode[] {
  const sorted: GraphNode[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const stack: { readonly node: GraphNode; readonly isLeaving: boolean }[] = [
    { node: last, isLeaving: false },
  ];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, isLeaving } = top;
    if (isLeaving) {
      state.set(node.name, 'done');
      sorted.push(node);
      continue;
    }
    if (state.get(node.name) === 'open')
      throw new NetworkError(`node '${node.name}' reads itself, directly or through other nodes`);
    if (state.get(node.name) === 'done') continue;
    state.set(node.name, 'open');
    stack.push({ node, isLeaving: true });
    for (const input of node.inputs) {
      const source = nodes.get(input);
      if (source === undefined)
        throw new NetworkError(`node '${node.name}' reads '${input}', which does not exist`);
      if (state.get(input) !== 'done') stack.push({ node: source, isLeaving: false });
    }
  }
  return sorted;
}

function imageShape(input: GraphNode, size: ConvertOptions['size']): readonly [number, number, number] {
  const [, height, width, channels] = input.attributes.shape('shape') ?? [];
  const own = [size?.[0] ?? height, size?.[1] ?? width, channels];
  if (own.every((extent): extent is number => Number.isSafeInteger(extent) && (extent ?? 0) > 0))
    return own as unknown as [number, number, number];
  throw new NetworkError('the model does not fix the size of its images; set `size`');
}

/** Number of classes, from the last product before the output. */
function classesOf(
  last: GraphNode,
  nodes: ReadonlyMap<string, GraphNode>,
  tensors: Context['tensors'],
): number {
  let node: GraphNode | undefined = last;
  while (node !== undefined) {
    if (/MatMul$|Conv2D$/.test(node.op)) {
      const { shape } = tensors[sourceOf(node, 1, { nodes }).name] ?? { shape: [] };
      const width = node.attributes.flag('transpose_b') ? shape[0] : shape.at(-1);
      if (width !== undefined) return width;
    }
    node = nodes.get(node.inputs[0] ?? '');
  }
  throw new NetworkError(
    'the number of classes is unknown, because the model does not end in a matrix product or convolution',
  );
}

function unsupported({ name, op }: GraphNode, what: string): NetworkError {
  return new NetworkError(`node '${name}' (${op}) has ${what}, which is not supported`);
}
