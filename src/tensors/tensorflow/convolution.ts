/**
 * Convolutions and their gradients with explicit padding, which the package refuses for the gradients though TensorFlow
 * has it, and with the bias and the activation as TensorFlow's own operations (the package broadcasts a sum).
 */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';
import { execute, withShape } from './raw.ts';
import type { TensorflowBackend, TensorflowKernel } from './raw.ts';

interface Geometry {
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dataFormat?: string;
}

type Attributes = Readonly<Record<string, string | readonly number[]>>;

/** `pad` as the attributes of an operation. */
function windowAttributes(
  attrs: unknown,
  inputShape: readonly number[],
  filterShape: readonly number[],
  depthwise: boolean,
): Attributes {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attrs as Geometry;
  if (dataFormat === 'NCHW') throw new Error('convolutions on tensorflow need NHWC');
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
  return {
    strides: [1, info.strideHeight, info.strideWidth, 1],
    dilations: [1, info.dilationHeight, info.dilationWidth, 1],
    ...paddingAttributes(info.padInfo),
  };
}

/** As TensorFlow takes it: explicit paddings only with padding of that type. */
export function paddingAttributes({
  type,
  top,
  bottom,
  left,
  right,
}: {
  readonly type: string;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}): Attributes {
  const isNone = top + bottom + left + right === 0;
  if (isNone || type === 'VALID') return { padding: 'VALID', data_format: 'NHWC' };
  if (type === 'SAME') return { padding: 'SAME', data_format: 'NHWC' };
  return {
    padding: 'EXPLICIT',
    explicit_paddings: [0, 0, top, bottom, left, right, 0, 0],
    data_format: 'NHWC',
  };
}

function fused(operation: string, depthwise: boolean): TensorflowKernel {
  return ({ inputs, backend, attrs }) => {
    const { x, filter, bias } = inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
    const activation = attrs['activation'] as string;
    const window = windowAttributes(attrs, x.shape, filter.shape, depthwise);
    const product = execute(backend, operation, [x, filter], window);
    const sum = bias === undefined ? product : replacing(product, () => biasAdd(backend, product, bias));
    switch (activation) {
      case 'linear':
        return sum;
      case 'relu':
        return replacing(sum, () => execute(backend, 'Relu', [sum]));
      case 'relu6':
        return replacing(sum, () => execute(backend, 'Relu6', [sum]));
      default:
        throw new Error(`the activation ${activation} is not fused on tensorflow`);
    }
  };
}

function biasAdd(backend: TensorflowBackend, x: TensorInfo, bias: TensorInfo): Tensor {
  return execute(backend, 'BiasAdd', [x, bias], { data_format: 'NHWC' });
}

function replacing(old: Tensor, make: () => Tensor): Tensor {
  const made = make();
  old.dispose();
  return made;
}

function inputGradient(operation: string, depthwise: boolean): TensorflowKernel {
  return ({ inputs, backend, attrs }) => {
    const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
    const inputShape = attrs['inputShape'] as readonly number[];
    const window = windowAttributes(attrs, inputShape, filter.shape, depthwise);
    return withShape(inputShape, (shape) => execute(backend, operation, [shape, filter, dy], window));
  };
}

function filterGradient(operation: string, depthwise: boolean): TensorflowKernel {
  return ({ inputs, backend, attrs }) => {
    const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
    const filterShape = attrs['filterShape'] as readonly number[];
    const window = windowAttributes(attrs, x.shape, filterShape, depthwise);
    return withShape(filterShape, (shape) => execute(backend, operation, [x, shape, dy], window));
  };
}

export const convolutionKernels: Readonly<Record<string, TensorflowKernel>> = {
  FusedConv2D: fused('Conv2D', false),
  FusedDepthwiseConv2D: fused('DepthwiseConv2dNative', true),
  Conv2DBackpropInput: inputGradient('Conv2DBackpropInput', false),
  Conv2DBackpropFilter: filterGradient('Conv2DBackpropFilter', false),
  DepthwiseConv2dNativeBackpropInput: inputGradient('DepthwiseConv2dNativeBackpropInput', true),
  DepthwiseConv2dNativeBackpropFilter: filterGradient('DepthwiseConv2dNativeBackpropFilter', true),
};
