/** Activations, batch norms, and arithmetic of an activation with constants or with another. */
import { elementCount } from '../../values/element-count.ts';
import { walk } from '../imported/walk.ts';
import {
  activationOf,
  booleanOf,
  floatOf,
  inEvaluation,
  moduleName,
  numberOf,
  push,
  spend,
  textOf,
  unsupported,
  valueOf,
  vector,
  vectorOf,
  weigh,
} from './context.ts';
import type { Conversion, NodeWithoutName } from './context.ts';
import { alike, broadcastTo, withLast } from './layout.ts';
import { shown } from './values.ts';
import type { Activation, ConstantValue, Extent } from './values.ts';

/** Operations of one input and nothing else, by their names after `aten.`. */
const simple: Readonly<Record<string, 'relu' | 'relu6' | 'sigmoid' | 'silu' | 'hard-swish' | 'reciprocal'>> =
  {
    relu: 'relu',
    relu6: 'relu6',
    sigmoid: 'sigmoid',
    silu: 'silu',
    hardswish: 'hard-swish',
    reciprocal: 'reciprocal',
  };

/**
 * Converts an operation on each number of one tensor. `name` is without the underscore that operations in place
 * end with.
 */
export function unary(conversion: Conversion, name: string): Activation {
  const { node } = conversion;
  const input = activationOf(conversion, 'self');
  const op = Object.hasOwn(simple, name) ? simple[name] : undefined;
  if (op !== undefined) return applied(conversion, input, { op, inputs: [input.node] });
  switch (name) {
    case 'hardsigmoid':
      return applied(conversion, input, {
        op: 'hard-sigmoid',
        inputs: [input.node],
        slope: 1 / 6,
        offset: 0.5,
      });
    case 'gelu': {
      const approximate = textOf(conversion, 'approximate', 'none');
      if (approximate !== 'none' && approximate !== 'tanh')
        throw unsupported(node, 'an unknown approximation');
      return applied(conversion, input, { op: 'gelu', inputs: [input.node], approximate });
    }
    case 'neg':
      return scaled(conversion, input, -1);
    case 'tanh': {
      // tanh x = 2 σ(2 x) − 1.
      const doubled = scaled(conversion, input, 2);
      const gate = applied(conversion, doubled, { op: 'sigmoid', inputs: [doubled.node] });
      return affine(conversion, gate, [2], [-1]);
    }
    case 'leaky_relu': {
      // max(x, 0) − slope · max(−x, 0).
      const slope = floatOf(conversion, 'negative_slope', 0.01);
      const positive = applied(conversion, input, { op: 'relu', inputs: [input.node] });
      const minus = scaled(conversion, input, -1);
      const negative = scaled(
        conversion,
        applied(conversion, minus, { op: 'relu', inputs: [minus.node] }),
        -slope,
      );
      return applied(conversion, input, { op: 'add', inputs: [positive.node, negative.node] });
    }
    default:
      return clamp(conversion, input, name);
  }
}

/** aten.clamp and aten.hardtanh between bounds, of which one may be missing. */
function clamp(conversion: Conversion, input: Activation, name: string): Activation {
  const { node } = conversion;
  const isTanh = name === 'hardtanh';
  const bound = (key: string, fallback: number): number => {
    const given = node.inputs.get(key);
    if (given === undefined || given.kind === 'none') return fallback;
    return numberOf(given) ?? NaN;
  };
  const [low, high] = isTanh
    ? [bound('min_val', -1), bound('max_val', 1)]
    : [bound('min', -Infinity), bound('max', Infinity)];
  if (!(low < high)) throw unsupported(node, `the bounds ${low} and ${high}`);
  if (low === -Infinity && high === Infinity) return input;
  if (low === 0 && (high === 6 || high === Infinity))
    return applied(conversion, input, { op: high === 6 ? 'relu6' : 'relu', inputs: [input.node] });
  // Any other bounds are those of ReLU or ReLU6, moved and stretched; an upper bound alone is a lower one, turned over.
  const bottom = low === -Infinity ? high : low;
  const width = low === -Infinity ? -1 : high === Infinity ? 1 : (high - low) / 6;
  const moved = affine(conversion, input, [1 / width], [-bottom / width]);
  const op = Number.isFinite(high) && low !== -Infinity ? 'relu6' : 'relu';
  return affine(conversion, applied(conversion, moved, { op, inputs: [moved.node] }), [width], [bottom]);
}

function applied(conversion: Conversion, input: Activation, node: NodeWithoutName): Activation {
  return { ...input, node: push(conversion.context, conversion.node.label, node) };
}

