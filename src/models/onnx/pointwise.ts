/** Activations, and arithmetic of an activation with constants or with another activation. */
import {
  activationAt,
  asImage,
  constantAt,
  floatOf,
  fresh,
  integerOf,
  labelOf,
  push,
  renamed,
  unsupported,
  weightAt,
} from './context.ts';
import type { Context, Conversion } from './context.ts';
import { shown } from './values.ts';
import type { Activation, ConstantValue } from './values.ts';
import { elementCount } from '../../values/element-count.ts';

/** Per channel, or for all channels alike, `y = scale · x + shift`. */
interface Affine {
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/**
 * Converts to a batch norm with the running statistics of the identity, which folding puts into the convolution before it.
 * What is known to follow one node alone goes into that node: a bias into a dense layer, an affine map into another.
 */
export function affine(
  { node, context }: Conversion,
  input: Activation,
  { scale, shift }: Affine,
  wanted = labelOf(node),
): Activation {
  const channels = context.shapes.get(input.node)!.at(-1)!;
  const each = (values: readonly number[], channel: number): number =>
    values[values.length === 1 ? 0 : channel]!;
  if (!scale.every(Number.isFinite) || !shift.every(Number.isFinite))
    throw unsupported(node, 'a constant that is not finite, or a division by zero');
  if (scale.every((value) => value === 1) && shift.every((value) => value === 0)) return input;
  const name = fresh(context, wanted);
  const vector = (value: (channel: number) => number) => ({
    shape: [channels],
    data: Float32Array.from({ length: channels }, (_, channel) => value(channel)),
  });
  context.weights[`${name}.weight`] = vector((channel) => each(scale, channel));
  context.weights[`${name}.bias`] = vector((channel) => each(shift, channel));
  context.weights[`${name}.running_mean`] = vector(() => 0);
  context.weights[`${name}.running_var`] = vector(() => 1);
  push(context, { op: 'batch-norm', name, inputs: [input.node], epsilon: 0, momentum: 0 });
  return renamed(input, name);
}

export function batchNorm(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationAt(conversion, 0);
  const shape = context.shapes.get(input.node)!;
  const channels = shape.at(-1)!;
  const last = shape.length - 1;
  if (input.dims[0] !== channels || (input.axes[0] !== last && channels !== 1))
    throw unsupported(
      node,
      `an input of the dimensions ${shown(['batch', ...input.dims])}, of which the channels are not second`,
    );
  if (integerOf(node, 'training_mode', 0) !== 0)
    throw unsupported(node, 'training_mode', 'export the model in evaluation: model.eval()');
  const name = fresh(context, labelOf(node));
  for (const [at, part] of ['weight', 'bias', 'running_mean', 'running_var'].entries()) {
    const value = weightAt(conversion, at + 1);
    if (value.size !== channels) throw unsupported(node, `${value.size} numbers for ${channels} channels`);
    const numbers = value.floats();
    const data = input.order === null ? numbers : Float32Array.from(input.order, (place) => numbers[place]!);
    context.weights[`${name}.${part}`] = { shape: [channels], data };
  }
  // The momentum of ONNX is the share of the old statistics, ours that of the new ones.
  const momentum = 1 - floatOf(node, 'momentum', 0.9);
  push(context, {
    op: 'batch-norm',
    name,
    inputs: [input.node],
    epsilon: floatOf(node, 'epsilon', 1e-5),
    momentum,
  });
  return renamed(input, name);
}

/** Relu, Sigmoid, HardSigmoid, HardSwish, LeakyRelu, PRelu, Tanh, Clip, Neg. */
export function unary(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationAt(conversion, 0);
  const name = fresh(context, labelOf(node));
  const inputs = [input.node] as const;
  switch (node.op) {
    case 'Relu':
      return renamed(input, push(context, { op: 'relu', name, inputs }));
    case 'Sigmoid':
      return renamed(input, push(context, { op: 'sigmoid', name, inputs }));
    case 'HardSwish':
      return renamed(input, push(context, { op: 'hard-swish', name, inputs }));
    case 'HardSigmoid': {
      const [slope, offset] = [floatOf(node, 'alpha', 0.2), floatOf(node, 'beta', 0.5)];
      return renamed(input, push(context, { op: 'hard-sigmoid', name, inputs, slope, offset }));
    }
    case 'LeakyRelu':
      return leaky(conversion, input, [floatOf(node, 'alpha', 0.01)]);
    case 'PRelu':
      return leaky(conversion, input, perChannel(conversion, input, weightAt(conversion, 1)));
    case 'Tanh': {
      // tanh x = 2 σ(2 x) − 1.
      const doubled = scaled(context, `${name}/doubled`, input, 2);
      const gate = push(context, {
        op: 'sigmoid',
        name: fresh(context, `${name}/gate`),
        inputs: [doubled.node],
      });
      return affine(conversion, renamed(input, gate), { scale: [2], shift: [-1] });
    }
    case 'Neg':
      return scaled(context, name, input, -1);
    default:
      return clip(conversion, input);
  }
}

/** Clip between bounds that are attributes up to opset 10 and inputs later. */
function clip(conversion: Conversion, input: Activation): Activation {
  const { node, context } = conversion;
  const bound = (at: number, name: string, none: number): number => {
    const value = constantAt(conversion, at);
    const given = value === undefined ? node.attributes.get(name)?.float : value.floats()[0];
    // PyTorch writes the largest float32 where there is no bound.
    return given === undefined || Math.abs(given) > 3e38 ? none : given;
  };
  const [low, high] = [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)];
  if (Number.isNaN(low) || Number.isNaN(high) || !(low < high))
    throw unsupported(node, `the bounds ${low} and ${high}`);
  const name = labelOf(node);
  const own = (suffix: string): string => fresh(context, `${name}/${suffix}`);
  if (low === -Infinity && high === Infinity) return input;
  if (low === 0 && (high === Infinity || high === 6)) {
    const op = high === 6 ? 'relu6' : 'relu';
    return renamed(input, push(context, { op, name: fresh(context, name), inputs: [input.node] }));
  }
  // Any other bounds are those of ReLU or ReLU6, moved and stretched; an upper bound alone is a lower one, turned over.
  const bottom = low === -Infinity ? high : low;
  const width = low === -Infinity ? -1 : high === Infinity ? 1 : (high - low) / 6;
  const moved = affine(conversion, input, { scale: [1 / width], shift: [-bottom / width] }, own('moved'));
  const op = Number.isFinite(high) && low !== -Infinity ? 'relu6' : 'relu';
  const open = push(context, { op, name: own('open'), inputs: [moved.node] });
  return affine(conversion, renamed(input, open), { scale: [width], shift: [bottom] });
}

