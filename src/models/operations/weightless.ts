/**
 * The operations without weights, which do the same in training and inference, as steps with their gradients.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import type { NetworkNode } from '../../values/model.ts';
import type { ActivationShape } from '../network.ts';
import { activate, activationGradient, shortcut, shortcutGradient } from './pointwise.ts';
import * as pooling from './pooling.ts';

/** One step of an evaluation and its input gradient. */
export interface Step {
  readonly name: string;
  readonly inputs: readonly string[];
  /** The results of the forward pass that `backward` needs. */
  readonly keeps: 'nothing' | 'output' | 'input-and-output';
  /** The caller disposes the result. */
  readonly forward: (inputs: readonly Tensor[]) => Tensor;
  /**
   * Gradients of the inputs, in order; the caller disposes them. `kept` has the results that `keeps` names.
   */
  readonly backward: (
    dy: Tensor,
    kept: { readonly input: Tensor | null; readonly output: Tensor | null },
  ) => readonly Tensor[];
}

export type WeightlessNode = Exclude<NetworkNode, { op: 'conv' | 'dense' | 'batch-norm' | 'dropout' }>;

/**
 * Makes the step of a node. `shapes` are those of the node's network; `inputs` are the names to read, in the
 * node's order.
 */
export function weightlessStep(
  node: WeightlessNode,
  inputs: readonly string[],
  shapes: ReadonlyMap<string, ActivationShape>,
): Step {
  const shape = shapes.get(node.inputs[0])!;
  const inputShape = (dy: Tensor): number[] => [dy.shape[0], ...shape];
  const step = (forward: Step['forward'], backward: (dy: Tensor) => readonly Tensor[]): Step => ({
    name: node.name,
    inputs,
    keeps: 'nothing',
    forward,
    backward,
  });
  switch (node.op) {
    case 'relu':
    case 'relu6':
      return {
        name: node.name,
        inputs,
        keeps: 'output',
        forward: ([x]) => activate(x!, node.op),
        backward: (dy, { output }) => [activationGradient(dy, output!, node.op)],
      };
    case 'max-pool': {
      const geometry = pooling.poolGeometry(node, shape);
      return {
        name: node.name,
        inputs,
        keeps: 'input-and-output',
        forward: ([x]) => pooling.maxPool(x!, geometry),
        backward: (dy, { input, output }) => [pooling.maxPoolGradient(dy, input!, output!, geometry)],
      };
    }
    case 'average-pool': {
      const geometry = pooling.poolGeometry(node, shape);
      return step(
        ([x]) => pooling.averagePool(x!, geometry),
        (dy) => [pooling.averagePoolGradient(dy, inputShape(dy), geometry)],
      );
    }
    case 'global-average-pool':
      return step(
        ([x]) => pooling.globalAveragePool(x!),
        (dy) => [pooling.globalAveragePoolGradient(dy, inputShape(dy))],
      );
    case 'add':
      return step(
        ([x, y]) => tf.add(x!, y!),
        (dy) => [tf.clone(dy), tf.clone(dy)],
      );
    case 'concat': {
      const channels = node.inputs.map((input) => shapes.get(input)!.at(-1)!);
      return step(
        (parts) => tf.concat([...parts], -1),
        (dy) => tf.split(dy, channels, -1),
      );
    }
    case 'shortcut':
      return step(
        ([x]) => shortcut(x!, node.stride, node.before, node.after),
        (dy) => [shortcutGradient(dy, inputShape(dy), node.stride, node.before)],
      );
    case 'scale':
      return step(
        ([x]) => tf.mul(x!, node.factor),
        (dy) => [tf.mul(dy, node.factor)],
      );
    case 'flatten':
      return step(
        ([x]) => tf.reshape(x!, [x!.shape[0], -1]),
        (dy) => [tf.reshape(dy, inputShape(dy))],
      );
  }
}
