/** A TensorFlow graph under construction, with helpers for operations on a batch of images. */
import { float32, graphBuilder, int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Attribute, GraphBuilder, Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Rewriting } from '../../tensors/tensorflow/graph/session.ts';

/**
 * How TensorFlow has to rewrite a function of these operations so that it computes the bits of a session. SiLU and GELU are
 * sums and products, which a session rewrites and whose gate the gradient shares; no other operation needs that.
 */
export function rewritingOf(operations: readonly { readonly op: string }[]): Rewriting {
  return operations.some(({ op }) => op === 'silu' || op === 'gelu') ? 'arithmetic' : 'fused';
}

export interface Emitter {
  readonly graph: GraphBuilder;
  /** `[n, h, w, c]` in [0, 1], as a placeholder. */
  readonly pixels: Output;
  /** Whether max pooling is that of oneDNN; called only for a network that has some, because finding out takes a small run. */
  readonly hasOneDnnMaxPool: () => boolean;
  /** Adds an operation on float32 tensors (attribute `T`). */
  float(
    operation: string,
    inputs: readonly Output[],
    attributes?: Readonly<Record<string, Attribute>>,
  ): Output;
  /** Int32 vector `[n, ...extents]` with the number n of images in this run. */
  batchShape(extents: readonly number[]): Output;
  /** Float32 constant; a single value without a shape is a scalar. */
  numbers(values: Float32Array | readonly number[], shape?: readonly number[]): Output;
  /** Constant int32 vector. */
  integers(values: readonly number[]): Output;
  /** Constant int32 scalar. */
  integer(value: number): Output;
}

/**
 * `hasOneDnnMaxPool` is for graphs with gradients, where TensorFlow has the operations: a forward pass alone is faster with
 * TensorFlow's own, which pads as it goes. Both give the same maxima.
 */
export function emitter(
  inputShape: readonly [number, number, number],
  { hasOneDnnMaxPool = (): boolean => false } = {},
): Emitter {
  const graph = graphBuilder();
  const pixels = graph.placeholder('pixels', float32, [-1, ...inputShape]);
  const integers = (values: readonly number[]): Output =>
    graph.constant(Int32Array.from(values), [values.length]);
  const integer = (value: number): Output => graph.constant(Int32Array.of(value), []);
  let count: Output | null = null;
  const shapes = new Map<string, Output>();
  return {
    graph,
    pixels,
    hasOneDnnMaxPool,
    float: (operation, inputs, attributes = {}) =>
      graph.add(operation, inputs, { T: float32, ...attributes }),
    batchShape(extents) {
      const key = extents.join();
      let shape = shapes.get(key);
      if (shape === undefined) {
        count ??= graph.add(
          'Slice',
          [graph.add('Shape', [pixels], { T: float32, out_type: int32 }), integers([0]), integers([1])],
          { T: int32, Index: int32 },
        );
        shape = graph.add('ConcatV2', [count, integers(extents), integer(0)], {
          N: 2,
          T: int32,
          Tidx: int32,
        });
        shapes.set(key, shape);
      }
      return shape;
    },
    numbers: (values, shape) =>
      graph.constant(Float32Array.from(values), shape ?? (values.length === 1 ? [] : [values.length])),
    integers,
    integer,
  };
}