/** max(x, 0) − slope · max(−x, 0), from nodes that every backend has. */
function leaky(conversion: Conversion, input: Activation, slope: readonly number[]): Activation {
  const { node, context } = conversion;
  const name = labelOf(node);
  const own = (suffix: string): string => fresh(context, `${name}/${suffix}`);
  const positive = push(context, { op: 'relu', name: own('positive'), inputs: [input.node] });
  const minus = scaled(context, own('minus'), input, -1);
  const negative = push(context, { op: 'relu', name: own('negative'), inputs: [minus.node] });
  const below = renamed(input, negative);
  const sloped =
    slope.length === 1
      ? scaled(context, own('slope'), below, -slope[0]!)
      : affine(conversion, below, { scale: slope.map((value) => -value), shift: [0] }, own('slope'));
  return renamed(
    input,
    push(context, { op: 'add', name: fresh(context, name), inputs: [positive, sloped.node] }),
  );
}

function scaled(context: Context, name: string, input: Activation, factor: number): Activation {
  return renamed(
    input,
    push(context, { op: 'scale', name: fresh(context, name), inputs: [input.node], factor }),
  );
}

/** Add, Sub, Mul, Div and Sum. */
export function arithmetic(conversion: Conversion): Activation {
  const { node, inputs } = conversion;
  const [left, right] = inputs;
  if (inputs.length === 2 && left?.kind === 'activation' && right?.kind === 'constant')
    return withConstant(conversion, left, right, false);
  if (inputs.length === 2 && left?.kind === 'constant' && right?.kind === 'activation')
    return withConstant(conversion, right, left, true);
  if (node.op === 'Div') throw unsupported(node, 'a divisor that is computed from the images');
  const operands = inputs.map((_, at) => activationAt(conversion, at));
  const [first, ...others] = operands;
  if (first === undefined) throw unsupported(node, 'no inputs');
  return others.reduce((sum, other) => combine(conversion, sum, other), first);
}

