/** Convolution, dense layers and activations, with their gradients, in a TensorFlow graph. */
import { int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Attribute, Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { samePadding } from '../../tensors/padding.ts';
import type { ExplicitPadding } from '../../tensors/padding.ts';
import type { ActivationShape } from '../network.ts';
import type { Activation, ConvolutionGeometry } from '../operations/convolution.ts';
import type { Emitter } from './emitter.ts';

type Window = Readonly<Record<string, Attribute>>;

export interface ConvolutionOfImages {
  readonly geometry: ConvolutionGeometry;
  /** Shape of one image. */
  readonly inputShape: ActivationShape;
  readonly filter: { readonly shape: readonly number[] };
}

/** `activation(x ∗ filter + bias)`; TensorFlow fuses the three, and a sum with another tensor. */
export function emitConvolution(
  emit: Emitter,
  x: Output,
  filter: Output,
  bias: Output | null,
  convolution: ConvolutionOfImages & { readonly activation: Activation },
): Output {
  const product = emitProduct(emit, x, filter, convolution);
  return emitActivation(emit, emitBias(emit, product, bias), convolution.activation);
}

function emitProduct(emit: Emitter, x: Output, filter: Output, convolution: ConvolutionOfImages): Output {
  const { geometry } = convolution;
  if (geometry.groups > 1)
    return byGroup(emit, convolution, [x, filter], ([images, filters], single) =>
      emitProduct(emit, images!, filters!, single),
    );
  const attributes = window(geometry);
  const padding = simplePadding(convolution);
  if (!geometry.depthwise) {
    const padded = padding === null ? explicit(geometry.pad) : { padding };
    return emit.float('Conv2D', [x, filter], { ...attributes, ...padded });
  }
  // TensorFlow loses the explicit padding of a depthwise convolution when it fuses it with the bias, and
  // aborts.
  const images = padding === null ? emitPad(emit, x, geometry.pad) : x;
  return emit.float('DepthwiseConv2dNative', [images, filter], {
    ...attributes,
    padding: padding ?? 'VALID',
  });
}

export function emitConvolutionInputGradient(
  emit: Emitter,
  dy: Output,
  filter: Output,
  convolution: ConvolutionOfImages,
): Output {
  const { geometry, inputShape } = convolution;
  if (geometry.groups > 1)
    return byGroup(emit, convolution, [dy, filter], ([gradient, filters], single) =>
      emitConvolutionInputGradient(emit, gradient!, filters!, single),
    );
  const operation = geometry.depthwise ? 'DepthwiseConv2dNativeBackpropInput' : 'Conv2DBackpropInput';
  const gradient = (shape: ActivationShape, padding: Window): Output =>
    emit.float(operation, [emit.batchShape(shape), filter, dy], { ...window(geometry), ...padding });
  const { pad } = geometry;
  // Explicit padding avoids oneDNN, which takes up to three times as long for the few channels of an image.
  if (!geometry.depthwise && inputShape[2]! <= fewChannels) return gradient(inputShape, explicit(pad));
  const padding = simplePadding(convolution);
  if (padding !== null) return gradient(inputShape, { padding });
  // With more channels, explicit padding takes up to three times as long as oneDNN.
  const padded = gradient(paddedShape(inputShape, pad), { padding: 'VALID' });
  return emitUnpad(emit, padded, pad, inputShape);
}

const fewChannels = 4;

/** Attributes of any padding in TensorFlow's form. */
export function explicit(pad: ExplicitPadding): Window {
  return { padding: 'EXPLICIT', explicit_paddings: pad.flat() };
}

export function emitConvolutionFilterGradient(
  emit: Emitter,
  x: Output,
  dy: Output,
  convolution: ConvolutionOfImages,
): Output {
  const { geometry, filter } = convolution;
  if (geometry.groups > 1)
    return byGroup(emit, convolution, [x, dy], ([images, gradient], single) =>
      emitConvolutionFilterGradient(emit, images!, gradient!, single),
    );
  const operation = geometry.depthwise ? 'DepthwiseConv2dNativeBackpropFilter' : 'Conv2DBackpropFilter';
  const gradient = (images: Output, padding: string): Output =>
    emit.float(operation, [images, emit.integers(filter.shape), dy], { ...window(geometry), padding });
  const padding = simplePadding(convolution);
  return padding === null ? gradient(emitPad(emit, x, geometry.pad), 'VALID') : gradient(x, padding);
}

/** A dense layer over the last axis of one image's activations. */
export interface DenseOfPlaces {
  /** Shape of one image's input. */
  readonly inputShape: ActivationShape;
  /** The matrix `[features, units]`. */
  readonly matrix: { readonly shape: readonly number[] };
}

/** `[n, …, f] × [f, u] + [u]`. */
export function emitDense(
  emit: Emitter,
  x: Output,
  matrix: Output,
  bias: Output | null,
  { inputShape, matrix: { shape }, activation }: DenseOfPlaces & { readonly activation: Activation },
): Output {
  const product = emit.float('MatMul', [emitRows(emit, x, inputShape), matrix]);
  const rows = emitActivation(emit, emitBias(emit, product, bias), activation);
  return fromRows(emit, rows, inputShape, shape[1]!);
}

export function emitDenseInputGradient(
  emit: Emitter,
  dy: Output,
  matrix: Output,
  { inputShape, matrix: { shape } }: DenseOfPlaces,
): Output {
  const rows = emitRows(emit, dy, [...inputShape.slice(0, -1), shape[1]!]);
  return fromRows(
    emit,
    emit.float('MatMul', [rows, matrix], { transpose_b: true }),
    inputShape,
    inputShape.at(-1)!,
  );
}

export function emitDenseMatrixGradient(
  emit: Emitter,
  x: Output,
  dy: Output,
  { inputShape, matrix: { shape } }: DenseOfPlaces,
): Output {
  const rows = emitRows(emit, dy, [...inputShape.slice(0, -1), shape[1]!]);
  return emit.float('MatMul', [emitRows(emit, x, inputShape), rows], { transpose_a: true });
}

/** All axes but the last as one. */
function emitRows(emit: Emitter, x: Output, shape: ActivationShape): Output {
  return shape.length === 1
    ? x
    : emit.float('Reshape', [x, emit.integers([-1, shape.at(-1)!])], { Tshape: int32 });
}

function fromRows(emit: Emitter, rows: Output, shape: ActivationShape, last: number): Output {
  return shape.length === 1
    ? rows
    : emit.float('Reshape', [rows, emit.integers([-1, ...shape.slice(0, -1), last])], { Tshape: int32 });
}

export function emitActivation(emit: Emitter, x: Output, activation: Activation): Output {
  if (activation === 'linear') return x;
  return emit.float(activation === 'relu' ? 'Relu' : 'Relu6', [x]);
}

/**
 * Gradient with respect to the input of an activation, from that of its output and the output itself; 0 at
 * the kinks.
 */
export function emitActivationGradient(
  emit: Emitter,
  dy: Output,
  output: Output,
  activation: Activation,
): Output {
  if (activation === 'linear') return dy;
  return emit.float(activation === 'relu' ? 'ReluGrad' : 'Relu6Grad', [dy, output]);
}

export function emitPad(emit: Emitter, x: Output, pad: ExplicitPadding): Output {
  const paddings = emit.graph.constant(Int32Array.from(pad.flat()), [4, 2]);
  return emit.float('Pad', [x, paddings], { Tpaddings: int32 });
}

/** Cuts images of shape `size` out, from `begin`, which includes the batch axis. */
export function emitSlice(emit: Emitter, x: Output, begin: readonly number[], size: ActivationShape): Output {
  return emit.float('Slice', [x, emit.integers(begin), emit.integers([-1, ...size])], { Index: int32 });
}

/** Cuts images of shape `size` out of those that have padding around them. */
export function emitUnpad(emit: Emitter, x: Output, pad: ExplicitPadding, size: ActivationShape): Output {
  if (!isPadded(pad)) return x;
  return emitSlice(
    emit,
    x,
    pad.map(([before]) => before),
    size,
  );
}

export function isPadded(pad: ExplicitPadding): boolean {
  return pad.flat().some((count) => count > 0);
}

export function paddedShape(
  [height, width, channels]: ActivationShape,
  [, rows, columns]: ExplicitPadding,
): number[] {
  return [height! + rows[0] + rows[1], width! + columns[0] + columns[1], channels!];
}

/**
 * Computes a grouped convolution group by group and joins the results, for TensorFlow has no gradients of groups on a
 * CPU. Each operand has its channels in the last axis, as `emitOne` gets those of one group.
 */
function byGroup(
  emit: Emitter,
  { geometry, inputShape, filter }: ConvolutionOfImages,
  operands: readonly Output[],
  emitOne: (operands: readonly Output[], single: ConvolutionOfImages) => Output,
): Output {
  const { groups } = geometry;
  const parts = operands.map((operand) =>
    emit.float('Split', [emit.integer(3), operand], { num_split: groups }),
  );
  const single = {
    geometry: { ...geometry, groups: 1 },
    inputShape: [inputShape[0]!, inputShape[1]!, inputShape[2]! / groups],
    filter: { shape: [...filter.shape.slice(0, 3), filter.shape[3]! / groups] },
  };
  const results = Array.from({ length: groups }, (_, at) =>
    emitOne(
      parts.map((part) => emit.graph.output(part, at)),
      single,
    ),
  );
  return emit.float('ConcatV2', [...results, emit.integer(3)], { N: groups, Tidx: int32 });
}

function emitBias(emit: Emitter, x: Output, bias: Output | null): Output {
  return bias === null ? x : emit.float('BiasAdd', [x, bias], { data_format: 'NHWC' });
}

function window({ strides }: ConvolutionGeometry): Window {
  return { strides: [1, ...strides, 1], dilations: [1, 1, 1, 1], data_format: 'NHWC' };
}

/**
 * TensorFlow's name of the padding: VALID if there is none, SAME if it is the same, and null for any other.
 */
function simplePadding({
  geometry: { strides, pad },
  inputShape,
  filter,
}: ConvolutionOfImages): 'VALID' | 'SAME' | null {
  if (!isPadded(pad)) return 'VALID';
  const isSame = [0, 1].every((axis) => {
    const [before, after] = samePadding(inputShape[axis]!, filter.shape[axis]!, strides[axis]!);
    return pad[axis + 1]![0] === before && pad[axis + 1]![1] === after;
  });
  return isSame ? 'SAME' : null;
}
