/** Writes operations on float32 numbers. */
import { type Attribute, float32, graphBuilder, int32, type Output } from './graph-builder.ts';

/** A place on each axis, which may count from the end; null is the whole way. */
type Bounds = readonly (number | null)[];

export class FloatWriter {
  readonly graph = graphBuilder();

  readonly add = (x: Output, y: Output): Output => this.float('AddV2', x, y);
  readonly subtract = (x: Output, y: Output): Output => this.float('Sub', x, y);
  readonly multiply = (x: Output, y: Output): Output => this.float('Mul', x, y);
  readonly divide = (x: Output, y: Output): Output => this.float('RealDiv', x, y);
  readonly number = (value: number): Output => this.graph.constant(Float32Array.of(value), []);

  /** An operation whose only attribute is the type of its inputs. */
  float(operation: string, ...inputs: readonly Output[]): Output {
    return this.with(operation, inputs, {});
  }

  with(
    operation: string,
    inputs: readonly Output[],
    attributes: Readonly<Record<string, Attribute>>,
  ): Output {
    return this.graph.add(operation, inputs, { T: float32, ...attributes });
  }

  clip(x: Output, least: Output, most: Output): Output {
    return this.float('Minimum', this.float('Maximum', x, least), most);
  }

  reshape(x: Output, shape: readonly number[]): Output {
    return this.with('Reshape', [x, this.integers(shape)], { Tshape: int32 });
  }

  pad(x: Output, paddings: readonly (readonly number[])[]): Output {
    const flat = this.graph.constant(Int32Array.from(paddings.flat()), [paddings.length, 2]);
    return this.with('Pad', [x, flat], { Tpaddings: int32 });
  }

  /** The part from `begin` to `end`. */
  slice(x: Output, begin: Bounds, end: Bounds): Output {
    const bits = (bounds: Bounds): number =>
      bounds.reduce<number>((sum, bound, axis) => sum + (bound === null ? 2 ** axis : 0), 0);
    const vectors = [begin, end].map((bounds) => this.integers(bounds.map((bound) => bound ?? 0)));
    return this.with('StridedSlice', [x, ...vectors, this.integers(begin.map(() => 1))], {
      ...{ Index: int32, begin_mask: bits(begin), end_mask: bits(end) },
      ...{ ellipsis_mask: 0, new_axis_mask: 0, shrink_axis_mask: 0 },
    });
  }

  reduce(operation: 'Sum' | 'Mean' | 'Max', x: Output, axis: number, keepsAxis: boolean): Output {
    return this.with(operation, [x, this.integers([axis])], { Tidx: int32, keep_dims: keepsAxis });
  }

  /** The parts side by side. */
  join(parts: readonly Output[], axis: number): Output {
    if (parts.length === 1) return parts[0]!;
    const along = this.graph.constant(Int32Array.of(axis), []);
    return this.with('ConcatV2', [...parts, along], { N: parts.length, Tidx: int32 });
  }

  /** The rows with these numbers. */
  takeRows(x: Output, rows: Output): Output {
    const axis = this.graph.constant(Int32Array.of(0), []);
    return this.graph.add('GatherV2', [x, rows, axis], {
      ...{ Tparams: float32, Tindices: int32, Taxis: int32, batch_dims: 0 },
    });
  }

  integers(values: readonly number[]): Output {
    return this.graph.constant(Int32Array.from(values), [values.length]);
  }
}
