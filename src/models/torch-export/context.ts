/** The state of a conversion: values by name, and the network as it grows. */
import { elementCount } from '../../values/element-count.ts';
import type { NetworkNode, WeightTensor } from '../../values/model.ts';
import { outputShape } from '../network.ts';
import type { ActivationShape } from '../network.ts';
import { TorchExportError, tooLarge } from './errors.ts';
import type { Argument, ExportNode } from './program.ts';
import { shown } from './values.ts';
import type { Activation, ConstantValue, Value } from './values.ts';

export interface Context {
  /** Number of images that the program fixes; null if it leaves it open. */
  readonly batch: number | null;
  readonly values: Map<string, Value>;
  readonly nodes: NetworkNode[];
  readonly weights: Record<string, WeightTensor>;
  /** Output shapes of our nodes, and the shape of the input. */
  readonly shapes: Map<string, ActivationShape>;
  /** Names of parameters in PyTorch's `state_dict`, by the names that nodes of the program have for them. */
  readonly parameters: ReadonlyMap<string, string>;
  /** How many names were made from each wanted one. */
  readonly names: Map<string, number>;
  /** Numbers of weights that may still be made, so that a small file cannot ask for much memory. */
  budget: number;
}

/** The node under conversion. */
export interface Conversion {
  readonly node: ExportNode;
  readonly context: Context;
}

/** `what` follows on "has", as in "has 3 groups". */
export function unsupported(
  { label, target, module }: ExportNode,
  what: string,
  fix = otherwise,
): TorchExportError {
  const place = module === '' ? '' : ` in the module '${module}'`;
  return new TorchExportError(
    'not-supported',
    `node '${label}' (${target})${place} has ${what}, which is not supported`,
    fix,
  );
}

export const otherwise =
  'run the network in PyTorch with model/python, which computes whatever PyTorch does (docs/own-models.md), or export it without this node';

export const inEvaluation = 'export the network in evaluation: model.eval()';

/** Adds a node of ours under a name that no other has. Throws `NetworkError` if its inputs do not fit. */
export function push(context: Context, wanted: string, node: NodeWithoutName): string {
  let name = wanted;
  while (context.shapes.has(name)) {
    const count = (context.names.get(wanted) ?? 1) + 1;
    context.names.set(wanted, count);
    name = `${wanted}#${count}`;
  }
  const named = { ...node, name } as NetworkNode;
  const shape = outputShape(
    named,
    named.inputs.map((input) => context.shapes.get(input)!),
  );
  if (!(elementCount(shape) <= mostElements))
    throw tooLarge(`node '${name}' gives ${shown(shape)} for each image`);
  context.shapes.set(name, shape);
  context.nodes.push(named);
  return name;
}

/**
 * The name for our node of an operation with a `weight`: that of its module in PyTorch, so that its tensors have the names of
 * `state_dict`. Without such a parameter it is the label of the node.
 */
export function moduleName({ node, context }: Conversion): string {
  const given = node.inputs.get('weight');
  const stored = given?.kind === 'tensor' ? context.parameters.get(given.name) : undefined;
  return stored !== undefined && /.\.weight$/.test(stored) ? stored.slice(0, -'.weight'.length) : node.label;
}

const mostElements = 2 ** 30;

type Without<Node> = Node extends unknown ? Omit<Node, 'name'> : never;
export type NodeWithoutName = Without<NetworkNode>;

/** Puts weights of the node of this name into the network, after `spend` has allowed them. */
export function weigh(context: Context, node: string, part: string, tensor: WeightTensor): void {
  context.weights[`${node}.${part}`] = tensor;
}

/** Throws `TorchExportError` if the weights become far more numbers than the file has. */
export function spend(context: Context, count: number): void {
  context.budget -= count;
  if (!(context.budget >= 0)) throw tooLarge('its weights are many times as many numbers as it stores');
}

export function vector(values: ArrayLike<number>): WeightTensor {
  return { shape: [values.length], data: Float32Array.from(values) };
}

/** The value that an argument names; undefined if it is left out or None. */
export function valueOf({ node, context }: Conversion, argument: string): Value | undefined {
  const given = node.inputs.get(argument);
  if (given === undefined || given.kind === 'none') return undefined;
  if (given.kind === 'tensor') return named(node, context, given.name);
  if (given.kind === 'floats' && !given.isList) return scalar(given.values[0]!);
  if (given.kind === 'integers' && !given.isList) {
    const [value] = given.values;
    return typeof value === 'number' ? scalar(value) : named(node, context, value!);
  }
  throw unsupported(node, `no tensor as its ${argument}`);
}

