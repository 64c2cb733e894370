/** Dense layers, products of matrices and attention. */
import type { WeightTensor } from '../../values/model.ts';
import {
  activationOf,
  booleanOf,
  constantOf,
  floatOf,
  inEvaluation,
  moduleName,
  numberOf,
  push,
  spend,
  unsupported,
  valueOf,
  vector,
  vectorOf,
  weigh,
} from './context.ts';
import type { Conversion } from './context.ts';
import { broadcastTo, endingWith, laidOut, placed, restOf, withLast } from './layout.ts';
import { added } from './pointwise.ts';
import { activation, shown } from './values.ts';
import type { Activation, ConstantValue } from './values.ts';

/** aten.linear: weights `[units, features]`. */
export function linear(conversion: Conversion): Activation {
  const weight = constantOf(conversion, 'weight');
  if (weight?.shape.length !== 2)
    throw unsupported(conversion.node, `a matrix of the shape ${shown(weight?.shape ?? [])}`);
  const [units, features] = weight.shape as [number, number];
  const hasBias = constantOf(conversion, 'bias') !== undefined;
  const bias = hasBias ? vectorOf(conversion, 'bias', units, 0) : null;
  const matrix = (): WeightTensor => transposed(weight, units, features);
  return dense(conversion, activationOf(conversion, 'input'), [features, units], matrix, bias);
}

/** aten.addmm: `self + mat1 × mat2` without factors. */
export function addedProduct(conversion: Conversion): Activation {
  const { node } = conversion;
  if (floatOf(conversion, 'beta', 1) !== 1 || floatOf(conversion, 'alpha', 1) !== 1)
    throw unsupported(node, 'factors');
  const weight = constantOf(conversion, 'mat2');
  if (weight?.shape.length !== 2) throw unsupported(node, 'no matrix as its mat2');
  const [features, units] = weight.shape as [number, number];
  const bias = vectorOf(conversion, 'self', units, 0);
  return dense(conversion, activationOf(conversion, 'mat1'), [features, units], () => plain(weight), bias);
}

function dense(
  conversion: Conversion,
  input: Activation,
  [features, units]: readonly [features: number, units: number],
  matrix: () => WeightTensor,
  bias: Float32Array | null,
): Activation {
  const { node, context } = conversion;
  const last = input.dims.length - 1;
  if (input.dims[last] !== features)
    throw unsupported(node, `a matrix for ${features} features, but the input is ${shown(input.dims)}`);
  // A list of features is one axis, so that the classes of a last layer can be reordered.
  const own =
    last === 1 && input.axes[0] === 'batch'
      ? placed(input, laidOut(conversion, input), [1])
      : withLast(conversion, input, last);
  spend(context, features * units);
  const name = push(context, moduleName(conversion), {
    op: 'dense',
    inputs: [own.node],
    units,
    bias: bias !== null,
  });
  weigh(context, name, 'weight', matrix());
  if (bias !== null) weigh(context, name, 'bias', vector(bias));
  const axis = context.shapes.get(name)!.length - 1;
  return {
    kind: 'activation',
    node: name,
    dims: own.dims.with(last, units),
    axes: own.axes.with(last, units === 1 ? null : axis),
  };
}

function plain({ shape, floats }: ConstantValue): WeightTensor {
  return { shape, data: floats() };
}

function transposed(weight: ConstantValue, rows: number, columns: number): WeightTensor {
  const from = weight.floats();
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      data[column * rows + row] = from[row * columns + column]!;
  return { shape: [columns, rows], data };
}

/** aten.matmul, aten.bmm and aten.mm. */
export function matmul(conversion: Conversion): Activation {
  const { node } = conversion;
  const isBatched = node.target.startsWith('aten.bmm') || node.target.startsWith('aten.mm.');
  const [left, right] = [valueOf(conversion, 'self'), valueOf(conversion, isBatched ? 'mat2' : 'other')];
  if (left?.kind === 'activation' && right?.kind === 'activation') return product(conversion, left, right);
  if (left?.kind === 'activation' && right?.kind === 'constant' && right.shape.length === 2)
    return dense(conversion, left, right.shape as [number, number], () => plain(right), null);
  if (
    left?.kind === 'constant' &&
    right?.kind === 'activation' &&
    left.shape.length === 2 &&
    right.dims.length > 2
  ) {
    // W x = (xᵀ Wᵀ)ᵀ.
    const [rows, features] = left.shape as [number, number];
    const turned = swapped(right);
    return swapped(dense(conversion, turned, [features, rows], () => transposed(left, rows, features), null));
  }
  throw unsupported(node, 'matrices of constants that are none of a dense layer');
}

/** The last two dimensions exchanged. */
function swapped(value: Activation): Activation {
  const swap = <T>(list: readonly T[]): readonly T[] => [...list.slice(0, -2), list.at(-1)!, list.at(-2)!];
  return { ...value, dims: swap(value.dims), axes: swap(value.axes) };
}

function product(conversion: Conversion, left: Activation, right: Activation): Activation {
  const { node, context } = conversion;
  const rank = Math.max(left.dims.length, right.dims.length);
  const matrices = [left, right].map((value) => {
    const outer = Array.from({ length: rank - 2 }, (_, at) => {
      const extents = [left, right].map(({ dims }) => dims[at + dims.length - rank] ?? 1);
      return extents[0] === 1 ? extents[1]! : extents[0]!;
    });
    const whole = broadcastTo(conversion, value, [...outer, ...value.dims.slice(-2)]);
    if (whole.axes[0] !== 'batch' || rank < 3)
      throw unsupported(node, `inputs of the dimensions ${shown(left.dims)} and ${shown(right.dims)}`);
    return laidOut(conversion, whole);
  });
  const name = push(context, node.label, { op: 'matmul', inputs: [matrices[0]!, matrices[1]!] });
  return activation(name, context.shapes.get(name)!);
}

