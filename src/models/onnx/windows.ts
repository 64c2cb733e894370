/** Convolutions, pooling and padding. */
import { samePadding } from '../../tensors/padding.ts';
import { commonDivisor, filterOf } from '../imported/filters.ts';
import {
  activationAt,
  asImage,
  constantAt,
  extentsAt,
  floatOf,
  fresh,
  integerOf,
  integersOf,
  labelOf,
  push,
  textOf,
  unsupported,
  weightAt,
} from './context.ts';
import type { Context, Conversion, Sides } from './context.ts';
import { activation, channelsFirst, hasAxes, shown } from './values.ts';
import type { Activation } from './values.ts';

type Pair = readonly [height: number, width: number];

export function convolution(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const weight = weightAt(conversion, 1);
  const bias = constantAt(conversion, 2);
  const input = activationAt(conversion, 0);
  if (weight.shape.length !== 4 || input.dims.length !== 3)
    throw unsupported(
      node,
      `a filter of the shape ${shown(weight.shape)} for ${shown(['batch', ...input.dims])}`,
      twoDimensional,
    );
  const padded = context.pads.get(input.node);
  const images = asImage(conversion, padded?.source ?? input);
  const [height, width, channels] = context.shapes.get(images.node) as [number, number, number];
  const [filters, depth, rows, columns] = weight.shape as [number, number, number, number];
  const groups = integerOf(node, 'group', 1);
  if (!(groups >= 1) || depth * groups !== channels)
    throw unsupported(node, `${groups} groups of ${depth} channels for ${channels} channels`);
  const dilation = pair(conversion, 'dilations', [1, 1]);
  const kernel = [(rows - 1) * dilation[0] + 1, (columns - 1) * dilation[1] + 1] as const;
  if (!(Math.max(...kernel) <= mostKernel)) throw unsupported(node, `a window of ${kernel.join(' × ')}`);
  const stride = pair(conversion, 'strides', [1, 1]);
  const before = padded?.sides ?? ([0, 0, 0, 0] as const);
  const extent = [height + before[0] + before[1], width + before[2] + before[3]] as const;
  const own = paddingOf(conversion, extent, kernel, stride);
  const padding = before.map((side, at) => side + own[at]!) as unknown as Sides;
  const name = fresh(context, labelOf(node));
  const isDepthwise = groups > 1 && groups === channels;
  context.weights[`${name}.weight`] = filterOf(weight, kernel, dilation, isDepthwise ? groups : null);
  if (bias !== undefined) context.weights[`${name}.bias`] = { shape: [bias.size], data: bias.floats() };
  const step = commonDivisor(stride[0], stride[1]);
  push(context, {
    op: 'conv',
    name,
    inputs: [images.node],
    kernel,
    stride: [step, step],
    padding,
    filters,
    groups,
    bias: bias !== undefined,
  });
  const whole = activation(name, context.shapes.get(name)!, channelsFirst);
  return stride[0] === stride[1] ? whole : everyOther(context, whole, [stride[0] / step, stride[1] / step]);
}

/** Every n-th pixel, because not every backend has gradients of convolutions with unequal strides. */
function everyOther(context: Context, images: Activation, stride: Pair): Activation {
  const name = fresh(context, `${images.node}/strided`);
  push(context, {
    op: 'average-pool',
    name,
    inputs: [images.node],
    kernel: [1, 1],
    stride,
    padding: [0, 0, 0, 0],
    ceil: false,
    countPadding: false,
  });
  return activation(name, context.shapes.get(name)!, channelsFirst);
}

const mostKernel = 255;
const twoDimensional =
  'give a network of images: only convolutions and pooling over height and width are read';