function withConstant(
  conversion: Conversion,
  input: Activation,
  value: ConstantValue,
  isReversed: boolean,
): Activation {
  const { node, context } = conversion;
  const numbers = perChannel(conversion, input, value);
  switch (node.op) {
    case 'Add':
    case 'Sum':
      return (
        mergedBias(conversion, input, numbers) ?? affine(conversion, input, { scale: [1], shift: numbers })
      );
    case 'Sub':
      return isReversed
        ? affine(conversion, input, { scale: [-1], shift: numbers })
        : affine(conversion, input, { scale: [1], shift: numbers.map((number) => -number) });
    case 'Mul':
    case 'Div': {
      if (node.op === 'Div' && isReversed)
        throw unsupported(node, 'a divisor that is computed from the images');
      const scale = node.op === 'Mul' ? numbers : numbers.map((number) => 1 / number);
      if (scale.length > 1) return affine(conversion, input, { scale, shift: [0] });
      if (!Number.isFinite(scale[0]))
        throw unsupported(node, 'a constant that is not finite, or a division by zero');
      return scale[0] === 1 ? input : scaled(context, labelOf(node), input, scale[0]!);
    }
    default:
      throw unsupported(node, 'a constant');
  }
}

/** Puts a bias after a MatMul into its dense layer, if nothing else reads the product. */
function mergedBias(
  { node, context }: Conversion,
  input: Activation,
  numbers: readonly number[],
): Activation | null {
  const at = context.nodes.findIndex(({ name }) => name === input.node);
  const dense = context.nodes[at];
  const isAlone = node.inputs.every((name) => (context.readers.get(name) ?? 0) <= 1);
  if (dense?.op !== 'dense' || dense.bias || !isAlone || at !== context.nodes.length - 1) return null;
  if (!numbers.every(Number.isFinite)) return null;
  context.nodes[at] = { ...dense, bias: true };
  const data = Float32Array.from(
    { length: dense.units },
    (_, unit) => numbers[numbers.length === 1 ? 0 : unit]!,
  );
  context.weights[`${dense.name}.bias`] = { shape: [dense.units], data };
  return input;
}

/**
 * A constant that is broadcast against an activation, as one number or one for each of our channels or features. Throws for
 * a constant that differs from place to place.
 */
function perChannel(
  { node, context }: Conversion,
  input: Activation,
  value: ConstantValue,
): readonly number[] {
  const channels = context.shapes.get(input.node)!.at(-1)!;
  const last = context.shapes.get(input.node)!.length - 1;
  const { dims, axes, order } = input;
  // Up to opset 6, `axis` says where the shape begins; later it ends with the last dimension. PRelu begins with the channels.
  const isOld = context.opset < 7 && integerOf(node, 'broadcast', 0) !== 0;
  const start = isOld ? node.attributes.get('axis')?.integer : undefined;
  const isSlope = node.op === 'PRelu' && value.shape.length === 1 && value.size > 1;
  const first = isSlope ? 1 : (start ?? dims.length + 1 - value.shape.length);
  const numbers = value.floats();
  if (numbers.length === 1) return [numbers[0]!];
  const perDimension = value.shape.map((extent, at) => ({ extent, dimension: first + at }));
  const expands = perDimension.some(
    ({ extent, dimension }) => extent !== 1 && (dimension < 1 || extent !== dims[dimension - 1]),
  );
  if (expands || numbers.length === 0)
    throw unsupported(node, `a constant of the shape ${shown(value.shape)} for ${shown(['batch', ...dims])}`);
  // Of a constant that varies over the channels alone, the elements of other places must be equal.
  const result: (number | undefined)[] = Array.from({ length: channels });
  const place = value.shape.map(() => 0);
  for (const number of numbers) {
    const at = perDimension.findIndex(({ dimension }) => axes[dimension - 1] === last);
    const channel = at < 0 ? 0 : place[at]!;
    result[channel] ??= number;
    if (result[channel] !== number)
      throw unsupported(
        node,
        `a constant of the shape ${shown(value.shape)} that differs from pixel to pixel`,
      );
    for (let axis = place.length - 1; axis >= 0; axis--) {
      if (++place[axis]! < value.shape[axis]!) break;
      place[axis] = 0;
    }
  }
  if (result[1] === undefined && result.every((one, channel) => channel === 0 || one === undefined))
    return [result[0]!];
  const known = result as number[];
  return order === null ? known : Array.from(order, (from) => known[from]!);
}

