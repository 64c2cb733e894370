/**
 * A folded network as steps on the current backend, one kernel call after another, each with its own input
 * gradient.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { FoldedNetwork, FoldedNode } from './folding.ts';
import type { ActivationShape } from './network.ts';
import { convolutionInputGradient, convolve } from './operations/convolution.ts';
import type { Activation } from './operations/convolution.ts';
import { activationGradient, dense } from './operations/pointwise.ts';
import { weighted, weightedInputGradient } from './operations/weighted.ts';
import { weightlessStep } from './operations/weightless.ts';
import type { Step } from './operations/weightless.ts';

export interface InferencePlan {
  readonly steps: readonly Step[];
  readonly output: string;
  /** The weights on the device. */
  readonly tensors: readonly Tensor[];
}

/** Puts the weights on the current backend. The caller disposes `tensors`. */
export function inferencePlan({ nodes, output, shapes }: FoldedNetwork): InferencePlan {
  const tensors: Tensor[] = [];
  const keep = (tensor: Tensor): Tensor => {
    tensors.push(tensor);
    return tensor;
  };
  const steps = nodes.map((node) => inferenceStep(node, keep, shapes));
  return { steps, output, tensors };
}

function inferenceStep(
  node: FoldedNode,
  keep: (tensor: Tensor) => Tensor,
  shapes: ReadonlyMap<string, ActivationShape>,
): Step {
  const { name, inputs } = node;
  const vector = (data: Float32Array): Tensor => keep(tf.tensor1d(data));
  switch (node.op) {
    case 'convolution': {
      const { geometry, activation, inputShape } = node;
      const filter = keep(tf.tensor(node.filter.data, [...node.filter.shape]));
      const bias = node.bias && vector(node.bias);
      return {
        name,
        inputs,
        keeps: activation === 'linear' ? 'nothing' : 'output',
        forward: ([x]) => convolve(x!, filter, bias, activation, geometry),
        backward: (dy, { output }) => {
          const inner = beforeActivation(dy, output, activation);
          const gradient = convolutionInputGradient(inner, filter, [dy.shape[0], ...inputShape], geometry);
          if (inner !== dy) inner.dispose();
          return [gradient];
        },
      };
    }
    case 'dense': {
      const { activation } = node;
      const matrix = keep(tf.tensor(node.matrix.data, [...node.matrix.shape]));
      // The transposed matrix is kept, because the wasm backend multiplies by a transposed matrix with a
      // plain loop, ten times slower.
      const transposed = keep(tf.transpose(matrix));
      const bias = node.bias && vector(node.bias);
      return {
        name,
        inputs,
        keeps: activation === 'linear' ? 'nothing' : 'output',
        forward: ([x]) => dense(x!, matrix, bias, activation),
        backward: (dy, { output }) => {
          const inner = beforeActivation(dy, output, activation);
          const gradient = dense(inner, transposed, null, 'linear');
          if (inner !== dy) inner.dispose();
          return [gradient];
        },
      };
    }
    case 'affine': {
      const scale = vector(node.scale);
      const shift = vector(node.shift);
      return {
        name,
        inputs,
        keeps: 'nothing',
        forward: ([x]) => tf.tidy(() => tf.add(tf.mul(x!, scale), shift)),
        backward: (dy) => [tf.mul(dy, scale)],
      };
    }
    case 'weighted': {
      const parts = Object.entries(node.weights);
      const onDevice = new Map(parts.map(([part, { data, shape }]) => [part, keep(tf.tensor(data, [...shape]))])); // prettier-ignore
      const weight = (part: string): Tensor => onDevice.get(part)!;
      return {
        name,
        inputs,
        keeps: node.node.op === 'layer-norm' ? 'inputs' : 'nothing',
        forward: ([x]) => weighted(node.node, x!, weight),
        backward: (dy, { inputs: [x] }) => [weightedInputGradient(node.node, dy, x, weight)],
      };
    }
    case 'weightless':
      return weightlessStep(node.node, inputs, shapes);
  }
}

function beforeActivation(dy: Tensor, output: Tensor | null, activation: Activation): Tensor {
  return activation === 'linear' ? dy : activationGradient(dy, output!, activation);
}
