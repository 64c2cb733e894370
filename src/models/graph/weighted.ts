/** The mathematics of ../operations/weighted.ts in a TensorFlow graph. */
import { int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { ActivationShape } from '../network.ts';
import type { WeightedNode } from '../operations/weighted.ts';
import { overLast } from './attention.ts';
import { emitSlice } from './convolution.ts';
import type { Emitter } from './emitter.ts';
import { reshape } from './gates.ts';

type WeightOf = (part: 'weight' | 'bias') => Output;

/** Emits the output of a node that has weights, from its input `x`, whose shape without the batch is `shape`. */
export function emitWeighted(
  emit: Emitter,
  node: WeightedNode,
  x: Output,
  weight: WeightOf,
  shape: ActivationShape,
): Output {
  switch (node.op) {
    case 'layer-norm': {
      const { normalised } = normalise(emit, x, node.epsilon);
      return emit.float('AddV2', [emit.float('Mul', [normalised, weight('weight')]), weight('bias')]);
    }
    case 'affine':
      return emit.float('AddV2', [emit.float('Mul', [x, weight('weight')]), weight('bias')]);
    case 'offset':
      return emit.float('AddV2', [x, weight('bias')]);
    case 'tokens': {
      const [, channels] = shape as [number, number];
      const one = reshape(emit, weight('weight'), [1, node.count, channels]);
      const rows = emit.float('BroadcastTo', [one, emit.batchShape([node.count, channels])], { Tidx: int32 });
      const parts = node.place === 'before' ? [rows, x] : [x, rows];
      return emit.float('ConcatV2', [...parts, emit.integer(1)], { N: 2, Tidx: int32 });
    }
  }
}

export function emitWeightedInputGradient(
  emit: Emitter,
  node: WeightedNode,
  dy: Output,
  x: Output,
  weight: WeightOf,
  shape: ActivationShape,
): Output {
  switch (node.op) {
    case 'layer-norm': {
      const { normalised, inverse } = normalise(emit, x, node.epsilon);
      const inner = emit.float('Mul', [dy, weight('weight')]);
      const mean = overLast(emit, 'Mean', emit.float('Mul', [inner, normalised]));
      const along = emit.float('Mul', [normalised, mean]);
      const centred = emit.float('Sub', [inner, overLast(emit, 'Mean', inner)]);
      return emit.float('Mul', [inverse, emit.float('Sub', [centred, along])]);
    }
    case 'affine':
      return emit.float('Mul', [dy, weight('weight')]);
    case 'offset':
      return dy;
    case 'tokens':
      return emitSlice(emit, dy, [0, node.place === 'before' ? node.count : 0, 0], shape);
  }
}

export function emitWeightedWeightGradients(
  emit: Emitter,
  node: WeightedNode,
  dy: Output,
  x: Output,
  shape: ActivationShape,
): Readonly<Record<string, Output>> {
  const overPlaces = (values: Output): Output => {
    const axes = Array.from({ length: shape.length }, (_, at) => at);
    return emit.float('Sum', [values, emit.integers(axes)], { Tidx: int32, keep_dims: false });
  };
  const overImages = (values: Output): Output =>
    emit.float('Sum', [values, emit.integers([0])], { Tidx: int32, keep_dims: false });
  switch (node.op) {
    case 'layer-norm': {
      const { normalised } = normalise(emit, x, node.epsilon);
      return { weight: overPlaces(emit.float('Mul', [dy, normalised])), bias: overPlaces(dy) };
    }
    case 'affine':
      return { weight: overPlaces(emit.float('Mul', [dy, x])), bias: overPlaces(dy) };
    case 'offset':
      return { bias: overImages(dy) };
    case 'tokens': {
      const start = node.place === 'before' ? 0 : shape[0]!;
      return { weight: overImages(emitSlice(emit, dy, [0, start, 0], [node.count, shape[1]!])) };
    }
  }
}

function normalise(emit: Emitter, x: Output, epsilon: number): { normalised: Output; inverse: Output } {
  const centred = emit.float('Sub', [x, overLast(emit, 'Mean', x)]);
  const variance = overLast(emit, 'Mean', emit.float('Square', [centred]));
  const inverse = emit.float('Rsqrt', [emit.float('AddV2', [variance, emit.numbers([epsilon])])]);
  return { normalised: emit.float('Mul', [centred, inverse]), inverse };
}
