/**
 * Nodes whose inputs do not depend on the images, and the arithmetic of shapes that exporters write where the number of images
 * is open: Shape, then Gather, Slice, Concat and the like, until a Reshape reads the result.
 */
import { walk } from '../imported/walk.ts';
import { damaged } from './errors.ts';
import { integerOf, integersOf, smallIntegers, unsupported } from './context.ts';
import type { Conversion } from './context.ts';
import type { OnnxNode } from './messages.ts';
import { floatsOfTensor, integersOfTensor, isIntegral } from './tensor.ts';
import type { ExternalData, OnnxTensor } from './tensor.ts';
import { constant } from './values.ts';
import { elementCount } from '../../values/element-count.ts';
import type { Activation, ConstantValue, Extent, ExtentsValue, Value } from './values.ts';

export function constantOf(tensor: OnnxTensor, external: ExternalData): ConstantValue {
  return {
    kind: 'constant',
    shape: tensor.shape,
    size: tensor.size,
    isIntegral: isIntegral(tensor),
    floats: () => floatsOfTensor(tensor, external),
    integers: () => integersOfTensor(tensor, external),
  };
}

/** The value of a Constant node. */
export function constantNode(node: OnnxNode, external: ExternalData): ConstantValue {
  const { attributes } = node;
  const tensor = attributes.get('value')?.tensor;
  if (tensor !== undefined) return constantOf(tensor, external);
  const float = attributes.get('value_float')?.float;
  if (float !== undefined) return constant([], [float]);
  const integer = attributes.get('value_int')?.integer;
  if (integer !== undefined) return constant([], [integer], true);
  const floats = attributes.get('value_floats')?.floats;
  if (floats !== undefined) return constant([floats.length], floats);
  const integers = attributes.get('value_ints')?.integers;
  if (integers !== undefined) return constant([integers.length], integers, true);
  throw unsupported(node, 'a value that is neither a tensor nor numbers');
}

/** The extents of an activation. */
export function shapeOf({ node }: Conversion, { dims }: Activation): ExtentsValue {
  const all: readonly Extent[] = ['batch', ...dims];
  const start = integerOf(node, 'start', 0);
  return { kind: 'extents', extents: all.slice(start, node.attributes.get('end')?.integer), isScalar: false };
}

const copies = new Set(['Identity', 'Cast', 'CastLike', 'Squeeze', 'Unsqueeze', 'Reshape', 'Flatten']);

/** The value of a node that reads no image; undefined if it is none that is computed here. */
export function folded(conversion: Conversion, external: ExternalData): Value | undefined {
  const { node, inputs } = conversion;
  const [first] = inputs;
  if (first === undefined) return undefined;
  if (inputs.some((value) => value?.kind === 'extents')) return foldedExtents(conversion);
  if (first.kind !== 'constant') return undefined;
  if (copies.has(node.op)) return reshaped(conversion, first);
  const second = inputs[1];
  switch (node.op) {
    case 'Shape':
      return constant([first.shape.length], first.shape, true);
    case 'Transpose':
      return transposed(node, first);
    case 'ConstantOfShape': {
      const shape = smallIntegers(node, first);
      const fill = node.attributes.get('value')?.tensor;
      const value = fill === undefined ? 0 : (constantOf(fill, external).floats()[0] ?? 0);
      return rebuilt(
        node,
        shape,
        Array.from({ length: Math.min(elementCount(shape), mostFolded + 1) }, () => value),
        true,
      );
    }
    case 'Gather':
      return gathered(conversion, first);
    case 'Slice':
      return sliced(conversion, first);
    case 'Concat':
      return joined(conversion);
    case 'Sqrt':
    case 'Neg':
    case 'Reciprocal': {
      const change = { Sqrt: Math.sqrt, Neg: (x: number) => -x, Reciprocal: (x: number) => 1 / x }[node.op];
      return mapped(first, change);
    }
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
      return second?.kind === 'constant' ? combined(node, first, second) : undefined;
    default:
      return undefined;
  }
}

