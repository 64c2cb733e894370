/**
 * Converts an ONNX graph to one of our networks, so that it runs on every backend and can be attacked and cached like any
 * other. It reads the operations of image classifiers as PyTorch's exporters, tf2onnx and Paddle write them; an error names any
 * other node. A softmax at the end is left out, since attacks and predictions need logits.
 */
import { logitsOutput } from '../imported/logits-output.ts';
import type { NetworkModel } from '../../values/model.ts';
import { checkModel } from '../network.ts';
import { constantNode, constantOf, folded, shapeOf } from './constants.ts';
import { activationAt, asFeatures, constantAt, labelOf, otherwise, unsupported } from './context.ts';
import type { Context, Conversion } from './context.ts';
import { damaged, OnnxError } from './errors.ts';
import { withoutDeadNodes, withoutNormalisation } from '../imported/finish.ts';
import { isStandard } from './messages.ts';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValueInfo } from './messages.ts';
import { arithmetic, batchNorm, unary } from './pointwise.ts';
import { product } from './products.ts';
import { concatenate, flatten, reshape, squeeze, transpose, unsqueeze } from './shapes.ts';
import type { ExternalData } from './tensor.ts';
import { activation, channelsFirst, channelsLast, shown } from './values.ts';
import type { Activation, Value } from './values.ts';
import { convolution, globalPooling, padding, pooling } from './windows.ts';

export interface OnnxOptions {
  /** For display. */
  readonly architecture: string;
  /** Height and width of the images if the file leaves them open. */
  readonly size?: readonly [height: number, width: number];
  /** Name of the output with the logits, if the file has several. */
  readonly output?: string;
  /** Files beside the model; without it the model must have all its numbers inside. */
  readonly external?: ExternalData;
}

const conversions: Readonly<Record<string, (conversion: Conversion) => Activation>> = {
  Conv: convolution,
  MaxPool: pooling,
  AveragePool: pooling,
  GlobalAveragePool: globalPooling,
  GlobalMaxPool: globalPooling,
  ReduceMean: globalPooling,
  Pad: padding,
  BatchNormalization: batchNorm,
  Relu: unary,
  Sigmoid: unary,
  HardSigmoid: unary,
  HardSwish: unary,
  LeakyRelu: unary,
  PRelu: unary,
  Tanh: unary,
  Clip: unary,
  Neg: unary,
  Add: arithmetic,
  Sub: arithmetic,
  Mul: arithmetic,
  Div: arithmetic,
  Sum: arithmetic,
  Gemm: product,
  MatMul: product,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concatenate,
  Identity: same,
  Dropout: dropout,
  Cast: same,
  CastLike: same,
};

/** The operations that are converted, for messages and documentation. */
export const supportedOperations = [
  ...Object.keys(conversions),
  'Constant',
  'Shape',
  'Softmax',
  'LogSoftmax',
].sort();

/** A model, its preprocessing that which the graph begins with. Throws `OnnxError` or `NetworkError`. */
export function convertOnnx(
  { graph, opset }: OnnxModel,
  { architecture, size, output: wanted, external = noOtherFiles }: OnnxOptions,
): NetworkModel {
  refuseQuantized(graph);
  const input = imageInput(graph);
  const images = imageShape(input, graph, size);
  const { inputShape } = images;
  const last = logitsOf(graph, wanted);
  const needed = nodesBefore(graph, last);
  const context: Context = {
    opset,
    batch: input.shape?.[0] ?? null,
    values: new Map(),
    readers: readersOf(needed),
    nodes: [],
    weights: {},
    shapes: new Map([['input', inputShape]]),
    pads: new Map(),
  };
  for (const [name, tensor] of graph.initializers) context.values.set(name, constantOf(tensor, external));
  context.values.set(input.name, inputValue(context, images));
  for (const node of needed) {
    const value = convertNode(node, context, external);
    if (node.outputs[0] !== undefined) context.values.set(node.outputs[0], value);
  }
  const logits = logitsIn(context, last);
  const { nodes, weights } = withoutDeadNodes(context.nodes, logits.node, context.weights);
  const classes = context.shapes.get(logits.node)![0]!;
  const whole = { architecture, inputShape, nodes, output: logits.node, classes };
  const finished = withoutNormalisation(whole, weights);
  const model: NetworkModel = { kind: 'model', ...finished };
  checkModel(model);
  return model;
}