function scaled(conversion: Conversion, input: Activation, factor: number): Activation {
  if (factor === 1) return input;
  if (!Number.isFinite(factor)) throw unsupported(conversion.node, 'a factor that is not finite');
  return applied(conversion, input, { op: 'scale', inputs: [input.node], factor });
}

/** `scale · x + shift` with one of both for each place of our last axis, or for all. */
function affine(
  conversion: Conversion,
  input: Activation,
  scale: ArrayLike<number>,
  shift: ArrayLike<number>,
): Activation {
  const { node, context } = conversion;
  const channels = context.shapes.get(input.node)!.at(-1)!;
  spend(context, 2 * channels);
  const spread = (values: ArrayLike<number>): Float32Array =>
    Float32Array.from({ length: channels }, (_, channel) => values[values.length === 1 ? 0 : channel]!);
  const [weight, bias] = [spread(scale), spread(shift)];
  if (![weight, bias].every((values) => values.every(Number.isFinite)))
    throw unsupported(node, 'a constant that is not finite, or a division by zero');
  const mapped = applied(conversion, input, { op: 'affine', inputs: [input.node] });
  weigh(context, mapped.node, 'weight', vector(weight));
  weigh(context, mapped.node, 'bias', vector(bias));
  return mapped;
}

/** aten.batch_norm, which stays one, so that the network can be trained. */
export function batchNorm(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationOf(conversion, 'input');
  const channels = input.dims[1];
  if (booleanOf(conversion, 'training', false))
    throw unsupported(node, 'the statistics of each batch', inEvaluation);
  if (input.axes[0] !== 'batch' || typeof channels !== 'number')
    throw unsupported(node, `an input of the dimensions ${shown(input.dims)}`);
  const own = withLast(conversion, input, 1);
  const parts = {
    weight: vectorOf(conversion, 'weight', channels, 1),
    bias: vectorOf(conversion, 'bias', channels, 0),
    running_mean: vectorOf(conversion, 'running_mean', channels, 0),
    running_var: vectorOf(conversion, 'running_var', channels, 1),
  };
  const [epsilon, momentum] = [floatOf(conversion, 'eps', 1e-5), floatOf(conversion, 'momentum', 0.1)];
  const name = push(context, moduleName(conversion), {
    op: 'batch-norm',
    inputs: [own.node],
    epsilon,
    momentum,
  });
  for (const [part, values] of Object.entries(parts)) weigh(context, name, part, vector(values));
  return { ...own, node: name };
}

/** aten.add, sub, rsub, mul and div. */
export function arithmetic(conversion: Conversion, name: string): Activation {
  const { node } = conversion;
  const operands = [valueOf(conversion, 'self'), valueOf(conversion, 'other')] as const;
  if (node.inputs.get('rounding_mode')?.kind === 'text') throw unsupported(node, 'a rounding_mode');
  const isReversed = name === 'rsub';
  const [left, right] = isReversed ? [operands[1], operands[0]] : operands;
  // `alpha` belongs to the second operand as PyTorch writes it.
  const alpha = name === 'mul' || name === 'div' ? 1 : floatOf(conversion, 'alpha', 1);
  const sign = name === 'add' ? 1 : -1;
  const [own, other] = isReversed ? [1, -alpha] : [1, sign * alpha];
  if (isReversed && alpha !== 1) throw unsupported(node, 'an alpha');
  if (left === undefined || right === undefined || left.kind === 'batch' || right.kind === 'batch')
    throw unsupported(node, 'arithmetic with the number of images');
  if (left.kind === 'constant' && right.kind === 'constant') throw unsupported(node, 'two constants');
  const isProduct = name === 'mul' || name === 'div';
  if (left.kind === 'activation' && right.kind === 'activation') {
    const second =
      name === 'div' ? applied(conversion, right, { op: 'reciprocal', inputs: [right.node] }) : right;
    return isProduct
      ? multiplied(conversion, left, second)
      : sum(conversion, left, scaled(conversion, second, other));
  }
  if (left.kind === 'activation' && right.kind === 'constant')
    return isProduct
      ? timesConstant(conversion, left, right, name === 'div')
      : added(conversion, scaled(conversion, left, own), right, other);
  const [constant, input] = [left as ConstantValue, right as Activation];
  if (!isProduct) return added(conversion, scaled(conversion, input, other), constant, own);
  const inner =
    name === 'div' ? applied(conversion, input, { op: 'reciprocal', inputs: [input.node] }) : input;
  return timesConstant(conversion, inner, constant, false);
}

