/**
 * A model as the steps that inference takes: batch norm folded into the convolution before it, the ReLU after a
 * convolution or dense layer fused into it, dropout gone, normalisation first. Each step knows its own input gradient.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../tensors/tf.ts';
import type { Model, NetworkNode, WeightTensor } from '../values/model.ts';
import { networkShapes } from './network.ts';
import { convolutionGeometry, convolutionInputGradient, convolve } from './operations/convolution.ts';
import type { Activation } from './operations/convolution.ts';
import { activationGradient, dense } from './operations/pointwise.ts';
import { weightlessStep } from './operations/weightless.ts';
import type { Step } from './operations/weightless.ts';

export interface InferencePlan {
  readonly steps: readonly Step[];
  readonly output: string;
  /** Weights on the device. */
  readonly tensors: readonly Tensor[];
}

/** Puts the weights on the current backend. The caller disposes `tensors`. */
export function inferencePlan(model: Model): InferencePlan {
  const { network } = model;
  const shapes = networkShapes(network);
  const consumers = new Map<string, NetworkNode[]>();
  for (const node of network.nodes) {
    for (const input of node.inputs) consumers.set(input, [...(consumers.get(input) ?? []), node]);
  }
  /** The one node that reads `name`, if it is of one of these kinds. */
  const follower = <Op extends NetworkNode['op']>(
    name: string,
    ...ops: Op[]
  ): Extract<NetworkNode, { op: Op }> | null => {
    const readers = consumers.get(name) ?? [];
    if (name === network.output || readers.length !== 1 || !ops.includes(readers[0]!.op as Op)) return null;
    return readers[0] as Extract<NetworkNode, { op: Op }>;
  };
  const tensors: Tensor[] = [];
  const device = (data: Float32Array, shape: readonly number[]): Tensor => {
    const tensor = tf.tensor(data, [...shape], 'float32');
    tensors.push(tensor);
    return tensor;
  };
  const steps: Step[] = [];
  const renamed = new Map<string, string>();
  const absorbed = new Set<string>();

  const normalised = normalisation(model);
  if (normalised !== null) {
    steps.push(affineStep('normalised input', 'input', device, normalised));
    renamed.set('input', 'normalised input');
  }
  for (const node of network.nodes) {
    if (absorbed.has(node.name)) continue;
    const inputs = node.inputs.map((input) => renamed.get(input) ?? input);
    let name = node.name;
    const absorb = (next: NetworkNode): void => {
      absorbed.add(next.name);
      name = next.name;
    };
    const activationAfter = (): Activation => {
      const next = follower(name, 'relu', 'relu6');
      if (next === null) return 'linear';
      absorb(next);
      return next.op;
    };
    const inputShape = (count: number): number[] => [count, ...shapes.get(node.inputs[0])!];
    const weight = (part: string): WeightTensor => model.weights[`${node.name}.${part}`]!;

    switch (node.op) {
      case 'conv': {
        const geometry = convolutionGeometry(node);
        const norm = follower(name, 'batch-norm');
        if (norm !== null) absorb(norm);
        const folded = foldBatchNorm(
          weight('weight'),
          node.bias ? weight('bias') : null,
          norm && batchNorm(model, norm),
        );
        const activation = activationAfter();
        const filter = device(folded.filter, weight('weight').shape);
        const bias = folded.bias && device(folded.bias, [node.filters]);
        steps.push({
          name,
          inputs,
          keeps: activation === 'linear' ? 'nothing' : 'output',
          forward: ([x]) => convolve(x!, filter, bias, activation, geometry),
          backward: (dy, { output }) => {
            const inner = beforeActivation(dy, output, activation);
            const gradient = convolutionInputGradient(inner, filter, inputShape(dy.shape[0]), geometry);
            if (inner !== dy) inner.dispose();
            return [gradient];
          },
        });
        break;
      }
      case 'dense': {
        const matrix = device(weight('weight').data, weight('weight').shape);
        // Kept transposed: the wasm backend multiplies by a transposed matrix with a plain loop, ten times slower.
        const transposed = tf.transpose(matrix);
        tensors.push(transposed);
        const bias = node.bias ? device(weight('bias').data, weight('bias').shape) : null;
        const activation = activationAfter();
        steps.push({
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
        });
        break;
      }
      case 'batch-norm':
        steps.push(affineStep(name, inputs[0]!, device, batchNorm(model, node)));
        break;
      case 'dropout':
        renamed.set(name, inputs[0]!);
        break;
      default:
        steps.push(weightlessStep(node, inputs, shapes));
    }
  }
  return { steps, output: renamed.get(network.output) ?? network.output, tensors };
}

/** Per channel, `y = scale · x + shift`. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

function affineStep(
  name: string,
  input: string,
  device: (data: Float32Array, shape: readonly number[]) => Tensor,
  affine: Affine,
): Step {
  const scale = device(Float32Array.from(affine.scale), [affine.scale.length]);
  const shift = device(Float32Array.from(affine.shift), [affine.shift.length]);
  return {
    name,
    inputs: [input],
    keeps: 'nothing',
    forward: ([x]) => tf.tidy(() => tf.add(tf.mul(x!, scale), shift)),
    backward: (dy) => [tf.mul(dy, scale)],
  };
}

/** Null where preprocessing is the identity. */
function normalisation({ preprocessing: { mean, std } }: Model): Affine | null {
  if (mean.every((value) => value === 0) && std.every((value) => value === 1)) return null;
  return {
    scale: Float64Array.from(std, (value) => 1 / value),
    shift: Float64Array.from(std, (value, channel) => -mean[channel]! / value),
  };
}

function batchNorm(model: Model, node: Extract<NetworkNode, { op: 'batch-norm' }>): Affine {
  const part = (name: string): Float32Array => model.weights[`${node.name}.${name}`]!.data;
  const scale = Float64Array.from(part('weight'), (gamma, channel) => {
    return gamma / Math.sqrt(part('running_var')[channel]! + node.epsilon);
  });
  const shift = scale.map(
    (factor, channel) => part('bias')[channel]! - factor * part('running_mean')[channel]!,
  );
  return { scale, shift };
}

function foldBatchNorm(
  filter: WeightTensor,
  bias: WeightTensor | null,
  norm: Affine | null,
): { readonly filter: Float32Array; readonly bias: Float32Array | null } {
  if (norm === null) return { filter: filter.data, bias: bias && bias.data };
  // The output channel runs fastest, in ordinary and in depthwise filters.
  const channels = norm.scale.length;
  return {
    filter: filter.data.map((value, index) => value * norm.scale[index % channels]!),
    bias: Float32Array.from(
      norm.shift,
      (shift, channel) => shift + norm.scale[channel]! * (bias?.data[channel] ?? 0),
    ),
  };
}

function beforeActivation(dy: Tensor, output: Tensor | null, activation: Activation): Tensor {
  return activation === 'linear' ? dy : activationGradient(dy, output!, activation);
}