function convertNode(node: OnnxNode, context: Context, external: ExternalData): Value {
  if (node.op === 'Constant' && isStandard(node.domain)) return constantNode(node, external);
  const inputs = node.inputs.map((name) => {
    if (name === '') return undefined;
    const value = context.values.get(name);
    if (value === undefined)
      throw damaged(`node '${labelOf(node)}' (${node.op}) reads '${name}', which no node before it gives`);
    return value;
  });
  const conversion: Conversion = { node, context, inputs };
  const convert =
    isStandard(node.domain) && Object.hasOwn(conversions, node.op) ? conversions[node.op] : undefined;
  const readsImages = inputs.some((value) => value?.kind === 'activation');
  if (isStandard(node.domain)) {
    if (node.op === 'Shape' && readsImages) return shapeOf(conversion, activationAt(conversion, 0));
    const known = readsImages ? undefined : folded(conversion, external);
    if (known !== undefined) return known;
  }
  if (convert === undefined) throw unknown(node);
  return convert(conversion);
}

function unknown(node: OnnxNode): OnnxError {
  if (['Softmax', 'LogSoftmax'].includes(node.op))
    return unsupported(node, 'a place before the end of the network, as in attention');
  const name = isStandard(node.domain) ? node.op : `${node.domain}.${node.op}`;
  return new OnnxError(
    'not-supported',
    `node '${labelOf(node)}' has the operation ${name}, which is not supported; supported: ${supportedOperations.join(', ')}`,
    otherwise,
  );
}

/** Dropout at inference changes nothing, unless the file says that it draws there as well. */
function dropout(conversion: Conversion): Activation {
  const { node } = conversion;
  const draws = constantAt(conversion, 2)?.floats()[0] ?? 0;
  if (draws !== 0)
    throw unsupported(
      node,
      'training_mode, by which it draws at inference',
      'export the model in evaluation, without dropout that is always on',
    );
  return same(conversion);
}

function same(conversion: Conversion): Activation {
  return activationAt(conversion, 0);
}

function noOtherFiles(location: string): Uint8Array {
  throw new OnnxError(
    'external-data',
    `the weights are in '${location}', which was not given`,
    'give the model as a file with its data beside it',
  );
}

function refuseQuantized({ nodes }: OnnxGraph): void {
  const node = nodes.find(({ op }) => /^(QLinear|Quantize|Dequantize|DynamicQuantize)|Integer$/.test(op));
  if (node !== undefined)
    throw unsupported(
      node,
      'quantised numbers',
      'give the model as it was before quantisation: attacks need gradients, which rounded numbers do not have',
    );
}

/** The input with the images, since older exporters list weights among the inputs too. */
function imageInput({ inputs, initializers }: OnnxGraph): OnnxValueInfo {
  const own = inputs.filter(({ name }) => !initializers.has(name));
  const [first] = own;
  if (first !== undefined && own.length === 1) return first;
  throw new OnnxError(
    'not-supported',
    `the model has ${own.length} inputs${
      own.length > 0
        ? ` (${own
            .slice(0, 8)
            .map(({ name }) => name)
            .join(', ')})`
        : ''
    }, but must have one: the images`,
    'export a network that takes images and nothing else',
  );
}

interface ImageInput {
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** How the file lays the images out; `features` are the pixels of all channels, one channel after another. */
  readonly layout: 'channels-first' | 'channels-last' | 'features';
}

function imageShape(
  { name, shape }: OnnxValueInfo,
  { nodes }: OnnxGraph,
  size: OnnxOptions['size'],
): ImageInput {
  if (shape?.length === 2) return listedPixels(name, shape[1] ?? null, size);
  if (shape?.length !== 4)
    throw new OnnxError(
      'not-supported',
      `the input '${name}' is ${shape === undefined ? 'of an unknown shape' : shown(['batch', ...shape.slice(1)])}, but must be images [batch, channels, height, width]`,
      'export a network that takes images',
    );
  const [, second, third, fourth] = shape as readonly [unknown, number | null, number | null, number | null];
  const isFew = (extent: number | null): boolean => extent === 1 || extent === 3;
  // tf2onnx begins with a Transpose of the images that TensorFlow takes.
  const isLast =
    nodes.some(
      ({ op, inputs, attributes }) =>
        op === 'Transpose' && inputs[0] === name && attributes.get('perm')?.integers.join() === '0,3,1,2',
    ) ||
    (isFew(fourth) && !isFew(second));
  const [height, width, channels] = isLast ? [second, third, fourth] : [third, fourth, second];
  const own = [height ?? size?.[0] ?? null, width ?? size?.[1] ?? null, channels];
  if (size !== undefined && (own[0] !== size[0] || own[1] !== size[1]))
    throw new OnnxError(
      'not-supported',
      `the file takes images of ${shown([height, width])} pixels, but size is ${shown(size)}`,
      'remove size, or export the network with open height and width',
    );
  if (own.every((extent): extent is number => extent !== null && extent > 0 && extent <= 65_536))
    return {
      inputShape: own as unknown as [number, number, number],
      layout: isLast ? 'channels-last' : 'channels-first',
    };
  throw new OnnxError(
    'not-supported',
    `the model leaves the size of its images open: ${shown(['batch', ...shape.slice(1)])}`,
    channels === null
      ? 'export it with a fixed number of channels'
      : 'set size, and also width for images that are not square',
  );
}