export function pooling(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationAt(conversion, 0);
  if (input.dims.length !== 3)
    throw unsupported(node, `an input of the dimensions ${shown(['batch', ...input.dims])}`, twoDimensional);
  const isAverage = node.op === 'AveragePool';
  const countPadding = integerOf(node, 'count_include_pad', 0) !== 0;
  const ceil = integerOf(node, 'ceil_mode', 0) !== 0;
  const dilation = pair(conversion, 'dilations', [1, 1]);
  if (dilation[0] !== 1 || dilation[1] !== 1) throw unsupported(node, `the dilations ${dilation.join(', ')}`);
  const kernel = pair(conversion, 'kernel_shape', undefined);
  const stride = pair(conversion, 'strides', [1, 1]);
  const extents = (of: Activation): Pair => {
    const [height, width] = context.shapes.get(of.node)!;
    return [height!, width!];
  };
  const padded = isAverage ? context.pads.get(input.node) : undefined;
  let images = asImage(conversion, input);
  let padding = paddingOf(conversion, extents(images), kernel, stride);
  let counts = countPadding;
  // TorchScript writes a mean that counts its padding as a Pad and a mean without padding.
  if (padded !== undefined && padding.every((side) => side === 0) && fits(padded.sides, kernel) && !ceil) {
    images = asImage(conversion, padded.source);
    padding = padded.sides;
    counts = true;
  }
  const name = fresh(context, labelOf(node));
  push(context, {
    op: isAverage ? 'average-pool' : 'max-pool',
    name,
    inputs: [images.node],
    kernel,
    stride,
    padding,
    ceil,
    countPadding: isAverage && counts,
  });
  return activation(name, context.shapes.get(name)!, channelsFirst);
}

function fits(sides: Sides, [height, width]: Pair): boolean {
  return Math.max(sides[0], sides[1]) < height && Math.max(sides[2], sides[3]) < width;
}

/** GlobalAveragePool, GlobalMaxPool, and ReduceMean over height and width. */
export function globalPooling(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationAt(conversion, 0);
  const shape = context.shapes.get(input.node)!;
  const rank = input.dims.length + 1;
  const isReduce = node.op === 'ReduceMean';
  const axes = isReduce
    ? (integersOf(node, 'axes') ?? (extentsAt(conversion, 1) as readonly number[] | undefined))
    : input.dims.slice(1).map((_, at) => at + 2);
  const given = (axes ?? []).map((axis) => (axis < 0 ? axis + rank : axis));
  const reduced = input.dims.map((_, at) => given.includes(at + 1));
  if (given.length === 0 && isReduce) throw unsupported(node, 'no axes, so it would mix images');
  if (given.includes(0)) throw unsupported(node, 'the axis 0, so it would mix images');
  const isWhole =
    shape.length === 3 &&
    input.axes.every((axis, at) => axis === null || reduced[at] === axis < 2) &&
    input.dims.length >= 2;
  const keep = !isReduce || integerOf(node, 'keepdims', 1) !== 0;
  const remaining = (of: readonly (number | null)[]): (number | null)[] =>
    keep ? of.map((one, at) => (reduced[at] === true ? null : one)) : of.filter((_, at) => !reduced[at]);
  const left = remaining(input.dims).map((extent) => extent ?? 1);
  if (isWhole && left.filter((extent) => extent !== 1).length <= 1) {
    const name = fresh(context, labelOf(node));
    if (node.op === 'GlobalMaxPool') {
      const kernel = [shape[0]!, shape[1]!] as const;
      push(context, { op: 'max-pool', name, inputs: [input.node], kernel, stride: kernel, padding: [0, 0, 0, 0], ceil: false, countPadding: false }); // prettier-ignore
      return activation(name, context.shapes.get(name)!, channelsFirst);
    }
    push(context, { op: 'global-average-pool', name, inputs: [input.node] });
    return {
      kind: 'activation',
      node: name,
      dims: left,
      axes: left.map((extent) => (extent === 1 ? null : 0)),
      order: null,
    };
  }
  // Of a list of features, a mean over dimensions of extent 1 changes nothing.
  if (input.dims.every((extent, at) => reduced[at] !== true || extent === 1))
    return { ...input, dims: left, axes: remaining(input.axes) };
  throw unsupported(
    node,
    `the axes ${given.join(', ')} of ${shown(['batch', ...input.dims])}; only height and width together`,
  );
}