/** The extents of both, with those of 1 repeated. */
function common(
  conversion: Conversion,
  left: readonly Extent[],
  right: readonly Extent[],
): readonly Extent[] {
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, at) => {
    const [first, second] = [left, right].map((dims) => dims[at + dims.length - rank] ?? 1);
    if (first === second || second === 1) return first!;
    if (first === 1) return second!;
    throw unsupported(conversion.node, `inputs of the dimensions ${shown(left)} and ${shown(right)}`);
  });
}

function sum(conversion: Conversion, left: Activation, right: Activation): Activation {
  const dims = common(conversion, left.dims, right.dims);
  const [first, second] = [left, right].map((value) => broadcastTo(conversion, value, dims));
  return applied(conversion, first!, {
    op: 'add',
    inputs: [first!.node, alike(conversion, second!, first!)],
  });
}

function multiplied(conversion: Conversion, left: Activation, right: Activation): Activation {
  const dims = common(conversion, left.dims, right.dims);
  const { shapes } = conversion.context;
  const [image, factor] = left.dims.join() === dims.join() ? [left, right] : [right, left];
  const channel = image.axes.indexOf(2);
  const isPerChannel =
    image.dims.join() === dims.join() &&
    factor.dims.length === dims.length &&
    shapes.get(image.node)!.length === 3 &&
    channel >= 0 &&
    factor.dims.every(
      (extent, dim) => extent === (dim === channel || image.axes[dim] === 'batch' ? dims[dim] : 1),
    );
  if (isPerChannel) {
    const names = shapes.get(factor.node)!.join();
    const own = [`${shapes.get(image.node)![2]!}`, `1,1,${shapes.get(image.node)![2]!}`];
    if (own.includes(names))
      return applied(conversion, image, { op: 'multiply', inputs: [image.node, factor.node] });
  }
  const [first, second] = [left, right].map((value) => broadcastTo(conversion, value, dims));
  return applied(conversion, first!, {
    op: 'multiply',
    inputs: [first!.node, alike(conversion, second!, first!)],
  });
}

/** Where a constant varies, in the dimensions of the activation, which is repeated if the constant is larger. */
function against(
  conversion: Conversion,
  input: Activation,
  value: ConstantValue,
): { readonly whole: Activation; readonly shape: readonly number[]; readonly varies: readonly number[] } {
  const rank = Math.max(input.dims.length, value.shape.length);
  const shape = [...Array.from({ length: rank - value.shape.length }, () => 1), ...value.shape];
  const whole = broadcastTo(conversion, input, common(conversion, input.dims, value.shape));
  const varies = shape.flatMap((extent, dim) => (extent === 1 ? [] : [dim]));
  if (varies.some((dim) => whole.axes[dim] === 'batch' || whole.dims[dim] !== shape[dim]))
    throw unsupported(
      conversion.node,
      `a constant of the shape ${shown(value.shape)} for ${shown(input.dims)}`,
    );
  return { whole, shape, varies };
}

/** `x + factor · constant`. */
export function added(
  conversion: Conversion,
  input: Activation,
  value: ConstantValue,
  factor: number,
): Activation {
  const { context, node } = conversion;
  const { whole, shape, varies } = against(conversion, input, value);
  if (varies.length <= 1) {
    const numbers = value.floats().map((number) => factor * number);
    if (varies.length === 0 && numbers[0] === 0) return whole;
    const own = varies.length === 0 ? whole : withLast(conversion, whole, varies[0]!);
    return affine(conversion, own, [1], numbers);
  }
  const own = context.shapes.get(whole.node)!;
  const count = elementCount(own);
  spend(context, count);
  const steps = shape.map((extent, dim) => (extent === 1 ? 0 : elementCount(shape.slice(dim + 1))));
  const from = value.floats();
  const data = Float32Array.from(
    walk(own, own.map((_, axis) => steps[whole.axes.indexOf(axis)] ?? 0), 0), // prettier-ignore
    (place) => factor * from[place]!,
  );
  if (!data.every(Number.isFinite)) throw unsupported(node, 'a constant that is not finite');
  const moved = applied(conversion, whole, { op: 'offset', inputs: [whole.node] });
  weigh(context, moved.node, 'bias', { shape: own, data });
  return moved;
}

function timesConstant(
  conversion: Conversion,
  input: Activation,
  value: ConstantValue,
  isDivisor: boolean,
): Activation {
  const { whole, varies } = against(conversion, input, value);
  if (varies.length > 1)
    throw unsupported(
      conversion.node,
      `factors of the shape ${shown(value.shape)}, which differ in more than one dimension`,
    );
  const numbers = value.floats().map((number) => (isDivisor ? 1 / number : number));
  if (varies.length === 0) return scaled(conversion, whole, numbers[0]!);
  return affine(conversion, withLast(conversion, whole, varies[0]!), numbers, [0]);
}