function foldedExtents(conversion: Conversion): Value | undefined {
  const { node, inputs } = conversion;
  const list = (at: number): readonly Extent[] | undefined => {
    const value = inputs[at];
    if (value?.kind === 'extents') return value.extents;
    return value?.kind === 'constant' ? smallIntegers(node, value) : undefined;
  };
  const first = list(0);
  const extents = (values: readonly Extent[], isScalar = false): ExtentsValue => {
    if (values.length > 64) throw unsupported(node, `${values.length} extents`);
    return { kind: 'extents', extents: values, isScalar };
  };
  if (first === undefined) return undefined;
  switch (node.op) {
    case 'Identity':
    case 'Cast':
    case 'Reshape':
      return extents(first, inputs[0]?.kind === 'extents' && inputs[0].isScalar);
    case 'Squeeze':
      return extents(first, true);
    case 'Unsqueeze':
      return extents(first);
    case 'Gather': {
      const places = list(1) ?? [];
      const picked = places.map((place) => first.at(Number(place)));
      if (picked.includes(undefined)) throw unsupported(node, 'an index outside of the shape');
      const index = inputs[1];
      return extents(picked as Extent[], index?.kind === 'constant' && index.shape.length === 0);
    }
    case 'Slice': {
      const start = Number((integersOf(node, 'starts') ?? list(1))?.[0] ?? 0);
      const end = Number((integersOf(node, 'ends') ?? list(2))?.[0] ?? first.length);
      if (list(4)?.some((step) => step !== 1) === true) throw unsupported(node, 'a step');
      return extents(first.slice(start, end));
    }
    case 'Concat': {
      const all: Extent[] = [];
      for (let at = 0; at < inputs.length; at++) {
        const part = list(at);
        if (part === undefined) return undefined;
        all.push(...part);
      }
      return extents(all);
    }
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div': {
      const second = list(1);
      if (second?.length !== 1 || first.length !== 1) return undefined;
      const [left, right] = [first[0]!, second[0]!];
      if (left === 'batch' || right === 'batch') {
        // Number of images times a number of features, of which a Reshape could make anything.
        throw unsupported(node, 'arithmetic with the number of images');
      }
      const result = {
        Add: left + right,
        Sub: left - right,
        Mul: left * right,
        Div: Math.trunc(left / right),
      };
      return extents([result[node.op]], true);
    }
    default:
      return undefined;
  }
}

/** The same numbers in another shape. */
function reshaped({ node, inputs }: Conversion, value: ConstantValue): ConstantValue {
  const listed = (): readonly number[] => {
    const own = integersOf(node, 'axes') ?? integersOf(node, 'shape');
    const given = inputs[1];
    return own ?? (given?.kind === 'constant' ? smallIntegers(node, given) : []);
  };
  const { shape } = value;
  switch (node.op) {
    case 'Flatten': {
      const axis = integerOf(node, 'axis', 1);
      return { ...value, shape: [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))] };
    }
    case 'Reshape': {
      const target = listed().map((extent, at) => (extent === 0 ? (shape[at] ?? 0) : extent));
      const others = elementCount(target.filter((extent) => extent !== -1));
      const full = target.map((extent) => (extent === -1 ? value.size / others : extent));
      if (
        elementCount(full) !== value.size ||
        full.some((extent) => !Number.isSafeInteger(extent) || extent < 0)
      )
        throw damaged(`a constant of ${value.size} numbers gets the shape [${full.join(', ')}]`);
      return { ...value, shape: full };
    }
    case 'Squeeze': {
      const axes = listed().map((axis) => (axis < 0 ? axis + shape.length : axis));
      return { ...value, shape: shape.filter((extent, at) => (axes.length === 0 ? extent !== 1 : extent !== 1 || !axes.includes(at))) }; // prettier-ignore
    }
    case 'Unsqueeze': {
      const rank = shape.length + listed().length;
      const result = [...shape];
      for (const axis of listed()
        .map((own) => (own < 0 ? own + rank : own))
        .sort((a, b) => a - b))
        result.splice(axis, 0, 1);
      return { ...value, shape: result };
    }
    default:
      return value;
  }
}

