/**
 * The operations without weights and their gradients, in a TensorFlow graph. The mathematics is that of
 * ../operations/.
 */
import { int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { ActivationShape } from '../network.ts';
import { poolGeometry } from '../operations/pooling.ts';
import type { WeightlessNode } from '../operations/weightless.ts';
import { emitActivation, emitActivationGradient, emitPad, emitSlice } from './convolution.ts';
import {
  emitAxisSlice,
  emitAxisSliceGradient,
  emitExpand,
  emitExpandGradient,
  emitGelu,
  emitGeluGradient,
  emitMatmul,
  emitMatmulGradients,
  emitPermute,
  emitPermuteGradient,
  emitReciprocalGradient,
  emitSoftmaxGradient,
} from './attention.ts';
import type { Emitter } from './emitter.ts';
import {
  emitHardSigmoid,
  emitHardSigmoidGradient,
  emitHardSwish,
  emitHardSwishGradient,
  emitMultiply,
  emitMultiplyGradients,
  emitSilu,
  emitSiluGradient,
  reshape,
} from './gates.ts';
import { emitAveragePool, emitAveragePoolGradient, emitMaxPool, emitMaxPoolGradient } from './pooling.ts';
import { elementCount } from '../../values/element-count.ts';

type NodeOf<Op extends WeightlessNode['op']> = Extract<WeightlessNode, { op: Op }>;

/**
 * Emits the output of a node without weights. `inputs` are in the order of the node, and `shapes` are those of the
 * network.
 */
export function emitWeightless(
  emit: Emitter,
  node: WeightlessNode,
  inputs: readonly Output[],
  shapes: ReadonlyMap<string, ActivationShape>,
): Output {
  const x = inputs[0]!;
  const shape = shapes.get(node.inputs[0])!;
  switch (node.op) {
    case 'relu':
    case 'relu6':
      return emitActivation(emit, x, node.op);
    case 'sigmoid':
      return emit.float('Sigmoid', [x]);
    case 'silu':
    case 'hard-swish':
      return node.op === 'silu' ? emitSilu(emit, x) : emitHardSwish(emit, x);
    case 'hard-sigmoid':
      return emitHardSigmoid(emit, x, node);
    case 'gelu':
      return emitGelu(emit, x, node);
    case 'reciprocal':
      return emit.float('Reciprocal', [x]);
    case 'softmax':
      return emit.float('Softmax', [x]);
    case 'matmul':
      return emitMatmul(emit, inputs);
    case 'permute':
      return emitPermute(emit, x, node.order);
    case 'slice':
      return emitAxisSlice(emit, x, node, shape);
    case 'expand':
      return emitExpand(emit, x, node, shape);
    case 'multiply':
      return emitMultiply(emit, inputs, node, shapes);
    case 'max-pool':
      return emitMaxPool(emit, x, poolGeometry(node, shape));
    case 'average-pool':
      return emitAveragePool(emit, x, poolGeometry(node, shape));
    case 'global-average-pool':
      return emit.float('Mean', [x, emit.integers([1, 2])], { Tidx: int32, keep_dims: false });
    case 'add':
      return emit.float('AddV2', inputs);
    case 'concat':
      return emit.float('ConcatV2', [...inputs, emit.integer(shape.length)], {
        N: inputs.length,
        Tidx: int32,
      });
    case 'shortcut':
      return emitShortcut(emit, x, node);
    case 'scale':
      return emit.float('Mul', [x, emit.numbers([node.factor])]);
    case 'flatten':
      return reshape(emit, x, [-1, elementCount(shape)]);
    case 'reshape':
      return reshape(emit, x, [-1, ...node.shape]);
  }
}

/** Gradients of the node's inputs, in order. */
export function emitWeightlessGradient(
  emit: Emitter,
  node: WeightlessNode,
  dy: Output,
  inputs: readonly Output[],
  output: Output,
  shapes: ReadonlyMap<string, ActivationShape>,
): readonly Output[] {
  const input = inputs[0]!;
  const shape = shapes.get(node.inputs[0])!;
  switch (node.op) {
    case 'relu':
    case 'relu6':
      return [emitActivationGradient(emit, dy, output, node.op)];
    case 'sigmoid':
      return [emit.float('SigmoidGrad', [output, dy])];
    case 'silu':
      return [emitSiluGradient(emit, dy, input)];
    case 'hard-swish':
      return [emitHardSwishGradient(emit, dy, input)];
    case 'hard-sigmoid':
      return [emitHardSigmoidGradient(emit, dy, output, node)];
    case 'gelu':
      return [emitGeluGradient(emit, dy, input, node)];
    case 'reciprocal':
      return [emitReciprocalGradient(emit, dy, output)];
    case 'softmax':
      return [emitSoftmaxGradient(emit, dy, output)];
    case 'matmul':
      return emitMatmulGradients(emit, dy, inputs);
    case 'permute':
      return [emitPermuteGradient(emit, dy, node)];
    case 'slice':
      return [emitAxisSliceGradient(emit, dy, node, shape)];
    case 'expand':
      return [emitExpandGradient(emit, dy, node, shape)];
    case 'multiply':
      return emitMultiplyGradients(emit, dy, inputs, node, shapes);
    case 'max-pool':
      return [emitMaxPoolGradient(emit, dy, input, output, shape, poolGeometry(node, shape))];
    case 'average-pool':
      return [emitAveragePoolGradient(emit, dy, shape, poolGeometry(node, shape))];
    case 'global-average-pool': {
      const [height, width, channels] = shape as [number, number, number];
      const area = height * width;
      const spread = emit.numbers(new Float32Array(area).fill(1 / area), [1, height, width, 1]);
      return [emit.float('Mul', [reshape(emit, dy, [-1, 1, 1, channels]), spread])];
    }
    case 'add':
      return [dy, dy];
    case 'concat':
      return emitConcatGradient(emit, node, dy, shapes);
    case 'shortcut':
      return [emitShortcutGradient(emit, dy, shape, node)];
    case 'scale':
      return [emit.float('Mul', [dy, emit.numbers([node.factor])])];
    case 'flatten':
    case 'reshape':
      return [reshape(emit, dy, [-1, ...shape])];
  }
}

function emitConcatGradient(
  emit: Emitter,
  node: NodeOf<'concat'>,
  dy: Output,
  shapes: ReadonlyMap<string, ActivationShape>,
): readonly Output[] {
  const parts = node.inputs.map((input) => shapes.get(input)!);
  const sizes = emit.integers(parts.map((part) => part.at(-1)!));
  const first = emit.float('SplitV', [dy, sizes, emit.integer(parts[0]!.length)], {
    num_split: parts.length,
    Tlen: int32,
  });
  return parts.map((_, index) => emit.graph.output(first, index));
}

/** Every `stride`-th pixel, with zero channels before and after. */
function emitShortcut(emit: Emitter, x: Output, { stride, before, after }: NodeOf<'shortcut'>): Output {
  const kept = stride === 1 ? x : emit.float('AvgPool', [x], subsampling(stride));
  return before + after === 0 ? kept : emitPad(emit, kept, [[0, 0], [0, 0], [0, 0], [before, after]]); // prettier-ignore
}

function emitShortcutGradient(
  emit: Emitter,
  dy: Output,
  [height, width, channels]: ActivationShape,
  { stride, before, after }: NodeOf<'shortcut'>,
): Output {
  const small = [Math.ceil(height! / stride), Math.ceil(width! / stride), channels!];
  const kept = before + after === 0 ? dy : emitSlice(emit, dy, [0, 0, 0, before], small);
  if (stride === 1) return kept;
  return emit.float(
    'AvgPoolGrad',
    [emit.batchShape([height!, width!, channels!]), kept],
    subsampling(stride),
  );
}

/**
 * Subsamples by a mean over one pixel, because TensorFlow's strided slice takes longer, above all its
 * gradient.
 */
function subsampling(stride: number) {
  return {
    ksize: [1, 1, 1, 1],
    strides: [1, stride, stride, 1],
    padding: 'VALID',
    data_format: 'NHWC',
  };
}
