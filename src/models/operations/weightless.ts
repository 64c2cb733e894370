/**
 * The operations without weights, which do the same in training and inference, as steps with their gradients.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import type { NetworkNode } from '../../values/model.ts';
import type { ActivationShape } from '../network.ts';
import { activate, activationGradient, shortcut, shortcutGradient } from './pointwise.ts';
import * as arrangement from './arrangement.ts';
import * as attention from './attention.ts';
import * as gates from './gates.ts';
import * as pooling from './pooling.ts';
import type { WeightedNode } from './weighted.ts';

/** One step of an evaluation and its input gradient. */
export interface Step {
  readonly name: string;
  readonly inputs: readonly string[];
  /** The results of the forward pass that `backward` needs. */
  readonly keeps: 'nothing' | 'output' | 'inputs' | 'inputs-and-output';
  /** The caller disposes the result. */
  readonly forward: (inputs: readonly Tensor[]) => Tensor;
  /**
   * Gradients of the inputs, in order; the caller disposes them. `kept` has the results that `keeps` names; `inputs` is
   * empty if it names none.
   */
  readonly backward: (
    dy: Tensor,
    kept: { readonly inputs: readonly Tensor[]; readonly output: Tensor | null },
  ) => readonly Tensor[];
}

export type WeightlessNode = Exclude<
  NetworkNode,
  WeightedNode | { op: 'conv' | 'dense' | 'batch-norm' | 'dropout' }
>;

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
  const keeping = (keeps: Step['keeps'], forward: Step['forward'], backward: Step['backward']): Step => ({
    name: node.name,
    inputs,
    keeps,
    forward,
    backward,
  });
  switch (node.op) {
    case 'relu':
    case 'relu6':
    case 'sigmoid':
    case 'hard-sigmoid':
    case 'silu':
    case 'hard-swish':
    case 'gelu':
    case 'reciprocal':
    case 'softmax':
      return keeping(...activationOf(node));
    case 'matmul':
      return keeping(
        'inputs',
        ([x, y]) => attention.matmul(x!, y!),
        (dy, { inputs: [x, y] }) => attention.matmulGradients(dy, x!, y!),
      );
    case 'permute':
    case 'slice':
    case 'expand':
      return step(...rearrangement(node, shape));
    case 'multiply':
      return keeping(
        'inputs',
        ([x, y]) => gates.multiply(x!, y!),
        (dy, { inputs: [x, y] }) => gates.multiplyGradients(dy, x!, y!),
      );
    case 'max-pool': {
      const geometry = pooling.poolGeometry(node, shape);
      return keeping(
        'inputs-and-output',
        ([x]) => pooling.maxPool(x!, geometry),
        (dy, { inputs: [x], output }) => [pooling.maxPoolGradient(dy, x!, output!, geometry)],
      );
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
    case 'reshape':
      return step(
        ([x]) => tf.reshape(x!, [x!.shape[0], ...shapes.get(node.name)!]),
        (dy) => [tf.reshape(dy, inputShape(dy))],
      );
  }
}

/** Both ways of a node that moves numbers, whose input has this shape. */
function rearrangement(
  node: Extract<WeightlessNode, { op: 'permute' | 'slice' | 'expand' }>,
  shape: ActivationShape,
): [forward: Step['forward'], backward: (dy: Tensor) => readonly Tensor[]] {
  switch (node.op) {
    case 'permute':
      return [
        ([x]) => arrangement.permute(x!, node.order),
        (dy) => [arrangement.permute(dy, arrangement.inverseOrder(node.order))],
      ];
    case 'slice':
      return [
        ([x]) => arrangement.slice(x!, node.axis, node.start, node.end),
        (dy) => [arrangement.sliceGradient(dy, node.axis, node.start, shape[node.axis]!)],
      ];
    case 'expand':
      return [([x]) => arrangement.expand(x!, node.shape), (dy) => [arrangement.expandGradient(dy, shape)]];
  }
}

type ActivationNode = Extract<
  WeightlessNode,
  {
    op:
      | 'relu'
      | 'relu6'
      | 'sigmoid'
      | 'hard-sigmoid'
      | 'silu'
      | 'hard-swish'
      | 'gelu'
      | 'reciprocal'
      | 'softmax';
  }
>;

/** The results that an activation keeps, and both of its ways. */
function activationOf(node: ActivationNode): [Step['keeps'], Step['forward'], Step['backward']] {
  switch (node.op) {
    case 'relu':
    case 'relu6':
      return [
        'output',
        ([x]) => activate(x!, node.op),
        (dy, { output }) => [activationGradient(dy, output!, node.op)],
      ];
    case 'sigmoid':
      return ['output', ([x]) => tf.sigmoid(x!), (dy, { output }) => [gates.sigmoidGradient(dy, output!)]];
    case 'hard-sigmoid':
      return [
        'output',
        ([x]) => gates.hardSigmoid(x!, node),
        (dy, { output }) => [gates.hardSigmoidGradient(dy, output!, node)],
      ];
    case 'silu':
    case 'hard-swish': {
      const [forward, gradient] =
        node.op === 'silu' ? [gates.silu, gates.siluGradient] : [gates.hardSwish, gates.hardSwishGradient];
      return ['inputs', ([x]) => forward(x!), (dy, { inputs: [x] }) => [gradient(dy, x!)]];
    }
    case 'gelu':
      return [
        'inputs',
        ([x]) => attention.gelu(x!, node.approximate),
        (dy, { inputs: [x] }) => [attention.geluGradient(dy, x!, node.approximate)],
      ];
    case 'reciprocal':
      return [
        'output',
        ([x]) => tf.reciprocal(x!),
        (dy, { output }) => [attention.reciprocalGradient(dy, output!)],
      ];
    case 'softmax':
      return [
        'output',
        ([x]) => tf.softmax(x!),
        (dy, { output }) => [attention.softmaxGradient(dy, output!)],
      ];
  }
}