/** A sum, difference or product of two activations. */
function combine(conversion: Conversion, left: Activation, right: Activation): Activation {
  const { node, context } = conversion;
  const name = labelOf(node);
  if (node.op === 'Mul') {
    const gated = activationGate(conversion, left, right) ?? activationGate(conversion, right, left);
    if (gated !== null) return gated;
    const [image, factor] = size(context, left) >= size(context, right) ? [left, right] : [right, left];
    const other = sameDimensions(image, factor) ? factor : channelFactor(conversion, image, factor);
    const inputs = [image.node, other.node] as const;
    return renamed(image, push(context, { op: 'multiply', name: fresh(context, name), inputs }));
  }
  const [first, second] =
    context.shapes.get(left.node)!.length === context.shapes.get(right.node)!.length
      ? [left, right]
      : [asImage(conversion, left), asImage(conversion, right)];
  if (!sameDimensions(first, second))
    throw unsupported(
      node,
      `inputs of ${shown(['batch', ...left.dims])} and ${shown(['batch', ...right.dims])}`,
    );
  const other = node.op === 'Sub' ? scaled(context, `${name}/minus`, second, -1) : second;
  const inputs = [first.node, other.node] as const;
  return renamed(first, push(context, { op: 'add', name: fresh(context, name), inputs }));
}

/** `x · sigmoid(x)` and `x · hard-sigmoid(x)` as one node; the gate of its own is left out if nothing else reads it. */
function activationGate(
  { node, context }: Conversion,
  input: Activation,
  gate: Activation,
): Activation | null {
  const made = context.nodes.find(({ name }) => name === gate.node);
  if (made === undefined || made.inputs[0] !== input.node || !sameDimensions(input, gate)) return null;
  const isHard = made.op === 'hard-sigmoid' && made.offset === 0.5 && Math.abs(made.slope - 1 / 6) < 1e-6;
  if (made.op !== 'sigmoid' && !isHard) return null;
  const op = isHard ? 'hard-swish' : 'silu';
  return renamed(input, push(context, { op, name: fresh(context, labelOf(node)), inputs: [input.node] }));
}

/** A factor `[batch, c, 1, 1]` of images with channels second, or the same with channels last. */
function channelFactor({ node, context }: Conversion, image: Activation, factor: Activation): Activation {
  const channel = image.axes.indexOf(2);
  const fits =
    context.shapes.get(image.node)!.length === 3 &&
    factor.dims.length === image.dims.length &&
    factor.order === null &&
    factor.dims.every((extent, at) => extent === (at === channel ? image.dims[at] : 1));
  if (fits) return factor;
  throw unsupported(
    node,
    `factors of ${shown(['batch', ...image.dims])} and ${shown(['batch', ...factor.dims])}`,
  );
}

function sameDimensions(left: Activation, right: Activation): boolean {
  return (
    left.dims.join() === right.dims.join() &&
    left.axes.join() === right.axes.join() &&
    (left.order === right.order || left.order?.join() === right.order?.join())
  );
}

function size({ shapes }: Context, { node }: Activation): number {
  return elementCount(shapes.get(node)!);
}
