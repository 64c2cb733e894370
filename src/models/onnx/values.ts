/**
 * Values that the names of an ONNX graph stand for while the graph is converted. ONNX has its channels second and ours are last, so
 * an activation says which of our axes each of its own dimensions is.
 */
import type { ActivationShape } from '../network.ts';

/** Numbers that do not depend on the images. */
export interface ConstantValue {
  readonly kind: 'constant';
  readonly shape: readonly number[];
  readonly size: number;
  readonly isIntegral: boolean;
  /** The elements, row-major. */
  readonly floats: () => Float32Array;
  /** The elements of a shape, an axis or the like. */
  readonly integers: () => readonly number[];
}

/** A list of extents, as Shape gives it, of which one may be the number of images. */
export interface ExtentsValue {
  readonly kind: 'extents';
  readonly extents: readonly Extent[];
  /** Gather with a single index takes the axis away. */
  readonly isScalar: boolean;
}

export type Extent = number | 'batch';

export interface Activation {
  readonly kind: 'activation';
  /** Our node. */
  readonly node: string;
  /** Extents after that of the batch, in ONNX's order. */
  readonly dims: readonly number[];
  /**
   * For each of `dims` our axis (0 is the first after the batch), or null if the extent is 1. An axis of ours may be
   * missing only if its extent is 1.
   */
  readonly axes: readonly (number | null)[];
  /** For a flattened image: the place of our i-th feature in ONNX's order. Null if both are the same. */
  readonly order: Int32Array | null;
}

export type Value = ConstantValue | ExtentsValue | Activation;

export const channelsFirst = [2, 0, 1] as const;
export const channelsLast = [0, 1, 2] as const;

/** An activation of our shape whose dimensions are these of our axes. */
export function activation(node: string, shape: ActivationShape, axes: readonly number[]): Activation {
  const dims = axes.map((axis) => shape[axis]!);
  return {
    kind: 'activation',
    node,
    dims,
    axes: axes.map((axis) => (shape[axis] === 1 ? null : axis)),
    order: null,
  };
}

/** Whether the dimensions are those of our axes in this order, apart from extents of 1. */
export function hasAxes({ axes, dims }: Activation, wanted: readonly number[]): boolean {
  return (
    axes.length === wanted.length &&
    axes.every((axis, at) => (axis === null ? dims[at] === 1 : axis === wanted[at]))
  );
}

export function constant(
  shape: readonly number[],
  numbers: Float32Array | readonly number[],
  isIntegral = false,
): ConstantValue {
  return {
    kind: 'constant',
    shape,
    size: numbers.length,
    isIntegral,
    floats: () => Float32Array.from(numbers),
    integers: () => Array.from(numbers),
  };
}

export function shown(extents: readonly (number | string | null)[]): string {
  return `[${extents.map((extent) => extent ?? '?').join(', ')}]`;
}