function transposed(node: OnnxNode, value: ConstantValue): ConstantValue {
  const { shape } = value;
  const order = integersOf(node, 'perm') ?? shape.map((_, at) => shape.length - 1 - at);
  const isPermutation = [...order].sort((a, b) => a - b).every((axis, at) => axis === at);
  if (order.length !== shape.length || !isPermutation)
    throw unsupported(node, `the order [${order.join(', ')}]`);
  const steps = stepsOf(shape);
  const target = order.map((axis) => shape[axis]!);
  const places = (): Generator<number> => walk(target, order.map((axis) => steps[axis]!), 0); // prettier-ignore
  return {
    ...value,
    shape: target,
    floats: () => {
      const from = value.floats();
      const result = new Float32Array(from.length);
      let index = 0;
      for (const place of places()) result[index++] = from[place]!;
      return result;
    },
    integers: () => {
      const from = value.integers();
      return Array.from(places(), (place) => from[place]!);
    },
  };
}

function stepsOf(shape: readonly number[]): number[] {
  return shape.map((_, at) => elementCount(shape.slice(at + 1)));
}

/** Elements of constants that are computed one by one: shapes, axes, sides and the like, not weights. */
const mostFolded = 4096;

function rebuilt(
  node: OnnxNode,
  shape: readonly number[],
  values: readonly number[],
  isIntegral: boolean,
): ConstantValue {
  if (values.length > mostFolded) throw unsupported(node, `a constant of more than ${mostFolded} numbers`);
  return constant(shape, values, isIntegral);
}

function small(node: OnnxNode, value: ConstantValue): readonly number[] {
  if (value.size > mostFolded) throw unsupported(node, `a constant of ${value.size} numbers`);
  return value.isIntegral ? value.integers() : Array.from(value.floats());
}

function constants({ node, inputs }: Conversion): ConstantValue[] {
  return inputs.map((value, at) => {
    if (value?.kind === 'constant') return value;
    throw unsupported(node, `no constant as its input ${at + 1}`);
  });
}

function gathered(conversion: Conversion, value: ConstantValue): ConstantValue {
  const { node } = conversion;
  const [, index] = constants(conversion);
  if (index === undefined) throw unsupported(node, 'no index');
  const { shape } = value;
  const axis = axisOf(node, integerOf(node, 'axis', 0), shape.length);
  const from = small(node, value);
  const inner = elementCount(shape.slice(axis + 1));
  const outer = elementCount(shape.slice(0, axis));
  const extent = shape[axis]!;
  const places = smallIntegers(node, index).map((place) => (place < 0 ? place + extent : place));
  if (places.some((place) => place < 0 || place >= extent))
    throw unsupported(node, 'an index outside of the constant');
  const result = Array.from({ length: outer }, (_, first) =>
    places.map((place) => from.slice((first * extent + place) * inner, (first * extent + place + 1) * inner)),
  ).flat(2);
  return rebuilt(
    node,
    [...shape.slice(0, axis), ...index.shape, ...shape.slice(axis + 1)],
    result,
    value.isIntegral,
  );
}

