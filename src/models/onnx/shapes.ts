/** Nodes that move no numbers: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Concat, and Identity under its many names. */
import { OnnxError } from './errors.ts';
import {
  activationAt,
  asFeatures,
  asImage,
  extentsAt,
  fresh,
  integerOf,
  integersOf,
  labelOf,
  push,
  unsupported,
} from './context.ts';
import type { Conversion } from './context.ts';
import { activation, hasAxes, shown } from './values.ts';
import { elementCount } from '../../values/element-count.ts';
import type { Activation, Extent } from './values.ts';

export function reshape(conversion: Conversion): Activation {
  const { node } = conversion;
  const input = activationAt(conversion, 0);
  const fixed = integersOf(node, 'shape');
  const target = fixed ?? extentsAt(conversion, 1);
  if (target === undefined || target.length === 0) throw unsupported(node, 'no shape');
  const copies = integerOf(node, 'allowzero', 0) === 0;
  return toDimensions(conversion, input, resolved(conversion, input, target, copies), target);
}

/** The extents after that of the batch, all known. */
function resolved(
  { node, context }: Conversion,
  { dims }: Activation,
  target: readonly Extent[],
  copiesZero: boolean,
): readonly number[] {
  const [first, ...rest] = target;
  const from = shown(['batch', ...dims]);
  const copied = rest.map((extent, at) => (extent === 0 && copiesZero ? (dims[at] ?? 0) : extent));
  const size = elementCount(dims);
  if (copied.includes('batch')) throw unsupported(node, `the shape ${shown(target)}, which moves the batch`);
  const known = copied as readonly number[];
  const open = known.filter((extent) => extent === -1).length;
  const others = elementCount(known.filter((extent) => extent !== -1));
  const isBatch = first === 'batch' || first === -1 || (first === 0 && copiesZero) || first === context.batch;
  if (!isBatch)
    throw new OnnxError(
      'not-supported',
      `node '${labelOf(node)}' (Reshape) has the shape ${shown(target)}, which fixes the number of images to ${String(first)}`,
      dynamicBatch,
    );
  const filled =
    open === 1 && first !== -1 ? known.map((extent) => (extent === -1 ? size / others : extent)) : known;
  const isWhole =
    filled.every((extent) => Number.isSafeInteger(extent) && extent > 0) && elementCount(filled) === size;
  if (!isWhole || (open > 0 && first === -1))
    throw unsupported(
      node,
      `the shape ${shown(target)} for ${from}, which would mix images or change their size`,
      dynamicBatch,
    );
  return filled;
}

export const dynamicBatch =
  "export with an open batch: torch.onnx.export(…, dynamic_axes={'input': {0: 'batch'}}), or dynamic_shapes=({0: 'batch'},) with dynamo=True and an example of two images";

function toDimensions(
  conversion: Conversion,
  input: Activation,
  dims: readonly number[],
  target: readonly (Extent | undefined)[],
): Activation {
  const { node, context } = conversion;
  const filled = (extents: readonly number[]): readonly number[] => extents.filter((extent) => extent !== 1);
  if (filled(dims).join() === filled(input.dims).join()) {
    const axes = input.axes.filter((axis) => axis !== null);
    let next = 0;
    return { ...input, dims, axes: dims.map((extent) => (extent === 1 ? null : axes[next++]!)) };
  }
  const shape = context.shapes.get(input.node)!;
  if (filled(dims).length === 1 && shape.length === 3) {
    const name = push(context, {
      op: 'flatten',
      name: fresh(context, labelOf(node)),
      inputs: [input.node],
    });
    return {
      kind: 'activation',
      node: name,
      dims,
      axes: dims.map((extent) => (extent === 1 ? null : 0)),
      order: flattenedOrder(input, shape as readonly [number, number, number]),
    };
  }
  // A flattened image that becomes the image again.
  const made = context.nodes.find(({ name }) => name === input.node);
  const before = made?.op === 'flatten' ? context.shapes.get(made.inputs[0]) : undefined;
  if (made?.op === 'flatten' && before?.length === 3) {
    const again = activation(made.inputs[0], before, [2, 0, 1]);
    const order = flattenedOrder(again, before as readonly [number, number, number]);
    if (again.dims.join() === dims.join() && order?.join() === input.order?.join()) return again;
  }
  throw unsupported(
    node,
    `the shape ${shown(target.map((extent) => extent ?? null))} for ${shown(['batch', ...input.dims])}; only flattening is read`,
  );
}

/** Place in ONNX's row-major order of each element of ours; null if they are the same. */
function flattenedOrder(
  { axes, dims }: Activation,
  [height, width, channels]: readonly [number, number, number],
): Int32Array | null {
  const steps = [0, 0, 0];
  let step = 1;
  for (let at = dims.length - 1; at >= 0; at--) {
    const axis = axes[at];
    if (axis !== null && axis !== undefined) steps[axis] = step;
    step *= dims[at]!;
  }
  const order = new Int32Array(height * width * channels);
  let index = 0;
  let isSame = true;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < channels; channel++) {
        order[index] = row * steps[0]! + column * steps[1]! + channel * steps[2]!;
        isSame &&= order[index] === index;
        index++;
      }
  return isSame ? null : order;
}

export function flatten(conversion: Conversion): Activation {
  const { node } = conversion;
  const input = activationAt(conversion, 0);
  const axis = integerOf(node, 'axis', 1);
  if (axis !== 1 && axis !== -input.dims.length)
    throw unsupported(node, `the axis ${axis}, which would mix images`);
  const size = elementCount(input.dims);
  return toDimensions(conversion, input, [size], ['batch', size]);
}

