/**
 * Values that the names of a program stand for while it is converted. PyTorch has its channels second and ours are last, so an
 * activation says which of our axes each of its own dimensions is.
 */
export type Extent = number | 'batch';

/** Numbers that do not depend on the images. */
export interface ConstantValue {
  readonly kind: 'constant';
  readonly shape: readonly number[];
  readonly floats: () => Float32Array;
}

/** The number of images. */
export interface BatchValue {
  readonly kind: 'batch';
}

export interface Activation {
  readonly kind: 'activation';
  /** Our node. */
  readonly node: string;
  /** PyTorch's extents. One of them is the batch. */
  readonly dims: readonly Extent[];
  /**
   * For each of `dims` our axis (0 is the first after the batch), `batch`, or null if the extent is 1. An axis of ours may be
   * missing only if its extent is 1.
   */
  readonly axes: readonly (number | 'batch' | null)[];
}

export type Value = ConstantValue | BatchValue | Activation;

/** The value of our node of this shape whose dimensions are the batch and then our axes in this order. */
export function activation(
  node: string,
  shape: readonly number[],
  order: readonly number[] = shape.map((_, axis) => axis),
): Activation {
  return {
    kind: 'activation',
    node,
    dims: ['batch', ...order.map((axis) => shape[axis]!)],
    axes: ['batch', ...order.map((axis) => (shape[axis] === 1 ? null : axis))],
  };
}

export function shown(extents: readonly (number | string)[]): string {
  return `[${extents.join(', ')}]`;
}
