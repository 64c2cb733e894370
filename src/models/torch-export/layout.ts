/** Activations in the order and shape that an operation of ours needs. */
import { elementCount } from '../../values/element-count.ts';
import { push, unsupported } from './context.ts';
import type { Conversion } from './context.ts';
import { activation, shown } from './values.ts';
import type { Activation, Extent } from './values.ts';

/**
 * A node of ours of the shape of these dimensions, in this order; without `order` that of PyTorch. All dimensions but the batch
 * must be among them, apart from those of extent 1.
 */
export function laidOut(
  conversion: Conversion,
  value: Activation,
  order: readonly number[] = restOf(value),
  shape: readonly number[] = order.map((dim) => value.dims[dim] as number),
): string {
  const { context, node } = conversion;
  const own = context.shapes.get(value.node)!;
  const wanted = order
    .map((dim) => value.axes[dim])
    .filter((axis): axis is number => typeof axis === 'number');
  if (
    elementCount(wanted.map((axis) => own[axis]!)) !== elementCount(own) ||
    elementCount(shape) !== elementCount(own)
  )
    throw unsupported(node, `an input of the dimensions ${shown(value.dims)}`);
  let name = value.node;
  if (wanted.some((axis, at) => at > 0 && axis < wanted[at - 1]!)) {
    const others = own.map((_, axis) => axis).filter((axis) => !wanted.includes(axis));
    name = push(context, `${node.label}/order`, {
      op: 'permute',
      inputs: [name],
      order: [...wanted, ...others],
    });
  }
  return shaped(conversion, name, shape);
}

function shaped({ context, node }: Conversion, name: string, shape: readonly number[]): string {
  const own = shape.length === 0 ? [1] : shape;
  if (context.shapes.get(name)!.join() === own.join()) return name;
  return push(context, `${node.label}/shape`, { op: 'reshape', inputs: [name], shape: own });
}

/** All dimensions but the batch. */
export function restOf({ axes }: Activation): number[] {
  return axes.flatMap((axis, dim) => (axis === 'batch' ? [] : [dim]));
}

/** All dimensions but the batch, `dim` being the last and the others as our axes are. */
export function endingWith({ axes }: Activation, dim: number): number[] {
  const others = axes.flatMap((axis, at) => (axis === 'batch' || at === dim ? [] : [at]));
  const place = (at: number): number => (typeof axes[at] === 'number' ? axes[at] : -1);
  return [...others.sort((a, b) => place(a) - place(b)), dim];
}

/** The value with `dim` as our last axis, which operations over channels need. */
export function withLast(conversion: Conversion, value: Activation, dim: number): Activation {
  const shape = conversion.context.shapes.get(value.node)!;
  const isLast = value.axes[dim] === shape.length - 1 || (value.dims[dim] === 1 && shape.at(-1) === 1 && !value.axes.includes(shape.length - 1)); // prettier-ignore
  if (isLast) return value;
  if (value.axes[dim] === 'batch')
    throw unsupported(conversion.node, 'the dimension of the images, which it would mix');
  const order = endingWith(value, dim);
  return placed(value, laidOut(conversion, value, order), order);
}

/** The value after a node of ours whose n-th axis is the dimension `order[n]`. */
export function placed(value: Activation, node: string, order: readonly number[]): Activation {
  return {
    ...value,
    node,
    axes: value.axes.map((axis, dim) =>
      axis === 'batch' ? axis : value.dims[dim] === 1 ? null : order.indexOf(dim),
    ),
  };
}

/** Images as our operations take them: `[height, width, channels]`. */
export function asImage(conversion: Conversion, value: Activation): string {
  if (value.dims.length !== 4 || value.axes[0] !== 'batch')
    throw unsupported(
      conversion.node,
      `an input of the dimensions ${shown(value.dims)}, not images [batch, channels, height, width]`,
    );
  return laidOut(conversion, value, [2, 3, 1]);
}

/** The value of a node of ours with images. */
export function imagesOf({ context }: Conversion, node: string): Activation {
  return activation(node, context.shapes.get(node)!, [2, 0, 1]);
}

/** The same numbers in PyTorch's order, with other dimensions, of which the first is the batch. */
export function toDimensions(conversion: Conversion, value: Activation, dims: readonly Extent[]): Activation {
  const filled = (extents: readonly Extent[]): readonly Extent[] => extents.filter((extent) => extent !== 1);
  if (value.axes[0] !== 'batch')
    throw unsupported(
      conversion.node,
      `an input of the dimensions ${shown(value.dims)}, in which the images are not first`,
    );
  if (filled(value.dims).join() === filled(dims).join()) {
    const axes = value.axes.filter((axis) => axis !== null);
    let next = 0;
    return { ...value, dims, axes: dims.map((extent) => (extent === 1 ? null : axes[next++]!)) };
  }
  const extents = filled(dims).slice(1) as readonly number[];
  const name = laidOut(conversion, value, restOf(value), extents);
  let next = 0;
  return {
    kind: 'activation',
    node: name,
    dims,
    axes: dims.map((extent) => (extent === 'batch' ? 'batch' : extent === 1 ? null : next++)),
  };
}

/** The value with extents of 1 repeated to these dimensions, which may be more. */
export function broadcastTo(conversion: Conversion, value: Activation, dims: readonly Extent[]): Activation {
  const { context, node } = conversion;
  const missing = dims.length - value.dims.length;
  const own: Activation = {
    ...value,
    dims: [...Array.from({ length: missing }, () => 1), ...value.dims],
    axes: [...Array.from({ length: missing }, () => null), ...value.axes],
  };
  const fits = missing >= 0 && dims.every((extent, at) => extent === own.dims[at] || (own.dims[at] === 1 && extent !== 'batch')); // prettier-ignore
  if (!fits || own.axes.indexOf('batch') !== dims.indexOf('batch'))
    throw unsupported(node, `inputs of the dimensions ${shown(value.dims)} and ${shown(dims)}`);
  if (own.dims.join() === dims.join()) return own;
  const order = restOf(own);
  const name = push(context, `${node.label}/expand`, {
    op: 'expand',
    inputs: [laidOut(conversion, own, order)],
    shape: order.map((dim) => dims[dim] as number),
  });
  return placed({ ...own, dims }, name, order);
}

/** A node of ours with the numbers of `value` where that of `like`, of the same dimensions, has its own. */
export function alike(conversion: Conversion, value: Activation, like: Activation): string {
  const shape = conversion.context.shapes.get(like.node)!;
  const order = restOf(like).filter((dim) => like.axes[dim] !== null);
  order.sort((a, b) => (like.axes[a] as number) - (like.axes[b] as number));
  return laidOut(conversion, value, order, shape);
}
