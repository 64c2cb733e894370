/** Operations that move numbers: other shapes, other orders, parts and joined parts. */
import { elementCount } from '../../values/element-count.ts';
import {
  activationOf,
  dimOf,
  extentsOf,
  integerOf,
  integersOf,
  named,
  openBatch,
  push,
  spend,
  unsupported,
  weigh,
} from './context.ts';
import type { Conversion } from './context.ts';
import { endingWith, laidOut, placed, toDimensions } from './layout.ts';
import { shown } from './values.ts';
import type { Activation, Extent, Value } from './values.ts';

/** aten.view, reshape and _unsafe_view; `argument` has the shape. */
export function reshape(conversion: Conversion, argument: string): Activation {
  const input = activationOf(conversion, 'self');
  return toDimensions(conversion, input, resolved(conversion, input, extentsOf(conversion, argument)));
}

/** The extents with the batch first, and none open. */
function resolved(
  { node, context }: Conversion,
  { dims, axes }: Activation,
  target: readonly Extent[],
): readonly Extent[] {
  const size = elementCount(dims.filter((extent): extent is number => extent !== 'batch'));
  const [first, ...rest] = target;
  const known = rest.filter((extent) => extent !== -1);
  const problem = unsupported(
    node,
    `the shape ${shown(target)} for ${shown(dims)}, which would mix images or fix their number`,
    openBatch,
  );
  if (axes[0] !== 'batch' || known.includes('batch') || rest.length - known.length > 1) throw problem;
  const others = elementCount(known as readonly number[]);
  const isBatch = first === 'batch' || first === context.batch || first === -1;
  const isOpen = known.length < rest.length;
  if (!isBatch || (first === -1 && isOpen)) throw problem;
  const filled = (rest as readonly number[]).map((extent) => (extent === -1 ? size / others : extent));
  if (!filled.every((extent) => Number.isSafeInteger(extent) && extent > 0) || elementCount(filled) !== size)
    throw problem;
  return ['batch', ...filled];
}

/** aten.flatten. */
export function flatten(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const rank = input.dims.length;
  const start = dimOf(conversion, integerOf(conversion, 'start_dim', 0), rank);
  const end = dimOf(conversion, integerOf(conversion, 'end_dim', -1), rank);
  const joined = input.dims.slice(start, end + 1);
  if (joined.includes('batch') && joined.length > 1)
    throw unsupported(conversion.node, `the dimensions ${start} to ${end}, which would mix images`);
  if (end <= start) return input;
  const extent = elementCount(joined as readonly number[]);
  return toDimensions(conversion, input, [
    ...input.dims.slice(0, start),
    extent,
    ...input.dims.slice(end + 1),
  ]);
}

/** aten.unflatten. */
export function unflatten(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const dim = dimOf(conversion, integerOf(conversion, 'dim'), input.dims.length);
  const sizes = integersOf(conversion, 'sizes');
  const known = elementCount(sizes.filter((size) => size !== -1));
  const filled = sizes.map((size) => (size === -1 ? (input.dims[dim] as number) / known : size));
  if (
    input.dims[dim] === 'batch' ||
    !filled.every((size) => size > 0 && Number.isSafeInteger(size)) ||
    elementCount(filled) !== input.dims[dim]
  )
    // prettier-ignore
    throw unsupported(conversion.node, `the sizes ${shown(sizes)} for ${shown(input.dims)}`);
  return toDimensions(conversion, input, [
    ...input.dims.slice(0, dim),
    ...filled,
    ...input.dims.slice(dim + 1),
  ]);
}

/** aten.permute; only a change of names, as our numbers stay where they are. */
export function permute(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const rank = input.dims.length;
  const order = integersOf(conversion, 'dims').map((dim) => dimOf(conversion, dim, rank));
  if (order.length !== rank || new Set(order).size !== rank)
    throw unsupported(conversion.node, `the order ${shown(order)} of ${shown(input.dims)}`);
  return { ...input, dims: order.map((dim) => input.dims[dim]!), axes: order.map((dim) => input.axes[dim]!) };
}