/** Slices as NumPy does: ends beyond the constant are those of the constant, and a negative step walks backwards. */
function sliced(conversion: Conversion, value: ConstantValue): ConstantValue {
  const { node } = conversion;
  const given = constants(conversion);
  const list = (at: number, name: string): readonly number[] | undefined =>
    integersOf(node, name) ?? (given[at] === undefined ? undefined : smallIntegers(node, given[at]));
  const starts = list(1, 'starts') ?? [];
  const ends = list(2, 'ends') ?? [];
  const axes = list(3, 'axes') ?? starts.map((_, at) => at);
  const strides = list(4, 'steps') ?? starts.map(() => 1);
  const { shape } = value;
  const extents = [...shape];
  const steps = stepsOf(shape);
  const moves = [...steps];
  let start = 0;
  axes.forEach((raw, at) => {
    const axis = axisOf(node, raw, shape.length);
    const extent = shape[axis]!;
    const step = strides[at] ?? 1;
    if (step === 0) throw unsupported(node, 'a step of 0');
    const clamp = (place: number): number =>
      Math.min(
        Math.max(place < 0 ? place + extent : place, step < 0 ? -1 : 0),
        step < 0 ? extent - 1 : extent,
      );
    const [first, last] = [clamp(starts[at] ?? 0), clamp(ends[at] ?? extent)];
    extents[axis] = Math.max(0, Math.ceil((last - first) / step));
    start += first * steps[axis]!;
    moves[axis] = step * steps[axis]!;
  });
  const from = small(node, value);
  return rebuilt(
    node,
    extents,
    Array.from(walk(extents, moves, start), (place) => from[place]!),
    value.isIntegral,
  );
}

function joined(conversion: Conversion): ConstantValue {
  const { node } = conversion;
  const parts = constants(conversion);
  const { shape, isIntegral } = parts[0]!;
  const axis = axisOf(node, integerOf(node, 'axis', 0), shape.length);
  const rest = (part: ConstantValue): string => part.shape.toSpliced(axis, 1).join();
  if (parts.some((part) => part.shape.length !== shape.length || rest(part) !== rest(parts[0]!)))
    throw unsupported(node, 'constants that do not fit together');
  const numbers = parts.map((part) => small(node, part));
  const outer = elementCount(shape.slice(0, axis));
  const inner = elementCount(shape.slice(axis + 1));
  const result = Array.from(
    { length: outer },
    (_, at) =>
    parts.map((part, which) => numbers[which]!.slice(at * part.shape[axis]! * inner, (at + 1) * part.shape[axis]! * inner)), // prettier-ignore
  ).flat(2);
  const extent = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  return rebuilt(node, shape.toSpliced(axis, 1, extent), result, isIntegral);
}

function axisOf(node: OnnxNode, axis: number, rank: number): number {
  const own = axis < 0 ? axis + rank : axis;
  if (own >= 0 && own < rank) return own;
  throw unsupported(node, `the axis ${axis} of a constant of ${rank} axes`);
}

function mapped(value: ConstantValue, change: (x: number) => number): ConstantValue {
  return { ...value, floats: () => value.floats().map(change), integers: () => value.integers().map(change) };
}

/** Two constants of one shape, or one of them a single number. */
function combined(node: OnnxNode, left: ConstantValue, right: ConstantValue): ConstantValue | undefined {
  if (left.size !== right.size && left.size !== 1 && right.size !== 1) return undefined;
  if (left.size === right.size && left.shape.join() !== right.shape.join() && left.size !== 1)
    return undefined;
  const operations: Readonly<Record<string, (x: number, y: number) => number>> = {
    Add: (x, y) => x + y,
    Sub: (x, y) => x - y,
    Mul: (x, y) => x * y,
    Div: (x, y) => (left.isIntegral ? Math.trunc(x / y) : x / y),
  };
  const operate = operations[node.op]!;
  const shape = left.size >= right.size && left.shape.length >= right.shape.length ? left.shape : right.shape;
  const size = elementCount(shape);
  const compute = (x: ArrayLike<number>, y: ArrayLike<number>): number[] =>
    Array.from({ length: size }, (_, at) =>
      operate(x[left.size === 1 ? 0 : at]!, y[right.size === 1 ? 0 : at]!),
    );
  return {
    kind: 'constant',
    shape,
    size,
    isIntegral: left.isIntegral,
    floats: () => Float32Array.from(compute(left.floats(), right.floats())),
    integers: () => compute(left.integers(), right.integers()),
  };
}
