/** Convolutions and pooling. */
import { elementCount } from '../../values/element-count.ts';
import { samePadding } from '../../tensors/padding.ts';
import { commonDivisor, filterOf } from '../imported/filters.ts';
import {
  activationOf,
  booleanOf,
  constantOf,
  dimOf,
  integerOf,
  integersOf,
  moduleName,
  numberOf,
  push,
  spend,
  textOf,
  unsupported,
  vectorOf,
  weigh,
  vector,
} from './context.ts';
import type { Conversion } from './context.ts';
import { asImage, imagesOf, laidOut, restOf } from './layout.ts';
import { shown } from './values.ts';
import type { Activation } from './values.ts';

type Pair = readonly [height: number, width: number];
type Sides = readonly [top: number, bottom: number, left: number, right: number];

const mostKernel = 255;
const mostPadding = 4096;

/** aten.conv2d and aten.convolution over images. */
export function convolution(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const weight = constantOf(conversion, 'weight');
  if (weight?.shape.length !== 4)
    throw unsupported(node, `a filter of the shape ${shown(weight?.shape ?? [])}, not of images`);
  if (booleanOf(conversion, 'transposed', false)) throw unsupported(node, 'a transposed filter');
  const images = asImage(conversion, activationOf(conversion, 'input'));
  const [height, width, channels] = context.shapes.get(images) as [number, number, number];
  const [filters, depth, rows, columns] = weight.shape as [number, number, number, number];
  const groups = integerOf(conversion, 'groups', 1);
  if (!(groups >= 1) || depth * groups !== channels)
    throw unsupported(node, `${groups} groups of ${depth} channels for ${channels} channels`);
  const dilation = pair(conversion, 'dilation', [1, 1], 1);
  const kernel = [(rows - 1) * dilation[0] + 1, (columns - 1) * dilation[1] + 1] as const;
  if (!(Math.max(...kernel) <= mostKernel)) throw unsupported(node, `a window of ${kernel.join(' × ')}`);
  const stride = pair(conversion, 'stride', [1, 1], 1);
  const step = commonDivisor(stride[0], stride[1]);
  const padding = convolutionPadding(conversion, [height, width], kernel, stride);
  const bias = constantOf(conversion, 'bias');
  spend(context, elementCount(kernel) * depth * filters);
  const name = push(context, moduleName(conversion), {
    op: 'conv',
    inputs: [images],
    kernel,
    stride: [step, step],
    padding,
    filters,
    groups,
    bias: bias !== undefined,
  });
  const isDepthwise = groups > 1 && groups === channels;
  weigh(context, name, 'weight', filterOf(weight, kernel, dilation, isDepthwise ? groups : null));
  if (bias !== undefined) weigh(context, name, 'bias', vector(vectorOf(conversion, 'bias', filters, 0)));
  const whole = imagesOf(conversion, name);
  if (stride[0] === stride[1]) return whole;
  // Every n-th pixel, because not every backend has gradients of convolutions with unequal strides.
  const rest = [stride[0] / step, stride[1] / step] as const;
  const kept = {
    kernel: [1, 1],
    stride: rest,
    padding: [0, 0, 0, 0],
    ceil: false,
    countPadding: false,
  } as const;
  return imagesOf(
    conversion,
    push(context, `${node.label}/strided`, { op: 'average-pool', inputs: [name], ...kept }),
  );
}

function convolutionPadding(
  conversion: Conversion,
  [height, width]: Pair,
  kernel: Pair,
  stride: Pair,
): Sides {
  const word = textOf(conversion, 'padding', '');
  if (word === 'valid') return [0, 0, 0, 0];
  if (word === 'same') {
    const [rows, columns] = [
      samePadding(height, kernel[0], stride[0]),
      samePadding(width, kernel[1], stride[1]),
    ];
    return [...rows, ...columns];
  }
  const [down, across] = pair(conversion, 'padding', [0, 0], 0);
  return [down, down, across, across];
}

function pair(conversion: Conversion, name: string, fallback: Pair, least: number): Pair {
  const given = integersOf(conversion, name, fallback);
  const values = given.length === 0 ? fallback : given.length === 1 ? [given[0]!, given[0]!] : given;
  if (
    values.length === 2 &&
    values.every((value) => Number.isSafeInteger(value) && value >= least && value <= mostPadding)
  )
    return [values[0]!, values[1]!];
  throw unsupported(conversion.node, `the ${name} ${shown(values)}`);
}

