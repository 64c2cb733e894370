/**
 * A folded network in a TensorFlow graph: its forward pass, and the gradient of its input from any gradient
 * of its logits.
 */
import { float32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { FoldedNetwork, FoldedNode } from '../folding.ts';
import { backwardPass, recordTape } from '../tape.ts';
import type { Evaluated } from '../tape.ts';
import {
  emitActivationGradient,
  emitConvolution,
  emitConvolutionInputGradient,
  emitDense,
  emitDenseInputGradient,
} from './convolution.ts';
import type { Emitter } from './emitter.ts';
import { emitWeighted, emitWeightedInputGradient } from './weighted.ts';
import { emitWeightless, emitWeightlessGradient } from './weightless.ts';

/** One weight of a folded network, which graphs are fed; `name` is that of its placeholder. */
export interface GraphWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The weights in the order in which graphs are fed. */
export function graphWeights({ nodes }: FoldedNetwork): readonly GraphWeight[] {
  return nodes.flatMap((node, index) => weightsOf(node, index));
}

function weightsOf(node: FoldedNode, index: number): GraphWeight[] {
  // People name the nodes, but a number is a valid name for TensorFlow whatever they chose.
  const weight = (
    part: string,
    data: Float32Array,
    shape: readonly number[] = [data.length],
  ): GraphWeight => ({
    name: `${part}_${index}`,
    shape,
    data,
  });
  switch (node.op) {
    case 'convolution':
    case 'dense': {
      const { shape, data } = node.op === 'dense' ? node.matrix : node.filter;
      return [weight('weight', data, shape), ...(node.bias ? [weight('bias', node.bias)] : [])];
    }
    case 'affine':
      return [weight('scale', node.scale), weight('shift', node.shift)];
    case 'weighted':
      return Object.entries(node.weights).map(([part, { data, shape }]) => weight(part, data, shape));
    case 'weightless':
      return [];
  }
}

export interface EmittedForward {
  readonly logits: Output;
  /** Placeholders of `graphWeights`, in that order. */
  readonly weights: readonly Output[];
  /** Adds a backward pass: the gradient of the pixels from `seed`, the gradient of the logits. */
  readonly backward: (seed: Output) => Output;
}

export function emitForward(emit: Emitter, folded: FoldedNetwork): EmittedForward {
  const { nodes, output, shapes } = folded;
  const placeholders = new Map<string, Output>();
  for (const { name, shape } of graphWeights(folded))
    placeholders.set(name, emit.graph.placeholder(name, float32, shape));
  const weight = (part: string, index: number): Output => placeholders.get(`${part}_${index}`)!;
  const taped = (output: Output, inputGradients: (dy: Output) => readonly Output[]): Evaluated<Output> => ({
    output,
    backward: (dy) => ({ inputs: inputGradients(dy), weights: {} }),
  });
  const tape = recordTape(nodes, emit.pixels, (node, inputs, index): Evaluated<Output> => {
    const x = inputs[0]!;
    switch (node.op) {
      case 'convolution': {
        const bias = node.bias && weight('bias', index);
        const result = emitConvolution(emit, x, weight('weight', index), bias, node);
        return taped(result, (dy) => {
          const inner = emitActivationGradient(emit, dy, result, node.activation);
          return [emitConvolutionInputGradient(emit, inner, weight('weight', index), node)];
        });
      }
      case 'dense': {
        const bias = node.bias && weight('bias', index);
        const result = emitDense(emit, x, weight('weight', index), bias, node);
        return taped(result, (dy) => {
          const inner = emitActivationGradient(emit, dy, result, node.activation);
          return [emitDenseInputGradient(emit, inner, weight('weight', index), node)];
        });
      }
      case 'affine': {
        const scaled = emit.float('Mul', [x, weight('scale', index)]);
        const result = emit.float('AddV2', [scaled, weight('shift', index)]);
        return taped(result, (dy) => [emit.float('Mul', [dy, weight('scale', index)])]);
      }
      case 'weighted': {
        const of = (part: string): Output => weight(part, index);
        const shape = shapes.get(node.node.inputs[0])!;
        const result = emitWeighted(emit, node.node, x, of, shape);
        return taped(result, (dy) => [emitWeightedInputGradient(emit, node.node, dy, x, of, shape)]);
      }
      case 'weightless': {
        const result = emitWeightless(emit, node.node, inputs, shapes);
        return taped(result, (dy) => emitWeightlessGradient(emit, node.node, dy, inputs, result, shapes));
      }
    }
  });
  return {
    logits: tape.values.get(output)!,
    weights: [...placeholders.values()],
    backward: (seed) =>
      backwardPass(tape, output, seed, (left, right) => emit.float('AddV2', [left, right])).input!,
  };
}