/** aten.transpose. */
export function transpose(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const [first, second] = ['dim0', 'dim1'].map((name) =>
    dimOf(conversion, integerOf(conversion, name), input.dims.length),
  ) as [number, number];
  const swap = <T>(list: readonly T[]): readonly T[] =>
    list.with(first, list[second]!).with(second, list[first]!);
  return { ...input, dims: swap(input.dims), axes: swap(input.axes) };
}

export function unsqueeze(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  if (input.dims.length > 7) throw unsupported(conversion.node, 'more than eight dimensions');
  const dim = dimOf(conversion, integerOf(conversion, 'dim'), input.dims.length + 1);
  return { ...input, dims: input.dims.toSpliced(dim, 0, 1), axes: input.axes.toSpliced(dim, 0, null) };
}

/** aten.squeeze of some dimensions; those of other extents than 1 stay. */
export function squeeze(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const given = conversion.node.inputs.has('dim') ? integersOf(conversion, 'dim') : null;
  const dims = given?.map((dim) => dimOf(conversion, dim, input.dims.length));
  const stays = (_: unknown, dim: number): boolean =>
    input.dims[dim] !== 1 || (dims !== undefined && !dims.includes(dim));
  return { ...input, dims: input.dims.filter(stays), axes: input.axes.filter(stays) };
}

/** The places `start` to `end − 1` of a dimension. */
function range(
  conversion: Conversion,
  input: Activation,
  dim: number,
  start: number,
  end: number,
): Activation {
  const { node, context } = conversion;
  const [axis, extent] = [input.axes[dim], input.dims[dim]];
  if (typeof extent !== 'number' || axis === 'batch') throw unsupported(node, 'only some of the images');
  if (!(start >= 0 && end > start && end <= extent))
    throw unsupported(node, `the places ${start} to ${end} of ${extent}`);
  if (start === 0 && end === extent) return input;
  const name = push(context, node.label, { op: 'slice', inputs: [input.node], axis: axis!, start, end });
  return {
    ...input,
    node: name,
    dims: input.dims.with(dim, end - start),
    axes: input.axes.with(dim, end - start === 1 ? null : axis!),
  };
}

function without(input: Activation, dim: number): Activation {
  return { ...input, dims: input.dims.toSpliced(dim, 1), axes: input.axes.toSpliced(dim, 1) };
}

/** aten.slice. */
export function slice(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const dim = dimOf(conversion, integerOf(conversion, 'dim', 0), input.dims.length);
  if (integerOf(conversion, 'step', 1) !== 1) throw unsupported(conversion.node, 'a step');
  const start = integerOf(conversion, 'start', 0);
  const end = integerOf(conversion, 'end', Number.MAX_SAFE_INTEGER);
  const extent = input.dims[dim]!;
  // All images, whatever their number.
  if (extent === 'batch' && start === 0 && end >= Number.MAX_SAFE_INTEGER) return input;
  if (extent === 'batch') throw unsupported(conversion.node, 'only some of the images');
  const clamp = (place: number): number => Math.min(Math.max(place < 0 ? place + extent : place, 0), extent);
  return range(conversion, input, dim, clamp(start), clamp(end));
}

/** aten.select. */
export function select(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const dim = dimOf(conversion, integerOf(conversion, 'dim'), input.dims.length);
  const index = integerOf(conversion, 'index');
  const extent = input.dims[dim]!;
  const at = index < 0 && typeof extent === 'number' ? index + extent : index;
  return without(range(conversion, input, dim, at, at + 1), dim);
}

/** aten.unbind, split and chunk: all the parts of a dimension. */
export function parts(conversion: Conversion, name: string): readonly Activation[] {
  const { node } = conversion;
  const input = activationOf(conversion, 'self');
  const dim = dimOf(conversion, integerOf(conversion, 'dim', 0), input.dims.length);
  const extent = input.dims[dim]!;
  if (typeof extent !== 'number') throw unsupported(node, 'only some of the images');
  const count = node.outputs.length;
  if (name === 'unbind') {
    if (count !== extent) throw unsupported(node, `${count} results for ${extent} places`);
    return node.outputs.map((_, at) => without(range(conversion, input, dim, at, at + 1), dim));
  }
  const sizes = name === 'chunk' ? [Math.ceil(extent / integerOf(conversion, 'chunks'))] : integersOf(conversion, name === 'split_with_sizes' ? 'split_sizes' : 'split_size'); // prettier-ignore
  let start = 0;
  return node.outputs.map((_, at) => {
    const end = Math.min(extent, start + (sizes.length === 1 ? sizes[0]! : (sizes[at] ?? 0)));
    const part = range(conversion, input, dim, start, end);
    start = end;
    return part;
  });
}

