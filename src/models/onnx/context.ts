/** The state of a conversion: values by name, and the network as it grows. */
import type { NetworkNode, WeightTensor } from '../../values/model.ts';
import { outputShape } from '../network.ts';
import type { ActivationShape } from '../network.ts';
import { OnnxError } from './errors.ts';
import type { OnnxNode } from './messages.ts';
import { activation, channelsFirst, hasAxes, shown } from './values.ts';
import type { Activation, ConstantValue, Extent, Value } from './values.ts';

export interface Context {
  readonly opset: number;
  /** Number of images that the file fixes; null if it leaves it open. */
  readonly batch: number | null;
  readonly values: Map<string, Value>;
  /** How many nodes of the file read each value. */
  readonly readers: ReadonlyMap<string, number>;
  readonly nodes: NetworkNode[];
  readonly weights: Record<string, WeightTensor>;
  /** Output shapes of our nodes, and the shape of the input. */
  readonly shapes: Map<string, ActivationShape>;
  /** Zero padding that a Pad of the file left to the node after it: our padding node → what it pads. */
  readonly pads: Map<string, { readonly source: Activation; readonly sides: Sides }>;
}

export type Sides = readonly [top: number, bottom: number, left: number, right: number];

/** The node under conversion, with its inputs. */
export interface Conversion {
  readonly node: OnnxNode;
  readonly context: Context;
  readonly inputs: readonly (Value | undefined)[];
}

/** How a message names a node: its name, or its first output. */
export function labelOf({ name, outputs }: OnnxNode): string {
  return name === '' ? (outputs[0] ?? '') : name;
}

/** `what` follows on "has", as in "has 3 groups". */
export function unsupported(node: OnnxNode, what: string, fix = otherwise): OnnxError {
  return new OnnxError(
    'not-supported',
    `node '${labelOf(node)}' (${node.op}) has ${what}, which is not supported`,
    fix,
  );
}

export const otherwise =
  'export the network without this node, or convert it to an architecture that ravelin has and give its weights (docs/own-models.md)';

/** A name for a node of ours that no other has. */
export function fresh(context: Context, wanted: string): string {
  let name = wanted;
  for (let count = 2; context.shapes.has(name); count++) name = `${wanted}#${count}`;
  return name;
}

/** Adds a node of ours. Throws `NetworkError` if its inputs do not fit. */
export function push(context: Context, node: NetworkNode): string {
  const inputs = node.inputs.map((input) => context.shapes.get(input)!);
  context.shapes.set(node.name, outputShape(node, inputs));
  context.nodes.push(node);
  return node.name;
}

/** The same dimensions, from another node of ours of the same shape. */
export function renamed(value: Activation, node: string): Activation {
  return { ...value, node };
}

/** An input that must depend on the images. */
export function activationAt({ node, inputs }: Conversion, at: number): Activation {
  const value = inputs[at];
  if (value?.kind === 'activation') return value;
  throw unsupported(node, value === undefined ? `no input ${at + 1}` : `a constant as its input ${at + 1}`);
}

/** An input that must be a constant; undefined if it is left out. */
export function constantAt({ node, inputs }: Conversion, at: number): ConstantValue | undefined {
  const value = inputs[at];
  if (value === undefined || value.kind === 'constant') return value;
  throw unsupported(node, `an input ${at + 1} that is computed from the images or their size`);
}

export function weightAt(conversion: Conversion, at: number): ConstantValue {
  const value = constantAt(conversion, at);
  if (value !== undefined) return value;
  throw unsupported(conversion.node, `no input ${at + 1}`);
}

/** A list of extents: a constant, or computed from shapes. */
export function extentsAt({ node, inputs }: Conversion, at: number): readonly Extent[] | undefined {
  const value = inputs[at];
  if (value === undefined) return undefined;
  if (value.kind === 'extents') return value.extents;
  if (value.kind === 'constant') return smallIntegers(node, value);
  throw unsupported(node, `an input ${at + 1} that is computed from the images`);
}

/** Integers of a constant that is a shape or a list of axes, and so cannot be long. */
export function smallIntegers(node: OnnxNode, value: ConstantValue): readonly number[] {
  if (value.size > 64) throw unsupported(node, `${value.size} numbers where a shape or axes should be`);
  const numbers = value.integers();
  if (numbers.every(Number.isInteger)) return numbers;
  throw unsupported(node, 'a shape or axes with fractions');
}

/** A node of ours with a shape `[height, width, channels]` whose dimensions are ONNX's, channels first. */
export function asImage({ node, context }: Conversion, value: Activation): Activation {
  const shape = context.shapes.get(value.node)!;
  if (shape.length === 3 && hasAxes(value, channelsFirst)) return value;
  const [channels] = value.dims;
  if (
    shape.length === 1 &&
    value.dims.length === 3 &&
    value.order === null &&
    channels !== undefined &&
    channels === shape[0]
  ) {
    const name = push(context, {
      op: 'reshape',
      name: fresh(context, `${value.node}/image`),
      inputs: [value.node],
      shape: [1, 1, channels],
    });
    return activation(name, context.shapes.get(name)!, channelsFirst);
  }
  throw unsupported(
    node,
    `an input of the dimensions ${shown(['batch', ...value.dims])} where images with channels second are needed`,
  );
}

/** A node of ours with a shape `[features]`, and the order of its features. */
export function asFeatures({ node, context }: Conversion, value: Activation): Activation {
  const shape = context.shapes.get(value.node)!;
  const filled = value.dims.filter((extent) => extent !== 1);
  if (filled.length > 1)
    throw unsupported(
      node,
      `an input of the dimensions ${shown(['batch', ...value.dims])} where one list of features is needed`,
    );
  if (shape.length === 1) return value;
  const name = push(context, {
    op: 'flatten',
    name: fresh(context, `${value.node}/features`),
    inputs: [value.node],
  });
  const own = context.shapes.get(name)!;
  return {
    ...value,
    node: name,
    axes: value.dims.map((extent) => (extent === 1 ? null : 0)),
    dims: value.dims,
    order: own[0] === 1 ? null : value.order,
  };
}

/** Attribute helpers: the value, or what the standard says without it. */
export function integerOf(node: OnnxNode, name: string, fallback: number): number {
  return node.attributes.get(name)?.integer ?? fallback;
}

export function floatOf(node: OnnxNode, name: string, fallback: number): number {
  const value = node.attributes.get(name)?.float ?? fallback;
  if (Number.isFinite(value)) return value;
  throw unsupported(node, `${name} ${value}`);
}

export function textOf(node: OnnxNode, name: string, fallback: string): string {
  return node.attributes.get(name)?.text ?? fallback;
}

export function integersOf(node: OnnxNode, name: string): readonly number[] | undefined {
  return node.attributes.get(name)?.integers;
}
