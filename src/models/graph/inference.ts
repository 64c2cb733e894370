/** A folded network in a TensorFlow graph: its forward pass, and the gradient of its input from any at its logits. */
import { float32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { FoldedNetwork, FoldedNode } from '../folding.ts';
import {
  emitActivationGradient,
  emitConvolution,
  emitConvolutionInputGradient,
  emitDense,
  emitDenseInputGradient,
} from './convolution.ts';
import type { Emitter } from './emitter.ts';
import { emitWeightless, emitWeightlessGradient } from './weightless.ts';

/** One weight of a folded network, as graphs are fed it; `name` is the placeholder's. */
export interface GraphWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** In the order in which graphs take them. */
export function graphWeights({ nodes }: FoldedNetwork): readonly GraphWeight[] {
  return nodes.flatMap((node, index) => weightsOf(node, index));
}

function weightsOf(node: FoldedNode, index: number): GraphWeight[] {
  // Nodes are named by people: a number is a legal name for TensorFlow whatever they chose.
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
    case 'weightless':
      return [];
  }
}

export interface EmittedForward {
  readonly logits: Output;
  /** Placeholders of `graphWeights`, in that order. */
  readonly weights: readonly Output[];
  /** Adds a reverse pass: the gradient of the pixels from `seed`, that of the logits. */
  readonly backward: (seed: Output) => Output;
}

export function emitForward(emit: Emitter, folded: FoldedNetwork): EmittedForward {
  const { nodes, output, shapes } = folded;
  const placeholders = new Map<string, Output>();
  for (const { name, shape } of graphWeights(folded))
    placeholders.set(name, emit.graph.placeholder(name, float32, shape));
  const weight = (part: string, index: number): Output => placeholders.get(`${part}_${index}`)!;
  const values = new Map<string, Output>([['input', emit.pixels]]);
  nodes.forEach((node, index) => {
    const inputs = node.inputs.map((input) => values.get(input)!);
    values.set(node.name, forward(node, index, inputs));
  });

  function forward(node: FoldedNode, index: number, inputs: readonly Output[]): Output {
    const x = inputs[0]!;
    switch (node.op) {
      case 'convolution': {
        const bias = node.bias && weight('bias', index);
        return emitConvolution(emit, x, weight('weight', index), bias, node);
      }
      case 'dense': {
        const bias = node.bias && weight('bias', index);
        return emitDense(emit, x, weight('weight', index), bias, node.activation);
      }
      case 'affine': {
        const scaled = emit.float('Mul', [x, weight('scale', index)]);
        return emit.float('AddV2', [scaled, weight('shift', index)]);
      }
      case 'weightless':
        return emitWeightless(emit, node.node, inputs, shapes);
    }
  }

  function backwardOf(node: FoldedNode, index: number, dy: Output): readonly Output[] {
    const result = values.get(node.name)!;
    switch (node.op) {
      case 'convolution': {
        const inner = emitActivationGradient(emit, dy, result, node.activation);
        return [emitConvolutionInputGradient(emit, inner, weight('weight', index), node)];
      }
      case 'dense': {
        const inner = emitActivationGradient(emit, dy, result, node.activation);
        return [emitDenseInputGradient(emit, inner, weight('weight', index))];
      }
      case 'affine':
        return [emit.float('Mul', [dy, weight('scale', index)])];
      case 'weightless':
        return emitWeightlessGradient(emit, node.node, dy, values.get(node.inputs[0]!)!, result, shapes);
    }
  }

  return {
    logits: values.get(output)!,
    weights: [...placeholders.values()],
    backward(seed) {
      const gradients = new Map<string, Output>([[output, seed]]);
      for (const [index, node] of [...nodes.entries()].reverse()) {
        const dy = gradients.get(node.name);
        if (dy === undefined) continue;
        backwardOf(node, index, dy).forEach((part, position) => {
          const input = node.inputs[position]!;
          const sum = gradients.get(input);
          gradients.set(input, sum === undefined ? part : emit.float('AddV2', [sum, part]));
        });
      }
      return gradients.get('input')!;
    },
  };
}
