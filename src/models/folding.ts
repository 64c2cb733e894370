/**
 * A model in the form that inference computes, still plain data. Normalisation comes first, batch norms are
 * folded into the convolution before them, ReLUs are fused into the convolution or dense layer before them,
 * and dropout is removed.
 */
import type { Model, NetworkNode, WeightTensor } from '../values/model.ts';
import { networkShapes } from './network.ts';
import type { ActivationShape } from './network.ts';
import { convolutionGeometry } from './operations/convolution.ts';
import type { Activation, ConvolutionGeometry } from './operations/convolution.ts';
import type { WeightlessNode } from './operations/weightless.ts';

interface Named {
  readonly name: string;
  /** Names of earlier folded nodes or `'input'`. */
  readonly inputs: readonly string[];
}

export type FoldedNode = Named &
  (
    | {
        readonly op: 'convolution';
        readonly geometry: ConvolutionGeometry;
        readonly filter: WeightTensor;
        readonly bias: Float32Array | null;
        readonly activation: Activation;
        readonly inputShape: ActivationShape;
      }
    | {
        readonly op: 'dense';
        readonly matrix: WeightTensor;
        readonly bias: Float32Array | null;
        readonly activation: Activation;
      }
    /** Per channel, `y = scale · x + shift`. */
    | { readonly op: 'affine'; readonly scale: Float32Array; readonly shift: Float32Array }
    /** `node` is that of the network; folding may have renamed the inputs that it names. */
    | { readonly op: 'weightless'; readonly node: WeightlessNode }
  );

export interface FoldedNetwork {
  readonly nodes: readonly FoldedNode[];
  readonly output: string;
  /** Shapes in the network before folding, for the nodes without weights. */
  readonly shapes: ReadonlyMap<string, ActivationShape>;
}

/** Folds a model. Throws `NetworkError` if the nodes of its graph do not fit together. */
export function foldModel(model: Model): FoldedNetwork {
  const { network } = model;
  const shapes = networkShapes(network);
  const consumers = new Map<string, NetworkNode[]>();
  for (const node of network.nodes) {
    for (const input of node.inputs) consumers.set(input, [...(consumers.get(input) ?? []), node]);
  }
  /** Returns the node that reads `name` if it is the only one, and of one of these kinds. */
  const follower = <Op extends NetworkNode['op']>(
    name: string,
    ...ops: Op[]
  ): Extract<NetworkNode, { op: Op }> | null => {
    const readers = consumers.get(name) ?? [];
    if (name === network.output || readers.length !== 1 || !ops.includes(readers[0]!.op as Op)) return null;
    return readers[0] as Extract<NetworkNode, { op: Op }>;
  };
  const nodes: FoldedNode[] = [];
  const renamed = new Map<string, string>();
  const absorbed = new Set<string>();

  const normalised = normalisation(model);
  if (normalised !== null) {
    nodes.push(affineNode('normalised input', 'input', normalised));
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
    const weight = (part: string): WeightTensor => model.weights[`${node.name}.${part}`]!;

    switch (node.op) {
      case 'conv': {
        const norm = follower(name, 'batch-norm');
        if (norm !== null) absorb(norm);
        const bias = node.bias ? weight('bias') : null;
        const folded = foldBatchNorm(weight('weight'), bias, norm && batchNorm(model, norm));
        const activation = activationAfter();
        const inputShape = shapes.get(node.inputs[0])!;
        nodes.push({
          op: 'convolution',
          name,
          inputs,
          geometry: convolutionGeometry(node),
          ...folded,
          activation,
          inputShape,
        });
        break;
      }
      case 'dense': {
        const activation = activationAfter();
        const bias = node.bias ? weight('bias').data : null;
        nodes.push({ op: 'dense', name, inputs, matrix: weight('weight'), bias, activation });
        break;
      }
      case 'batch-norm':
        nodes.push(affineNode(name, inputs[0]!, batchNorm(model, node)));
        break;
      case 'dropout':
        renamed.set(name, inputs[0]!);
        break;
      default:
        nodes.push({ op: 'weightless', name, inputs, node });
    }
  }
  return { nodes, output: renamed.get(network.output) ?? network.output, shapes };
}

/** Per channel, `y = scale · x + shift`. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

function affineNode(name: string, input: string, { scale, shift }: Affine): FoldedNode {
  return {
    op: 'affine',
    name,
    inputs: [input],
    scale: Float32Array.from(scale),
    shift: Float32Array.from(shift),
  };
}

/** Returns null if preprocessing is the identity. */
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
): { readonly filter: WeightTensor; readonly bias: Float32Array | null } {
  if (norm === null) return { filter, bias: bias && bias.data };
  // The output channel is the last axis, in ordinary and in depthwise filters.
  const channels = norm.scale.length;
  return {
    filter: {
      shape: filter.shape,
      data: filter.data.map((value, index) => value * norm.scale[index % channels]!),
    },
    bias: Float32Array.from(
      norm.shift,
      (shift, channel) => shift + norm.scale[channel]! * (bias?.data[channel] ?? 0),
    ),
  };
}
