/** The mathematics of ../operations/attention.ts and ../operations/arrangement.ts in a TensorFlow graph. */
import { int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { ActivationShape } from '../network.ts';
import { inverseOrder } from '../operations/arrangement.ts';
import type { WeightlessNode } from '../operations/weightless.ts';
import type { Emitter } from './emitter.ts';

type NodeOf<Op extends WeightlessNode['op']> = Extract<WeightlessNode, { op: Op }>;

export function emitMatmul(emit: Emitter, [left, right]: readonly Output[]): Output {
  return emit.float('BatchMatMulV2', [left!, right!]);
}

export function emitMatmulGradients(
  emit: Emitter,
  dy: Output,
  [left, right]: readonly Output[],
): readonly Output[] {
  return [
    emit.float('BatchMatMulV2', [dy, right!], { adj_y: true }),
    emit.float('BatchMatMulV2', [left!, dy], { adj_x: true }),
  ];
}

export function emitSoftmaxGradient(emit: Emitter, dy: Output, output: Output): Output {
  const product = emit.float('Mul', [dy, output]);
  return emit.float('Sub', [product, emit.float('Mul', [output, overLast(emit, 'Sum', product)])]);
}

/** A `Sum` or `Mean` along the last axis, which stays. */
export function overLast(emit: Emitter, operation: 'Sum' | 'Mean', x: Output): Output {
  return emit.float(operation, [x, emit.integer(-1)], { Tidx: int32, keep_dims: true });
}

const cubic = 0.044715;
const slope = Math.sqrt(2 / Math.PI);

export function emitGelu(emit: Emitter, x: Output, { approximate }: NodeOf<'gelu'>): Output {
  const open = emit.float('AddV2', [emit.numbers([1]), gate(emit, x, approximate)]);
  return emit.float('Mul', [emit.float('Mul', [x, emit.numbers([0.5])]), open]);
}

export function emitGeluGradient(
  emit: Emitter,
  dy: Output,
  x: Output,
  { approximate }: NodeOf<'gelu'>,
): Output {
  const one = emit.numbers([1]);
  const inner = gate(emit, x, approximate);
  const square = emit.float('Square', [x]);
  const scaled = (value: Output, factor: number): Output =>
    emit.float('Mul', [value, emit.numbers([factor])]);
  const bend =
    approximate === 'none'
      ? scaled(emit.float('Exp', [scaled(square, -0.5)]), slope)
      : emit.float('Mul', [
          emit.float('Sub', [one, emit.float('Square', [inner])]),
          emit.float('AddV2', [scaled(square, 3 * cubic * slope), emit.numbers([slope])]),
        ]);
  const open = emit.float('AddV2', [one, inner]);
  const derivative = scaled(emit.float('AddV2', [open, emit.float('Mul', [x, bend])]), 0.5);
  return emit.float('Mul', [dy, derivative]);
}

function gate(emit: Emitter, x: Output, approximate: 'none' | 'tanh'): Output {
  const scaled = emit.float('Mul', [x, emit.numbers([approximate === 'none' ? Math.SQRT1_2 : slope])]);
  if (approximate === 'none') return emit.float('Erf', [scaled]);
  const bend = emit.float('Mul', [emit.float('Square', [x]), emit.numbers([cubic])]);
  return emit.float('Tanh', [emit.float('Mul', [scaled, emit.float('AddV2', [bend, emit.numbers([1])])])]);
}

export function emitReciprocalGradient(emit: Emitter, dy: Output, output: Output): Output {
  return emit.float('Neg', [emit.float('Mul', [dy, emit.float('Square', [output])])]);
}

export function emitPermute(emit: Emitter, x: Output, order: readonly number[]): Output {
  return emit.float('Transpose', [x, emit.integers([0, ...order.map((axis) => axis + 1)])], {
    Tperm: int32,
  });
}

export function emitPermuteGradient(emit: Emitter, dy: Output, { order }: NodeOf<'permute'>): Output {
  return emitPermute(emit, dy, inverseOrder(order));
}

export function emitAxisSlice(
  emit: Emitter,
  x: Output,
  { axis, start, end }: NodeOf<'slice'>,
  shape: ActivationShape,
): Output {
  const begin = [0, ...shape.map((_, at) => (at === axis ? start : 0))];
  const size = [-1, ...shape.map((extent, at) => (at === axis ? end - start : extent))];
  return emit.float('Slice', [x, emit.integers(begin), emit.integers(size)], { Index: int32 });
}

/**
 * Emits the gradient of a slice with respect to its input: zeros outside the slice. `shape` is that of the input.
 */
export function emitAxisSliceGradient(
  emit: Emitter,
  dy: Output,
  { axis, start, end }: NodeOf<'slice'>,
  shape: ActivationShape,
): Output {
  const sides = shape.flatMap((extent, at) => (at === axis ? [start, extent - end] : [0, 0]));
  const paddings = emit.graph.constant(Int32Array.from([0, 0, ...sides]), [shape.length + 1, 2]);
  return emit.float('Pad', [dy, paddings], { Tpaddings: int32 });
}

export function emitExpand(emit: Emitter, x: Output, node: NodeOf<'expand'>, shape: ActivationShape): Output {
  const times = node.shape.map((extent, at) => extent / shape[at]!);
  return emit.float('Tile', [x, emit.integers([1, ...times])], { Tmultiples: int32 });
}

export function emitExpandGradient(
  emit: Emitter,
  dy: Output,
  node: NodeOf<'expand'>,
  shape: ActivationShape,
): Output {
  const axes = shape.flatMap((extent, at) => (extent === node.shape[at] ? [] : [at + 1]));
  return axes.length === 0
    ? dy
    : emit.float('Sum', [dy, emit.integers(axes)], { Tidx: int32, keep_dims: true });
}