/** aten.expand of what depends on the images. */
export function expandedExtents(conversion: Conversion, dims: readonly Extent[]): readonly Extent[] {
  const { node, context } = conversion;
  const target = extentsOf(conversion, 'size');
  const missing = target.length - dims.length;
  return target.map((extent, at) => {
    const own = dims[at - missing];
    if (extent === -1 && own !== undefined) return own;
    if (own === 'batch' && extent === context.batch) return own;
    if (extent !== -1) return extent;
    throw unsupported(node, `the shape ${shown(target)} for ${shown(dims)}`);
  });
}

/** aten.cat. Constants are rows of their own before or after those that depend on the images, as class tokens are. */
export function concatenate(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const given = node.inputs.get('tensors');
  if (given?.kind !== 'tensors') throw unsupported(node, 'no tensors');
  const values = given.names.map((name): Value => named(node, context, name ?? ''));
  const first = values.findIndex(({ kind }) => kind === 'activation');
  const last = values.findLastIndex(({ kind }) => kind === 'activation');
  const joined = values.slice(first, last + 1).filter((value) => value.kind === 'activation');
  const [head] = joined;
  if (head === undefined || joined.length !== last - first + 1)
    throw unsupported(node, 'constants between activations');
  const dim = dimOf(conversion, integerOf(conversion, 'dim', 0), head.dims.length);
  if (head.axes[dim] === 'batch') throw unsupported(node, 'the dimension of the images, which it would mix');
  let whole = joined.length === 1 ? head : joinedOver(conversion, joined, dim);
  const before = values.slice(0, first).reverse();
  const after = values.slice(last + 1);
  for (const value of before) whole = withRows(conversion, whole, value, dim, 'before');
  for (const value of after) whole = withRows(conversion, whole, value, dim, 'after');
  return whole;
}

function joinedOver(conversion: Conversion, values: readonly Activation[], dim: number): Activation {
  const { node, context } = conversion;
  const head = values[0]!;
  const order = endingWith(head, dim);
  const rest = ({ dims }: Activation): string => dims.toSpliced(dim, 1).join();
  if (values.some((value) => value.dims.length !== head.dims.length || rest(value) !== rest(head) || value.axes.indexOf('batch') !== head.axes.indexOf('batch'))) // prettier-ignore
    throw unsupported(node, `parts of the dimensions ${values.slice(0, 8).map(({ dims }) => shown(dims)).join(' and ')}`); // prettier-ignore
  const inputs = values.map((value) => laidOut(conversion, value, order));
  const name = push(context, node.label, { op: 'concat', inputs });
  const extent = context.shapes.get(name)!.at(-1)!;
  return placed({ ...head, dims: head.dims.with(dim, extent) }, name, order);
}

function withRows(
  conversion: Conversion,
  input: Activation,
  value: Value,
  dim: number,
  place: 'before' | 'after',
): Activation {
  const { node, context } = conversion;
  if (value.kind !== 'constant') throw unsupported(node, 'the number of images among its tensors');
  const { shape } = value;
  const [count, channels] = [shape[dim], input.dims[2]];
  const fits =
    input.dims.length === 3 && input.axes[0] === 'batch' && dim === 1 && shape.length === 3 && shape[0] === 1 && shape[2] === channels; // prettier-ignore
  if (!fits)
    throw unsupported(node, `a constant of the shape ${shown(shape)} beside ${shown(input.dims)}; only rows of [batch, rows, channels] are joined with constants`); // prettier-ignore
  const rows = laidOut(conversion, input);
  spend(context, elementCount(shape));
  const name = push(context, node.label, { op: 'tokens', inputs: [rows], count: count!, place });
  weigh(context, name, 'weight', { shape: [count!, channels as number], data: value.floats() });
  const whole = { ...input, dims: input.dims.with(1, context.shapes.get(name)![0]!) };
  return placed(whole, name, [1, 2]);
}
