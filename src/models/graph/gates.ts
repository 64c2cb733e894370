/** The mathematics of ../operations/gates.ts in a TensorFlow graph. */
import { int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { ActivationShape } from '../network.ts';
import type { WeightlessNode } from '../operations/weightless.ts';
import type { Emitter } from './emitter.ts';

type Multiply = Extract<WeightlessNode, { op: 'multiply' }>;
type HardSigmoid = Extract<WeightlessNode, { op: 'hard-sigmoid' }>;

export function reshape(emit: Emitter, x: Output, shape: readonly number[]): Output {
  return emit.float('Reshape', [x, emit.integers(shape)], { Tshape: int32 });
}

export function emitSilu(emit: Emitter, x: Output): Output {
  return emit.float('Mul', [x, emit.float('Sigmoid', [x])]);
}

export function emitSiluGradient(emit: Emitter, dy: Output, x: Output): Output {
  const gate = emit.float('Sigmoid', [x]);
  const one = emit.numbers([1]);
  const bent = emit.float('Mul', [x, emit.float('Sub', [one, gate])]);
  const slope = emit.float('Mul', [gate, emit.float('AddV2', [one, bent])]);
  return emit.float('Mul', [dy, slope]);
}

export function emitHardSwish(emit: Emitter, x: Output): Output {
  return emit.float('Mul', [emit.float('Mul', [x, emit.numbers([1 / 6])]), hardGate(emit, x)]);
}

export function emitHardSwishGradient(emit: Emitter, dy: Output, x: Output): Output {
  const gate = hardGate(emit, x);
  const sixth = emit.float('Mul', [dy, emit.numbers([1 / 6])]);
  // Where the gate is open, the product with x has a gradient through it too.
  const through = emit.float('Relu6Grad', [emit.float('Mul', [sixth, x]), gate]);
  return emit.float('AddV2', [emit.float('Mul', [sixth, gate]), through]);
}

function hardGate(emit: Emitter, x: Output): Output {
  return emit.float('Relu6', [emit.float('AddV2', [x, emit.numbers([3])])]);
}

/** This computes `relu6(6 · (slope · x + offset)) / 6`. */
export function emitHardSigmoid(emit: Emitter, x: Output, { slope, offset }: HardSigmoid): Output {
  const ramp = emit.float('AddV2', [
    emit.float('Mul', [x, emit.numbers([6 * slope])]),
    emit.numbers([6 * offset]),
  ]);
  return emit.float('Mul', [emit.float('Relu6', [ramp]), emit.numbers([1 / 6])]);
}

export function emitHardSigmoidGradient(
  emit: Emitter,
  dy: Output,
  output: Output,
  { slope }: HardSigmoid,
): Output {
  const scaled = emit.float('Mul', [dy, emit.numbers([slope])]);
  // Both outputs are multiplied by 6 alike, so an output of 1 is one of exactly 6 again.
  return emit.float('Relu6Grad', [scaled, emit.float('Mul', [output, emit.numbers([6])])]);
}

export function emitMultiply(
  emit: Emitter,
  [x, y]: readonly Output[],
  node: Multiply,
  shapes: ReadonlyMap<string, ActivationShape>,
): Output {
  return emit.float('Mul', [x!, spread(emit, y!, node, shapes)]);
}

export function emitMultiplyGradients(
  emit: Emitter,
  dy: Output,
  [x, y]: readonly Output[],
  node: Multiply,
  shapes: ReadonlyMap<string, ActivationShape>,
): readonly Output[] {
  const [own, other] = node.inputs.map((input) => shapes.get(input)!) as [ActivationShape, ActivationShape];
  const byY = emit.float('Mul', [dy, x!]);
  const sum = (): Output =>
    reshape(
      emit,
      emit.float('Sum', [byY, emit.integers([1, 2])], { Tidx: int32, keep_dims: false }),
      [-1, ...other],
    ); // prettier-ignore
  return [emit.float('Mul', [dy, spread(emit, y!, node, shapes)]), own.join() === other.join() ? byY : sum()];
}

/** A factor `[n, c]` as `[n, 1, 1, c]`, for images. */
function spread(
  emit: Emitter,
  y: Output,
  { inputs }: Multiply,
  shapes: ReadonlyMap<string, ActivationShape>,
): Output {
  const [own, other] = inputs.map((input) => shapes.get(input)!) as [ActivationShape, ActivationShape];
  return own.length === other.length ? y : reshape(emit, y, [-1, 1, 1, other.at(-1)!]);
}
