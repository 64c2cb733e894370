/**
 * Pooling and its gradients. Padding is never a maximum; in a mean it counts as PyTorch's `count_include_pad`
 * says.
 */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { explicitPadding } from '../../tensors/padding.ts';
import type { ExplicitPadding } from '../../tensors/padding.ts';
import type { NetworkNode } from '../../values/model.ts';
import { windowCount } from '../network.ts';
import { run } from './convolution.ts';

type PoolNode = Extract<NetworkNode, { op: 'max-pool' | 'average-pool' }>;

export interface PoolGeometry {
  readonly filterSize: [number, number];
  readonly strides: [number, number];
  /** The node's padding, including the rows and columns that `ceil` adds at the bottom and right. */
  readonly pad: ExplicitPadding;
  /**
   * Kernel area / pixels counted, `[outHeight, outWidth]` row-major, for a mean whose windows do not all
   * count the whole kernel. Null if all windows are full.
   */
  readonly correction: Float32Array | null;
  readonly outputSize: readonly [height: number, width: number];
}

export function poolGeometry(node: PoolNode, [height, width]: readonly number[]): PoolGeometry {
  const [top, bottom, left, right] = node.padding;
  const rows = axisWindows(height!, node.kernel[0], node.stride[0], top, bottom, node);
  const columns = axisWindows(width!, node.kernel[1], node.stride[1], left, right, node);
  const area = node.kernel[0] * node.kernel[1];
  const counts = rows.counts.flatMap((row) => columns.counts.map((column) => row * column));
  return {
    filterSize: [node.kernel[0], node.kernel[1]],
    strides: [node.stride[0], node.stride[1]],
    pad: explicitPadding([top, bottom + rows.extra, left, right + columns.extra]),
    correction: counts.every((count) => count === area)
      ? null
      : Float32Array.from(counts, (count) => area / count),
    outputSize: [rows.counts.length, columns.counts.length],
  };
}

export function maxPool(x: Tensor, { filterSize, strides, pad }: PoolGeometry): Tensor {
  return tf.maxPool(x as Tensor4D, filterSize, strides, pad);
}

export function maxPoolGradient(
  dy: Tensor,
  input: Tensor,
  output: Tensor,
  { filterSize, strides, pad }: PoolGeometry,
): Tensor {
  return run('MaxPoolGrad', { dy, input, output }, { filterSize, strides, pad });
}

/**
 * Pools zero-padded images and corrects the windows that count fewer pixels. The kernels get no padding,
 * because their gradients treat it differently on different backends.
 */
export function averagePool(x: Tensor, geometry: PoolGeometry): Tensor {
  const { filterSize, strides, pad, correction, outputSize } = geometry;
  return tf.tidy(() => {
    const padded = isPadded(pad) ? tf.pad(x, pad) : x;
    const mean = tf.avgPool(padded as Tensor4D, filterSize, strides, 'valid');
    return correction === null ? mean : tf.mul(mean, correctionTensor(correction, outputSize));
  });
}

export function averagePoolGradient(
  dy: Tensor,
  inputShape: readonly number[],
  geometry: PoolGeometry,
): Tensor {
  const { filterSize, strides, pad, correction, outputSize } = geometry;
  return tf.tidy(() => {
    const [count, height, width, channels] = inputShape as [number, number, number, number];
    const padded = [count, height + pad[1][0] + pad[1][1], width + pad[2][0] + pad[2][1], channels];
    const corrected = correction === null ? dy : tf.mul(dy, correctionTensor(correction, outputSize));
    // The kernel reads only the shape of its input.
    const gradient = run(
      'AvgPoolGrad',
      { dy: corrected, input: tf.zeros(padded) },
      { filterSize, strides, pad: 'valid' },
    );
    return isPadded(pad) ? tf.slice(gradient, [0, pad[1][0], pad[2][0], 0], [...inputShape]) : gradient;
  });
}

/** `[n, h, w, c]` → `[n, c]`. */
export function globalAveragePool(x: Tensor): Tensor {
  return tf.tidy(() => {
    const [, height, width, channels] = x.shape as [number, number, number, number];
    if (height * width === 1) return tf.reshape(x, [-1, channels]);
    return tf.reshape(tf.avgPool(x as Tensor4D, [height, width], 1, 'valid'), [-1, channels]);
  });
}

export function globalAveragePoolGradient(dy: Tensor, inputShape: readonly number[]): Tensor {
  return tf.tidy(() => {
    const [count, height, width, channels] = inputShape as [number, number, number, number];
    const spread = tf.fill([1, height, width, 1], 1 / (height * width));
    return tf.mul(tf.reshape(dy, [count, 1, 1, channels]), spread);
  });
}

interface AxisWindows {
  /** Number of positions beyond the padding that the last window needs because of `ceil`. */
  readonly extra: number;
  /** Number of positions that each window counts in its mean. */
  readonly counts: readonly number[];
}

function axisWindows(
  extent: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  { ceil, countPadding }: PoolNode,
): AxisWindows {
  const count = windowCount(extent, kernel, stride, before, after, ceil);
  const [first, last] = countPadding ? [-before, extent + after] : [0, extent];
  return {
    extra: Math.max((count - 1) * stride + kernel - extent - before - after, 0),
    counts: Array.from({ length: count }, (_, index) => {
      const start = index * stride - before;
      return Math.min(start + kernel, last) - Math.max(start, first);
    }),
  };
}

function isPadded(pad: ExplicitPadding): boolean {
  return pad.flat().some((count) => count > 0);
}

function correctionTensor(correction: Float32Array, [height, width]: PoolGeometry['outputSize']): Tensor {
  return tf.tensor4d(correction, [1, height, width, 1]);
}
