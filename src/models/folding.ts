/**
 * A model in the form that inference computes, still plain data. Normalisation comes first, batch norms and
 * affine maps are folded into the convolution before them, ReLUs are fused into the convolution or dense layer before them,
 * and dropout is removed.
 */
import type { NetworkModel, NetworkNode, WeightTensor } from '../values/model.ts';
import { networkShapes } from './network.ts';
import type { ActivationShape } from './network.ts';
import { convolutionGeometry } from './operations/convolution.ts';
import type { Activation, ConvolutionGeometry } from './operations/convolution.ts';
import type { WeightedNode } from './operations/weighted.ts';
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
        readonly inputShape: ActivationShape;
      }
    /** Per channel, `y = scale · x + shift`. */
    | { readonly op: 'affine'; readonly scale: Float32Array; readonly shift: Float32Array }
    /** `weights` are by the last part of their names. */
    | {
        readonly op: 'weighted';
        readonly node: WeightedNode;
        readonly weights: Readonly<Partial<Record<'weight' | 'bias', WeightTensor>>>;
      }
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
export function foldModel(model: NetworkModel): FoldedNetwork {
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
        const norm = follower(name, 'batch-norm', 'affine');
        if (norm !== null) absorb(norm);
        const bias = node.bias ? weight('bias') : null;
        const folded = foldBatchNorm(weight('weight'), bias, norm && affineOf(model, norm));
        const activation = activationAfter();
        const inputShape = shapes.get(node.inputs[0])!;
        nodes.push({
          op: 'convolution',
          name,
          inputs,
          geometry: convolutionGeometry(node, inputShape[2]!),
          ...folded,
          activation,
          inputShape,
        });
        break;
      }
      case 'dense': {
        const activation = activationAfter();
        const bias = node.bias ? weight('bias').data : null;
        const inputShape = shapes.get(node.inputs[0])!;
        nodes.push({ op: 'dense', name, inputs, matrix: weight('weight'), bias, activation, inputShape });
        break;
      }
      case 'batch-norm':
      case 'affine':
        nodes.push(affineNode(name, inputs[0]!, affineOf(model, node)));
        break;
      case 'layer-norm':
        nodes.push({ op: 'weighted', name, inputs, node, weights: { weight: weight('weight'), bias: weight('bias') } }); // prettier-ignore
        break;
      case 'offset':
        nodes.push({ op: 'weighted', name, inputs, node, weights: { bias: weight('bias') } });
        break;
      case 'tokens':
        nodes.push({ op: 'weighted', name, inputs, node, weights: { weight: weight('weight') } });
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
function normalisation({ preprocessing: { mean, std } }: NetworkModel): Affine | null {
  if (mean.every((value) => value === 0) && std.every((value) => value === 1)) return null;
  return {
    scale: Float64Array.from(std, (value) => 1 / value),
    shift: Float64Array.from(std, (value, channel) => -mean[channel]! / value),
  };
}

function affineOf(model: NetworkModel, node: Extract<NetworkNode, { op: 'batch-norm' | 'affine' }>): Affine {
  const part = (name: string): Float32Array => model.weights[`${node.name}.${name}`]!.data;
  if (node.op === 'affine')
    return { scale: Float64Array.from(part('weight')), shift: Float64Array.from(part('bias')) };
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
