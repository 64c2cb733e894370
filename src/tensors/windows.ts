/**
 * The windows of convolutions and pools in the form of TensorFlow.js, which kernels compute with. NHWC only.
 */
import { tf } from './tf.ts';

export type ConvolutionInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/**
 * Extents, strides and padding of a convolution from the attributes of its kernel, or of its gradients'
 * kernels.
 */
export function convolutionInfo(
  attrs: Readonly<Record<string, unknown>>,
  inputShape: readonly number[],
  filterShape: readonly number[],
  depthwise: boolean,
): ConvolutionInfo {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attrs as {
    readonly strides: number | [number, number];
    readonly pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
    readonly dilations?: number | [number, number];
    readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
    readonly dataFormat?: string;
  };
  if (dataFormat === 'NCHW') throw new Error('our convolution kernels take NHWC, not NCHW');
  return tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
}

export type PoolInfo = ReturnType<typeof tf.backend_util.computePool2DInfo>;

/** Extents, strides and padding of a pool from the attributes of its kernel, or of its gradient's kernel. */
export function poolInfo(attrs: Readonly<Record<string, unknown>>, inputShape: readonly number[]): PoolInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as {
    readonly filterSize: number | [number, number];
    readonly strides: number | [number, number];
    readonly pad: Parameters<typeof tf.backend_util.computePool2DInfo>[4];
    readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  };
  return tf.backend_util.computePool2DInfo(
    inputShape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
}