/** aten.max_pool2d and aten.avg_pool2d. */
export function pooling(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const images = asImage(conversion, activationOf(conversion, 'self'));
  const kernel = pair(conversion, 'kernel_size', [0, 0], 1);
  const stride = pair(conversion, 'stride', kernel, 1);
  const [down, across] = pair(conversion, 'padding', [0, 0], 0);
  if (pair(conversion, 'dilation', [1, 1], 1).some((one) => one !== 1)) throw unsupported(node, 'a dilation');
  if (numberOf(node.inputs.get('divisor_override')) !== undefined)
    throw unsupported(node, 'a divisor_override');
  const isMaximum = node.target.includes('max_pool2d');
  const name = push(context, node.label, {
    op: isMaximum ? 'max-pool' : 'average-pool',
    inputs: [images],
    kernel,
    stride,
    padding: [down, down, across, across],
    ceil: booleanOf(conversion, 'ceil_mode', false),
    countPadding: !isMaximum && booleanOf(conversion, 'count_include_pad', true),
  });
  return imagesOf(conversion, name);
}

/** aten.adaptive_avg_pool2d to one number for each channel, or to windows of one size. */
export function adaptivePooling(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationOf(conversion, 'self');
  const images = asImage(conversion, input);
  const [height, width] = context.shapes.get(images) as [number, number, number];
  const [rows, columns] = pair(conversion, 'output_size', [1, 1], 1);
  if (rows === height && columns === width) return input;
  if (rows === 1 && columns === 1) return meanOver(conversion, input, [2, 3], true);
  if (height % rows !== 0 || width % columns !== 0)
    throw unsupported(node, `windows of different sizes, for ${rows} × ${columns} of ${height} × ${width}`);
  const kernel = [height / rows, width / columns] as const;
  const options = {
    kernel,
    stride: kernel,
    padding: [0, 0, 0, 0],
    ceil: false,
    countPadding: false,
  } as const;
  return imagesOf(
    conversion,
    push(context, node.label, { op: 'average-pool', inputs: [images], ...options }),
  );
}

/** aten.mean.dim. */
export function mean(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const rank = input.dims.length;
  const dims = integersOf(conversion, 'dim', []).map((dim) => dimOf(conversion, dim, rank));
  if (dims.length === 0) throw unsupported(conversion.node, 'no dim, so it would mix images');
  return meanOver(conversion, input, dims, booleanOf(conversion, 'keepdim', false));
}

function meanOver(
  conversion: Conversion,
  input: Activation,
  over: readonly number[],
  keep: boolean,
): Activation {
  const { node, context } = conversion;
  if (over.some((dim) => input.axes[dim] === 'batch'))
    throw unsupported(node, 'the dimension of the images, which it would mix');
  const kept = restOf(input).filter((dim) => !over.includes(dim));
  // Both as our axes are, so that images need not move.
  const place = (dim: number): number => (typeof input.axes[dim] === 'number' ? input.axes[dim] : -1);
  const [first, last] = [[...over], kept].map((dims) => dims.sort((a, b) => place(a) - place(b)));
  const count = (dims: readonly number[]): number =>
    elementCount(dims.map((dim) => input.dims[dim] as number));
  const rows = laidOut(conversion, input, [...first!, ...last!], [count(first!), 1, count(last!)]);
  const name = push(context, node.label, { op: 'global-average-pool', inputs: [rows] });
  const left = last!.filter((dim) => input.dims[dim] !== 1);
  const pooled =
    left.length > 1
      ? push(context, `${node.label}/shape`, { op: 'reshape', inputs: [name], shape: left.map((dim) => input.dims[dim] as number) }) // prettier-ignore
      : name;
  const whole: Activation = {
    kind: 'activation',
    node: pooled,
    dims: input.dims.map((extent, dim) => (over.includes(dim) ? 1 : extent)),
    axes: input.axes.map((axis, dim) =>
      axis === 'batch' ? axis : left.includes(dim) ? left.indexOf(dim) : null,
    ),
  };
  if (keep) return whole;
  const stays = (_: unknown, dim: number): boolean => !over.includes(dim);
  return { ...whole, dims: whole.dims.filter(stays), axes: whole.axes.filter(stays) };
}