function scalar(value: number): ConstantValue {
  return { kind: 'constant', shape: [], floats: () => Float32Array.of(value) };
}

export function named(node: ExportNode, context: Context, name: string): Value {
  const value = context.values.get(name);
  if (value !== undefined) return value;
  throw new TorchExportError(
    'damaged',
    `node '${node.label}' (${node.target}) reads '${name}', which no node before it gives`,
    'write the file again with torch.export.save',
  );
}

/** An input that must depend on the images. */
export function activationOf(conversion: Conversion, argument: string): Activation {
  const value = valueOf(conversion, argument);
  if (value?.kind === 'activation') return value;
  throw unsupported(conversion.node, `a constant as its ${argument}`);
}

/** An input that must be a constant; undefined if it is left out. */
export function constantOf(conversion: Conversion, argument: string): ConstantValue | undefined {
  const value = valueOf(conversion, argument);
  if (value === undefined || value.kind === 'constant') return value;
  throw unsupported(conversion.node, `a ${argument} that is computed from the images`);
}

/** Numbers of weights as a vector of this length. */
export function vectorOf(
  conversion: Conversion,
  argument: string,
  length: number,
  fallback: number,
): Float32Array {
  const value = constantOf(conversion, argument);
  spend(conversion.context, length);
  if (value === undefined) return new Float32Array(length).fill(fallback);
  if (elementCount(value.shape) === length) return value.floats();
  throw unsupported(
    conversion.node,
    `a ${argument} of the shape ${shown(value.shape)} for ${length} channels`,
  );
}

/** A list of whole numbers; `fallback` if it is left out. */
export function integersOf(
  { node, context }: Conversion,
  argument: string,
  fallback?: readonly number[],
): readonly number[] {
  return extentsOf({ node, context }, argument, fallback).map((value) => {
    if (value !== 'batch') return value;
    throw unsupported(node, `the number of images in its ${argument}`);
  });
}

/** The integers of an argument, in which `batch` stands for the number of images. */
export function extentsOf(
  { node, context }: Conversion,
  argument: string,
  fallback?: readonly number[],
): readonly (number | 'batch')[] {
  const given = node.inputs.get(argument);
  if ((given === undefined || given.kind === 'none') && fallback !== undefined) return fallback;
  if (given?.kind !== 'integers')
    throw unsupported(
      node,
      given === undefined ? `no ${argument}` : `a ${argument} of the kind ${given.kind}`,
    );
  if (given.values.length > 64) throw unsupported(node, `${given.values.length} numbers as its ${argument}`);
  return given.values.map((value) => {
    if (typeof value === 'number') return value;
    if (context.values.get(value)?.kind === 'batch') return 'batch';
    throw unsupported(node, `a ${argument} that is computed from the images or their size`, openBatch);
  });
}

export const openBatch =
  "export it for images of one size, with an open batch at most: dynamic_shapes=({0: torch.export.Dim('batch')},)";

export function integerOf(conversion: Conversion, argument: string, fallback?: number): number {
  const [value] = integersOf(conversion, argument, fallback === undefined ? undefined : [fallback]);
  if (value !== undefined) return value;
  throw unsupported(conversion.node, `an empty ${argument}`);
}

export function floatOf({ node }: Conversion, argument: string, fallback: number): number {
  const given = node.inputs.get(argument);
  const value = numberOf(given) ?? fallback;
  if (Number.isFinite(value)) return value;
  throw unsupported(node, `the ${argument} ${value}`);
}

/** A number of either kind; undefined if there is none. */
export function numberOf(given: Argument | undefined): number | undefined {
  if (given?.kind !== 'floats' && given?.kind !== 'integers') return undefined;
  const [value] = given.values;
  return typeof value === 'number' ? value : undefined;
}

export function booleanOf({ node }: Conversion, argument: string, fallback: boolean): boolean {
  const given = node.inputs.get(argument);
  return given?.kind === 'boolean' ? given.value : fallback;
}

export function textOf({ node }: Conversion, argument: string, fallback: string): string {
  const given = node.inputs.get(argument);
  return given?.kind === 'text' ? given.value : fallback;
}

/** An axis from the front. */
export function dimOf({ node }: Conversion, dim: number, rank: number): number {
  const own = dim < 0 ? dim + rank : dim;
  if (Number.isInteger(own) && own >= 0 && own < rank) return own;
  throw unsupported(node, `the dimension ${dim} of ${rank}`);
}