/** aten.scaled_dot_product_attention: `softmax(q kᵀ · scale + mask) v`. */
export function attention(conversion: Conversion): Activation {
  const { node, context } = conversion;
  if (floatOf(conversion, 'dropout_p', 0) !== 0) throw unsupported(node, 'dropout', inEvaluation);
  if (booleanOf(conversion, 'is_causal', false)) throw unsupported(node, 'a causal mask');
  if (booleanOf(conversion, 'enable_gqa', false)) throw unsupported(node, 'grouped queries');
  const [query, key, value] = ['query', 'key', 'value'].map((name) => activationOf(conversion, name)) as [
    Activation,
    Activation,
    Activation,
  ];
  const depth = query.dims.at(-1);
  if (typeof depth !== 'number') throw unsupported(node, 'the images as its last dimension');
  const factor = numberOf(node.inputs.get('scale')) ?? 1 / Math.sqrt(depth);
  if (!Number.isFinite(factor)) throw unsupported(node, `the scale ${factor}`);
  const scaled = {
    ...query,
    node: push(context, `${node.label}/scaled`, { op: 'scale', inputs: [query.node], factor }),
  };
  const scores = product(conversion, scaled, swapped(key));
  const mask = valueOf(conversion, 'attn_mask');
  if (mask !== undefined && mask.kind !== 'constant')
    throw unsupported(node, 'a mask that is computed from the images');
  const masked = mask === undefined ? scores : added(conversion, scores, mask, 1);
  return product(conversion, softmaxOver(conversion, masked, masked.dims.length - 1), value);
}

export function softmaxOver(conversion: Conversion, input: Activation, dim: number): Activation {
  const own = withLast(conversion, input, dim);
  const name = push(conversion.context, `${conversion.node.label}/softmax`, {
    op: 'softmax',
    inputs: [own.node],
  });
  return { ...own, node: name };
}

/** aten.layer_norm over the last dimensions. */
export function layerNorm(conversion: Conversion, over: readonly number[]): Activation {
  const { node, context } = conversion;
  const input = activationOf(conversion, 'input');
  const own = over.map((_, at) => input.dims[input.dims.length - over.length + at]);
  if (over.length === 0 || own.join() !== over.join())
    throw unsupported(node, `the shape ${shown(over)} for ${shown(input.dims)}`);
  const epsilon = floatOf(conversion, 'eps', 1e-5);
  const features = over.reduce((size, extent) => size * extent, 1);
  const [weight, bias] = [
    vectorOf(conversion, 'weight', features, 1),
    vectorOf(conversion, 'bias', features, 0),
  ];
  const normalise = (rows: string): string => {
    const name = push(context, moduleName(conversion), { op: 'layer-norm', inputs: [rows], epsilon });
    weigh(context, name, 'weight', vector(weight));
    weigh(context, name, 'bias', vector(bias));
    return name;
  };
  if (over.length === 1) {
    const last = withLast(conversion, input, input.dims.length - 1);
    return { ...last, node: normalise(last.node) };
  }
  const order = restOf(input);
  const outer = order.slice(0, -over.length).map((dim) => input.dims[dim] as number);
  const rows = laidOut(conversion, input, order, [...outer, features]);
  const shape = order.map((dim) => input.dims[dim] as number);
  const name = push(context, `${node.label}/shape`, { op: 'reshape', inputs: [normalise(rows)], shape });
  return placed(input, name, order);
}

/** aten.group_norm: a layer norm over the pixels and channels of each group, then one weight and bias for each channel. */
export function groupNorm(conversion: Conversion, groups: number): Activation {
  const { node, context } = conversion;
  const input = activationOf(conversion, 'input');
  const channels = input.dims[1];
  if (input.axes[0] !== 'batch' || typeof channels !== 'number' || !(groups >= 1) || channels % groups !== 0)
    throw unsupported(node, `${groups} groups for ${shown(input.dims)}`);
  const order = restOf(input);
  const shape = order.map((dim) => input.dims[dim] as number);
  const size = shape.reduce((product, extent) => product * extent, 1) / groups;
  const rows = laidOut(conversion, input, order, [groups, size]);
  spend(context, 2 * size);
  const normal = push(context, node.label, {
    op: 'layer-norm',
    inputs: [rows],
    epsilon: floatOf(conversion, 'eps', 1e-5),
  });
  weigh(context, normal, 'weight', vector(new Float32Array(size).fill(1)));
  weigh(context, normal, 'bias', vector(new Float32Array(size)));
  const back = push(context, `${node.label}/shape`, { op: 'reshape', inputs: [normal], shape });
  const whole = placed(input, back, order);
  const last = endingWith(whole, 1);
  const name = push(context, `${node.label}/channels`, {
    op: 'affine',
    inputs: [laidOut(conversion, whole, last)],
  });
  weigh(context, name, 'weight', vector(vectorOf(conversion, 'weight', channels, 1)));
  weigh(context, name, 'bias', vector(vectorOf(conversion, 'bias', channels, 0)));
  return placed(whole, name, last);
}