/** Images that the file takes as a list of numbers, as networks of dense layers alone do. */
function listedPixels(name: string, count: number | null, size: OnnxOptions['size']): ImageInput {
  const channels = (count ?? NaN) / ((size?.[0] ?? NaN) * (size?.[1] ?? NaN));
  if (Number.isSafeInteger(channels) && channels > 0)
    return { inputShape: [size![0], size![1], channels], layout: 'features' };
  throw new OnnxError(
    'not-supported',
    `the input '${name}' is ${shown(['batch', count])}, which says nothing of the size of the images`,
    'set size, and also width for images that are not square: the numbers are then their pixels, one channel after another',
  );
}

function inputValue(context: Context, { inputShape, layout }: ImageInput): Activation {
  if (layout === 'channels-last') return activation('input', inputShape, channelsLast);
  const images = activation('input', inputShape, channelsFirst);
  if (layout === 'channels-first') return images;
  const node: OnnxNode = {
    name: 'pixels',
    op: 'Flatten',
    domain: '',
    inputs: [],
    outputs: ['pixels'],
    attributes: new Map(),
  };
  return flatten({ node, context, inputs: [images] });
}

const logitsOf = (graph: OnnxGraph, wanted: string | undefined): string =>
  logitsOutput(graph, wanted, {
    called: 'model',
    withoutOutput: () => damaged('its graph has no output'),
    notSupported: (message, fix) => new OnnxError('not-supported', message, fix),
    inputBefore: (node) => {
      if (!['Softmax', 'LogSoftmax', 'Identity'].includes(node.op)) return null;
      const axis = node.attributes.get('axis')?.integer ?? 1;
      if (node.op !== 'Identity' && axis !== 1 && axis !== -1)
        throw unsupported(node, `the axis ${axis}, which is not that of the classes`);
      return node.inputs[0] ?? '';
    },
  });

/** The nodes that a value depends on, in their order, in which each comes after those that it reads. */
function nodesBefore({ nodes }: OnnxGraph, value: string): readonly OnnxNode[] {
  const needed = new Set([value]);
  const kept = [...nodes].reverse().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => name !== '' && needed.has(name))) return false;
    for (const input of inputs) needed.add(input);
    return true;
  });
  return kept.reverse();
}

function readersOf(nodes: readonly OnnxNode[]): Map<string, number> {
  const readers = new Map<string, number>();
  for (const { inputs } of nodes)
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  return readers;
}

function logitsIn(context: Context, name: string): Activation {
  const value = context.values.get(name);
  const node: OnnxNode = {
    name,
    op: 'output',
    domain: '',
    inputs: [],
    outputs: [name],
    attributes: new Map(),
  };
  if (value?.kind !== 'activation')
    throw new OnnxError('not-supported', `the output '${name}' does not depend on the images`, otherwise);
  if (value.dims.filter((extent) => extent !== 1).length > 1)
    throw new OnnxError(
      'not-supported',
      `the output '${name}' is ${shown(['batch', ...value.dims])}, but must be [batch, classes]: one logit for each class`,
      'export the whole classifier, not only its features',
    );
  const logits = asFeatures({ node, context, inputs: [] }, value);
  if (logits.order !== null)
    throw new OnnxError(
      'not-supported',
      `the output '${name}' is a flattened image, so its numbers are not logits of classes`,
      'export the whole classifier, not only its features',
    );
  if (logits.node === 'input')
    throw new OnnxError('not-supported', `the output '${name}' is the input`, otherwise);
  return logits;
}
