/**
 * Operations that move numbers, with their gradients: axes in another order, parts of an axis, repeated axes, and rows beside others.
 * Axes that stay together are one axis for the kernels, because those of the wasm backend are fast up to rank 4 only.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import { elementCount } from '../../values/element-count.ts';

/** Puts the axes after the batch into another order: the n-th of the result is the axis `order[n]` of `x`. */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const whole = [0, ...order.map((axis) => axis + 1)];
  const runs: number[][] = [];
  for (const axis of whole) {
    const last = runs.at(-1);
    if (last !== undefined && last.at(-1) === axis - 1) last.push(axis);
    else runs.push([axis]);
  }
  const sources = [...runs].sort((a, b) => a[0]! - b[0]!);
  const extents = sources.map((run) => elementCount(run.map((axis) => x.shape[axis]!)));
  return tf.tidy(() => {
    const joined = tf.reshape(x, extents);
    const moved = tf.transpose(
      joined,
      runs.map((run) => sources.indexOf(run)),
    );
    return tf.reshape(
      moved,
      whole.map((axis) => x.shape[axis]!),
    );
  });
}

export function inverseOrder(order: readonly number[]): number[] {
  const inverse: number[] = [];
  for (const [at, axis] of order.entries()) inverse[axis] = at;
  return inverse;
}

/** The places `start` to `end − 1` of an axis after the batch. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  return tf.tidy(() => {
    const [outer, extent, inner] = around(x, axis);
    const part = tf.slice(tf.reshape(x, [outer, extent, inner]), [0, start, 0], [outer, end - start, inner]);
    return tf.reshape(
      part,
      x.shape.map((own, at) => (at === axis + 1 ? end - start : own)),
    );
  });
}

/** Zeros in the other places of an axis that had `extent` of them. */
export function sliceGradient(dy: Tensor, axis: number, start: number, extent: number): Tensor {
  return tf.tidy(() => {
    const [outer, length, inner] = around(dy, axis);
    const padded = tf.pad(tf.reshape(dy, [outer, length, inner]), [
      [0, 0],
      [start, extent - start - length],
      [0, 0],
    ]);
    return tf.reshape(
      padded,
      dy.shape.map((own, at) => (at === axis + 1 ? extent : own)),
    );
  });
}

function around(x: Tensor, axis: number): [outer: number, extent: number, inner: number] {
  return [
    elementCount(x.shape.slice(0, axis + 1)),
    x.shape[axis + 1]!,
    elementCount(x.shape.slice(axis + 2)),
  ];
}

/** Repeats `x` along axes of extent 1, so that its axes after the batch have the extents of `shape`. */
export function expand(x: Tensor, shape: readonly number[]): Tensor {
  return tf.tile(x, [1, ...shape.map((extent, at) => extent / x.shape[at + 1]!)]);
}

/**
 * Sums the gradient of an expansion over the repeated axes. `shape` has the extents before the expansion, without
 * the batch.
 */
export function expandGradient(dy: Tensor, shape: readonly number[]): Tensor {
  const axes = shape.flatMap((extent, at) => (extent === dy.shape[at + 1] ? [] : [at + 1]));
  return axes.length === 0 ? tf.clone(dy) : tf.sum(dy, axes, true);
}