export function squeeze(conversion: Conversion): Activation {
  const { node } = conversion;
  const input = activationAt(conversion, 0);
  const rank = input.dims.length + 1;
  const given = integersOf(node, 'axes') ?? extentsAt(conversion, 1);
  const axes = given?.map((axis) => Number(axis) + (Number(axis) < 0 ? rank : 0));
  const goes = input.dims.map((extent, at) => (axes === undefined ? extent === 1 : axes.includes(at + 1)));
  if (axes?.includes(0) === true || input.dims.some((extent, at) => goes[at] === true && extent !== 1))
    throw unsupported(node, `the axes ${shown(given ?? [])} for ${shown(['batch', ...input.dims])}`);
  return {
    ...input,
    dims: input.dims.filter((_, at) => !goes[at]),
    axes: input.axes.filter((_, at) => !goes[at]),
  };
}

export function unsqueeze(conversion: Conversion): Activation {
  const { node } = conversion;
  const input = activationAt(conversion, 0);
  const given = integersOf(node, 'axes') ?? extentsAt(conversion, 1) ?? [];
  const rank = input.dims.length + 1 + given.length;
  const axes = given.map((axis) => Number(axis) + (Number(axis) < 0 ? rank : 0));
  if (rank > 8 || axes.some((axis) => !(axis >= 1 && axis < rank)) || new Set(axes).size !== axes.length)
    throw unsupported(node, `the axes ${shown(given)} for ${shown(['batch', ...input.dims])}`);
  const dims = [...input.dims];
  const own = [...input.axes];
  for (const axis of [...axes].sort((a, b) => a - b)) {
    dims.splice(axis - 1, 0, 1);
    own.splice(axis - 1, 0, null);
  }
  return { ...input, dims, axes: own };
}

/** Only a change of names: our numbers stay where they are. */
export function transpose(conversion: Conversion): Activation {
  const { node } = conversion;
  const input = activationAt(conversion, 0);
  const rank = input.dims.length + 1;
  const order = integersOf(node, 'perm') ?? Array.from({ length: rank }, (_, at) => rank - 1 - at);
  const isPermutation = [...order].sort((a, b) => a - b).every((axis, at) => axis === at);
  if (order.length !== rank || !isPermutation || order[0] !== 0)
    throw unsupported(node, `the order ${shown(order)} of ${shown(['batch', ...input.dims])}`);
  const moved = order.slice(1);
  return {
    ...input,
    dims: moved.map((from) => input.dims[from - 1]!),
    axes: moved.map((from) => input.axes[from - 1]!),
  };
}

export function concatenate(conversion: Conversion): Activation {
  const { node, context, inputs } = conversion;
  let parts = inputs.map((_, at) => activationAt(conversion, at));
  const first = parts[0];
  if (first === undefined) throw unsupported(node, 'no inputs');
  if (parts.length === 1) return first;
  const rank = first.dims.length + 1;
  const given = integerOf(node, 'axis', 1);
  const axis = given < 0 ? given + rank : given;
  const at = axis - 1;
  const isFlat = parts.every(({ node: name }) => context.shapes.get(name)!.length === 1);
  if (!isFlat && first.dims.length === 1) parts = parts.map((part) => asFeatures(conversion, part));
  else if (!isFlat && parts.some(({ node: name }) => context.shapes.get(name)!.length === 1))
    parts = parts.map((part) => asImage(conversion, part));
  const shape = context.shapes.get(parts[0]!.node)!;
  const last = shape.length - 1;
  const layout = layoutOf(parts[0]!, at, shape.length);
  if (layout === null || parts.some((part) => !hasAxes(part, layout)))
    throw unsupported(
      node,
      `the axis ${given} of ${parts.map(({ dims }) => shown(['batch', ...dims])).join(' and ')}; only channels are joined`,
    );
  const name = fresh(context, labelOf(node));
  push(context, { op: 'concat', name, inputs: parts.map((part) => part.node) });
  const own = context.shapes.get(name)!;
  if (shape.length === 3) return activation(name, own, layout);
  const order = parts.some((part) => part.order !== null) ? joinedOrder(parts) : null;
  return {
    ...parts[0]!,
    node: name,
    dims: parts[0]!.dims.map((extent, index) => (index === at ? own[last]! : extent)),
    axes: parts[0]!.axes.map((one, index) => (index === at ? 0 : one)),
    order,
  };
}

/** The order of our axes in the dimensions, if dimension `at` can be that of the channels. */
function layoutOf({ dims }: Activation, at: number, rank: number): readonly number[] | null {
  if (rank === 1)
    return dims.length === 1 && at === 0
      ? [0]
      : dims.every((extent, index) => index === at || extent === 1)
        ? dims.map((_, index) => (index === at ? 0 : 9))
        : null;
  if (dims.length !== 3) return null;
  return at === 0 ? [2, 0, 1] : at === 2 ? [0, 1, 2] : null;
}

function joinedOrder(parts: readonly Activation[]): Int32Array {
  const orders = parts.map(
    ({ order, dims }) => order ?? Int32Array.from({ length: elementCount(dims) }, (_, at) => at),
  );
  const joined = new Int32Array(orders.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const order of orders) {
    order.forEach((place, index) => (joined[start + index] = start + place));
    start += order.length;
  }
  return joined;
}
