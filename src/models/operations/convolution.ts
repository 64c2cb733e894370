/**
 * Convolution, ordinary and depthwise, and its gradients, as single kernels without automatic
 * differentiation.
 */
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { explicitPadding } from '../../tensors/padding.ts';
import type { ExplicitPadding } from '../../tensors/padding.ts';
import type { NetworkNode } from '../../values/model.ts';

export type Activation = 'linear' | 'relu' | 'relu6';

export interface ConvolutionGeometry {
  readonly strides: [height: number, width: number];
  readonly pad: ExplicitPadding;
  /** The filter is `[height, width, channels, multiplier]`. */
  readonly depthwise: boolean;
}

export function convolutionGeometry(node: Extract<NetworkNode, { op: 'conv' }>): ConvolutionGeometry {
  return {
    strides: [node.stride[0], node.stride[1]],
    pad: explicitPadding(node.padding),
    depthwise: node.groups > 1,
  };
}

/** `activation(x ∗ filter + bias)` in one kernel. `x` is `[n, h, w, c]`. */
export function convolve(
  x: Tensor,
  filter: Tensor,
  bias: Tensor | null,
  activation: Activation,
  { strides, pad, depthwise }: ConvolutionGeometry,
): Tensor {
  const operands = { x: x as Tensor4D, filter: filter as Tensor4D, strides, activation };
  const shift = bias === null ? {} : { bias: bias as Tensor1D };
  return depthwise
    ? // The types forget that a depthwise convolution takes explicit padding too.
      tf.fused.depthwiseConv2d({ ...operands, ...shift, pad: pad as unknown as 'valid' })
    : tf.fused.conv2d({ ...operands, ...shift, pad });
}

export function convolutionInputGradient(
  dy: Tensor,
  filter: Tensor,
  inputShape: readonly number[],
  { strides, pad, depthwise }: ConvolutionGeometry,
): Tensor {
  return depthwise
    ? run(
        'DepthwiseConv2dNativeBackpropInput',
        { dy, filter },
        { strides, pad, dilations: [1, 1], inputShape },
      )
    : run('Conv2DBackpropInput', { dy, filter }, { strides, pad, dataFormat: 'NHWC', inputShape });
}

export function convolutionFilterGradient(
  x: Tensor,
  dy: Tensor,
  filterShape: readonly number[],
  { strides, pad, depthwise }: ConvolutionGeometry,
): Tensor {
  return depthwise
    ? run('DepthwiseConv2dNativeBackpropFilter', { x, dy }, { strides, pad, dilations: [1, 1], filterShape })
    : run('Conv2DBackpropFilter', { x, dy }, { strides, pad, dataFormat: 'NHWC', filterShape });
}

/** Runs one kernel of the current backend by name. */
export function run(
  kernel: string,
  inputs: Record<string, Tensor>,
  attributes: Record<string, unknown>,
): Tensor {
  // The package types attributes more narrowly than its own kernels read them.
  return tf
    .engine()
    .runKernel<Tensor>(
      kernel,
      inputs,
      attributes as Parameters<ReturnType<typeof tf.engine>['runKernel']>[2],
    );
}

/** Whether the current backend has a kernel of this name. */
export function hasKernel(kernel: string): boolean {
  // The types claim that every kernel exists, but it is undefined if the backend lacks it.
  return (tf.getKernel(kernel, tf.getBackend()) as object | undefined) !== undefined;
}
