/** Operations on constants: other shapes and orders of weights, positions and tokens before they are used. */
import { elementCount } from '../../values/element-count.ts';
import { walk } from '../imported/walk.ts';
import { dimOf, extentsOf, integerOf, integersOf, spend, unsupported, valueOf } from './context.ts';
import type { Conversion } from './context.ts';
import { shown } from './values.ts';
import type { ConstantValue } from './values.ts';

/** The value of a node that reads no image; undefined if it is none that is computed here. */
export function folded(
  conversion: Conversion,
  name: string,
  value: ConstantValue,
): ConstantValue | undefined {
  const { node } = conversion;
  const { shape } = value;
  const rank = shape.length;
  const dim = (argument: string, fallback?: number, extra = 0): number =>
    dimOf(conversion, integerOf(conversion, argument, fallback), rank + extra);
  switch (name) {
    case 'view':
    case 'reshape':
    case '_unsafe_view': {
      const target = integersOf(conversion, name === 'reshape' ? 'shape' : 'size');
      const known = elementCount(target.filter((extent) => extent !== -1));
      return reshaped(conversion, value, target.map((extent) => (extent === -1 ? elementCount(shape) / known : extent))); // prettier-ignore
    }
    case 'flatten': {
      const [start, end] = [dim('start_dim', 0), dim('end_dim', -1)];
      if (end < start) return undefined;
      return reshaped(conversion, value, [...shape.slice(0, start), elementCount(shape.slice(start, end + 1)), ...shape.slice(end + 1)]); // prettier-ignore
    }
    case 'unsqueeze':
      if (rank > 7) return undefined;
      return { ...value, shape: shape.toSpliced(dim('dim', undefined, 1), 0, 1) };
    case 'squeeze': {
      const given = node.inputs.has('dim') ? integersOf(conversion, 'dim').map((one) => dimOf(conversion, one, rank)) : null; // prettier-ignore
      return { ...value, shape: shape.filter((extent, at) => extent !== 1 || given?.includes(at) === false) };
    }
    case 'transpose': {
      const order = shape.map((_, at) => at);
      const [first, second] = [dim('dim0'), dim('dim1')];
      return ordered(conversion, value, order.with(first, second).with(second, first));
    }
    case 't':
      return rank === 2 ? ordered(conversion, value, [1, 0]) : undefined;
    case 'permute':
      return ordered(
        conversion,
        value,
        integersOf(conversion, 'dims').map((one) => dimOf(conversion, one, rank)),
      );
    case 'expand':
      return expanded(conversion, value);
    case 'select': {
      const at = dim('dim');
      const index = integerOf(conversion, 'index');
      const place = index < 0 ? index + shape[at]! : index;
      const part = ranged(conversion, value, at, place, place + 1);
      return { ...part, shape: part.shape.toSpliced(at, 1) };
    }
    case 'slice': {
      const at = dim('dim', 0);
      const clamp = (place: number): number =>
        Math.min(Math.max(place < 0 ? place + shape[at]! : place, 0), shape[at]!);
      const [start, end] = [
        integerOf(conversion, 'start', 0),
        integerOf(conversion, 'end', Number.MAX_SAFE_INTEGER),
      ];
      if (integerOf(conversion, 'step', 1) !== 1) return undefined;
      return ranged(conversion, value, at, clamp(start), clamp(end));
    }
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
      return combined(conversion, name, value);
    default:
      return undefined;
  }
}

function reshaped({ node }: Conversion, value: ConstantValue, shape: readonly number[]): ConstantValue {
  const isWhole = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
  if (!isWhole || shape.length > 8 || elementCount(shape) !== elementCount(value.shape))
    throw unsupported(node, `the shape ${shown(shape)} for a constant of ${shown(value.shape)}`);
  return { ...value, shape };
}

function stepsOf(shape: readonly number[]): number[] {
  return shape.map((_, at) => elementCount(shape.slice(at + 1)));
}

/** The numbers at these places, computed once and only if they are used. */
function picked(
  { context }: Conversion,
  { floats }: ConstantValue,
  shape: readonly number[],
  steps: readonly number[],
  start = 0,
): ConstantValue {
  let made: Float32Array | undefined;
  return {
    kind: 'constant',
    shape,
    floats: () => {
      if (made === undefined) {
        spend(context, elementCount(shape));
        const from = floats();
        made = Float32Array.from(walk(shape, steps, start), (place) => from[place]!);
      }
      return made;
    },
  };
}

function ordered(conversion: Conversion, value: ConstantValue, order: readonly number[]): ConstantValue {
  const { shape } = value;
  if (order.length !== shape.length || new Set(order).size !== order.length)
    throw unsupported(conversion.node, `the order ${shown(order)} of ${shown(shape)}`);
  const steps = stepsOf(shape);
  return picked(conversion, value, order.map((axis) => shape[axis]!), order.map((axis) => steps[axis]!)); // prettier-ignore
}

function ranged(
  conversion: Conversion,
  value: ConstantValue,
  axis: number,
  start: number,
  end: number,
): ConstantValue {
  const { shape } = value;
  if (!(start >= 0 && end > start && end <= shape[axis]!))
    throw unsupported(conversion.node, `the places ${start} to ${end} of ${shape[axis]!}`);
  if (start === 0 && end === shape[axis]) return value;
  const steps = stepsOf(shape);
  return picked(conversion, value, shape.with(axis, end - start), steps, start * steps[axis]!);
}

/** Repeated extents. That of the images stays 1, as it is repeated by whatever reads the constant. */
function expanded(conversion: Conversion, value: ConstantValue): ConstantValue {
  const { node, context } = conversion;
  const target = extentsOf(conversion, 'size');
  const missing = target.length - value.shape.length;
  const own = [...Array.from({ length: Math.max(missing, 0) }, () => 1), ...value.shape];
  const shape = target.map((extent, at) => {
    if (extent === -1 && at >= missing) return own[at]!;
    return extent === 'batch' || (at === 0 && own[at] === 1 && extent === context.batch) ? 1 : extent;
  });
  const fits = missing >= 0 && shape.length <= 8 && shape.every((extent, at) => extent === own[at] || (own[at] === 1 && extent > 0)); // prettier-ignore
  if (!fits) throw unsupported(node, `the shape ${shown(target)} for a constant of ${shown(value.shape)}`);
  if (shape.join() === own.join()) return { ...value, shape };
  const steps = stepsOf(own);
  return picked(conversion, { ...value, shape: own }, shape, steps.map((step, at) => (own[at] === 1 ? 0 : step))); // prettier-ignore
}

/** Arithmetic of a constant with a number or with another of its shape. */
function combined(
  conversion: Conversion,
  name: 'add' | 'sub' | 'mul' | 'div',
  value: ConstantValue,
): ConstantValue | undefined {
  const other = valueOf(conversion, 'other');
  if (other?.kind !== 'constant' || conversion.node.inputs.has('alpha')) return undefined;
  const isScalar = elementCount(other.shape) === 1 && other.shape.length <= value.shape.length;
  if (!isScalar && other.shape.join() !== value.shape.join()) return undefined;
  const change = {
    add: (a: number, b: number) => a + b,
    sub: (a: number, b: number) => a - b,
    mul: (a: number, b: number) => a * b,
    div: (a: number, b: number) => a / b,
  }[name];
  return {
    ...value,
    floats: () => {
      spend(conversion.context, elementCount(value.shape));
      const second = other.floats();
      return value.floats().map((number, at) => change(number, second[isScalar ? 0 : at]!));
    },
  };
}
