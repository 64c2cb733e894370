/**
 * Convolution, ordinary, depthwise and in groups, and its gradients, without automatic differentiation. The first two
 * are single kernels; no backend has one for groups, which are computed one after another.
 */
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { explicitPadding } from '../../tensors/padding.ts';
import type { ExplicitPadding } from '../../tensors/padding.ts';
import type { NetworkNode } from '../../values/model.ts';
import { isDepthwise } from '../network.ts';

export type Activation = 'linear' | 'relu' | 'relu6';

export interface ConvolutionGeometry {
  readonly strides: [height: number, width: number];
  readonly pad: ExplicitPadding;
  /** The filter is `[height, width, channels, multiplier]`. */
  readonly depthwise: boolean;
  /** Number of groups; 1 for an ordinary and for a depthwise convolution. */
  readonly groups: number;
}

/** The strides, padding and groups of a convolution whose input has `channels` channels. */
export function convolutionGeometry(
  node: Extract<NetworkNode, { op: 'conv' }>,
  channels: number,
): ConvolutionGeometry {
  const depthwise = isDepthwise(node, channels);
  return {
    strides: [node.stride[0], node.stride[1]],
    pad: explicitPadding(node.padding),
    depthwise,
    groups: depthwise ? 1 : node.groups,
  };
}

/** `activation(x ∗ filter + bias)` in one kernel. `x` is `[n, h, w, c]`. */
export function convolve(
  x: Tensor,
  filter: Tensor,
  bias: Tensor | null,
  activation: Activation,
  geometry: ConvolutionGeometry,
): Tensor {
  const { strides, pad, depthwise, groups } = geometry;
  if (groups > 1)
    return tf.tidy(() => {
      const single = { ...geometry, groups: 1 };
      const filters = tf.split(filter, groups, 3);
      const biases = bias === null ? null : tf.split(bias, groups);
      const parts = tf.split(x, groups, 3);
      return tf.concat(
        parts.map((part, at) => convolve(part, filters[at]!, biases && biases[at]!, activation, single)),
        3,
      );
    });
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
  geometry: ConvolutionGeometry,
): Tensor {
  const { strides, pad, depthwise, groups } = geometry;
  if (groups > 1)
    return tf.tidy(() => {
      const single = { ...geometry, groups: 1 };
      const filters = tf.split(filter, groups, 3);
      const shape = [...inputShape.slice(0, 3), inputShape[3]! / groups];
      return tf.concat(
        tf
          .split(dy, groups, 3)
          .map((part, at) => convolutionInputGradient(part, filters[at]!, shape, single)),
        3,
      );
    });
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
  geometry: ConvolutionGeometry,
): Tensor {
  const { strides, pad, depthwise, groups } = geometry;
  if (groups > 1)
    return tf.tidy(() => {
      const single = { ...geometry, groups: 1 };
      const shape = [...filterShape.slice(0, 3), filterShape[3]! / groups];
      const parts = tf.split(dy, groups, 3);
      return tf.concat(
        tf.split(x, groups, 3).map((part, at) => convolutionFilterGradient(part, parts[at]!, shape, single)),
        3,
      );
    });
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