/** Zeros around the image. A convolution after it takes them as its own padding; for others it is a node. */
export function padding(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationAt(conversion, 0);
  const mode = textOf(node, 'mode', 'constant');
  const fixed = integersOf(node, 'pads') ?? integersOf(node, 'paddings');
  const given = fixed ?? (extentsAt(conversion, 1) as readonly number[] | undefined) ?? [];
  const value = constantAt(conversion, 2)?.floats()[0] ?? floatOf(node, 'value', 0);
  const rank = input.dims.length + 1;
  const axes =
    (extentsAt(conversion, 3) as readonly number[] | undefined) ??
    Array.from({ length: rank }, (_, at) => at);
  const sides = new Map(
    axes.map((axis, at) => [axis < 0 ? axis + rank : axis, [given[at], given[at + axes.length]] as const]),
  );
  const side = (axis: number, end: 0 | 1): number => sides.get(axis)?.[end] ?? 0;
  const all = [...sides.values()].flat();
  if (all.every((count) => count === 0)) return input;
  if (mode !== 'constant' || value !== 0)
    throw unsupported(node, mode === 'constant' ? `the value ${value}` : `the mode ${mode}`);
  if (!all.every((count) => Number.isInteger(count) && count! >= 0 && count! <= mostPadding))
    throw unsupported(node, `the sides ${shown(given)}`);
  if (rank !== 4) throw unsupported(node, `an input of ${rank} dimensions`, twoDimensional);
  const isFirst = hasAxes(input, channelsFirst);
  const images = isFirst ? asImage(conversion, input) : input;
  const [rows, columns, channels] = isFirst ? [2, 3, 1] : [1, 2, 3];
  if (!isFirst && !hasAxes(input, [0, 1, 2])) throw unsupported(node, 'dimensions in an unknown order');
  if (side(0, 0) + side(0, 1) + side(channels, 0) + side(channels, 1) > 0)
    throw unsupported(node, 'padding of channels or images');
  const padded = [side(rows, 0), side(rows, 1), side(columns, 0), side(columns, 1)] as const;
  const depth = context.shapes.get(images.node)![2]!;
  const name = fresh(context, labelOf(node));
  // A convolution that copies every pixel, because no operation of ours pads alone.
  const window = { kernel: [1, 1], stride: [1, 1], padding: padded, filters: depth, groups: depth } as const;
  push(context, { op: 'conv', name, inputs: [images.node], ...window, bias: false });
  context.weights[`${name}.weight`] = { shape: [1, 1, depth, 1], data: new Float32Array(depth).fill(1) };
  context.pads.set(name, { source: images, sides: padded });
  return activation(name, context.shapes.get(name)!, isFirst ? channelsFirst : [0, 1, 2]);
}

const mostPadding = 4096;

/** `pads` are top, left, bottom, right; `auto_pad` is TensorFlow's padding, with the odd pixel after or before. */
function paddingOf(conversion: Conversion, [height, width]: Pair, kernel: Pair, stride: Pair): Sides {
  const { node } = conversion;
  const kind = textOf(node, 'auto_pad', 'NOTSET');
  if (kind === 'VALID') return [0, 0, 0, 0];
  if (kind === 'SAME_UPPER' || kind === 'SAME_LOWER') {
    const rows = samePadding(height, kernel[0], stride[0]);
    const columns = samePadding(width, kernel[1], stride[1]);
    return kind === 'SAME_UPPER' ? [...rows, ...columns] : [rows[1], rows[0], columns[1], columns[0]];
  }
  if (kind !== 'NOTSET' && kind !== '') throw unsupported(node, `auto_pad ${kind}`);
  const pads = integersOf(node, 'pads') ?? [0, 0, 0, 0];
  if (pads.length !== 4 || !pads.every((side) => Number.isInteger(side) && side >= 0 && side <= mostPadding))
    throw unsupported(node, `the pads ${shown(pads)}`);
  const [top, left, bottom, right] = pads as [number, number, number, number];
  return [top, bottom, left, right];
}

function pair({ node }: Conversion, name: string, fallback: Pair | undefined): Pair {
  const values = integersOf(node, name) ?? fallback;
  if (
    values?.length === 2 &&
    values.every((value) => Number.isSafeInteger(value) && value >= 1 && value <= 65_536)
  )
    return [values[0]!, values[1]!];
  throw unsupported(
    node,
    values === undefined ? `no ${name}` : `the ${name} ${shown(values)}`,
    twoDimensional,
  );
}
