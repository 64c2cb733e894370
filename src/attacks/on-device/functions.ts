/**
 * Functions of TensorFlow for images that stay on the device. They compute what plain arrays do, to the last bit: in float64,
 * rounded to float32 if these are stored so. Only operations that IEEE 754 defines to the bit are used, each as it is written here.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { float32, float64, graphBuilder, int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { GraphBuilder, Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { graphFunction } from '../../tensors/tensorflow/graph/functions.ts';
import { tf } from '../../tensors/tf.ts';

/** An image-shaped input, `[n, height, width, channels]` of any size. */
const anyImages = [-1, -1, -1, -1];

/** Writes operations on images in float64. */
export class Moves {
  readonly graph: GraphBuilder = graphBuilder();
  readonly inputs: Output[] = [];

  images(): Output {
    const input = this.graph.placeholder(`images_${this.inputs.length}`, float32, anyImages);
    this.inputs.push(input);
    return input;
  }

  /** One float64 number for each image, as `[n, 1, 1, 1]`; fed by `rowNumbers`. */
  numbers(): Output {
    const bits = this.graph.placeholder(`numbers_${this.inputs.length}`, int32, [-1, 2]);
    this.inputs.push(bits);
    const numbers = this.graph.add('Bitcast', [bits], { T: int32, type: float64 });
    return this.#spread(numbers, float64);
  }

  /** A float64 constant. */
  number(value: number): Output {
    return this.graph.constant(Float64Array.of(value), []);
  }

  add(x: Output, y: Output): Output {
    return this.double('AddV2', [x, y]);
  }

  subtract(x: Output, y: Output): Output {
    return this.double('Sub', [x, y]);
  }

  multiply(x: Output, y: Output): Output {
    return this.double('Mul', [x, y]);
  }

  divide(x: Output, y: Output): Output {
    return this.double('RealDiv', [x, y]);
  }

  /** The bits of float64 numbers as pairs of integers, which the backend can read; for `readNumbers`. */
  bits(numbers: Output): Output {
    return this.graph.add('Bitcast', [numbers], { T: float64, type: int32 });
  }

  /** A truth value for each image; fed by `rowFlags`. */
  flags(): Output {
    const flags = this.graph.placeholder(`flags_${this.inputs.length}`, int32, [-1]);
    this.inputs.push(flags);
    return this.graph.add('NotEqual', [flags, this.graph.constant(Int32Array.of(0), [])], { T: int32 });
  }

  wide(x: Output): Output {
    return this.graph.add('Cast', [x], { SrcT: float32, DstT: float64 });
  }

  /** Rounds to float32. */
  narrow(x: Output): Output {
    return this.graph.add('Cast', [x], { SrcT: float64, DstT: float32 });
  }

  /** An operation on float64 numbers. */
  double(operation: string, inputs: readonly Output[]): Output {
    return this.graph.add(operation, inputs, { T: float64 });
  }

  /** The images of `yes` whose flag is set, and of `no` for others. */
  chooseRows(flags: Output, yes: Output, no: Output): Output {
    // The older operation, which takes whole rows; `SelectV2` spreads the flags over all values.
    return this.graph.add('Select', [flags, yes, no], { T: float32 });
  }

  /** The gradient with 0 for NaN. */
  withoutNaN(gradient: Output): Output {
    const isNaN = this.graph.add('IsNan', [gradient], { T: float32 });
    const zeros = this.graph.add('ZerosLike', [gradient], { T: float32 });
    return this.graph.add('SelectV2', [isNaN, zeros, gradient], { T: float32 });
  }

  sign(x: Output): Output {
    return this.graph.add('Sign', [x], { T: float32 });
  }

  /** x + size · direction. */
  step(x: Output, size: Output, direction: Output): Output {
    return this.narrow(this.add(this.wide(x), this.multiply(size, this.wide(direction))));
  }

  /** The nearest point of the L∞ ball around the original. */
  project(x: Output, original: Output, radius: Output): Output {
    const centre = this.wide(original);
    const least = this.subtract(centre, radius);
    const most = this.add(centre, radius);
    return this.narrow(this.double('Minimum', [most, this.double('Maximum', [least, this.wide(x)])]));
  }

  /** The nearest image in [0, 1]. */
  clip(x: Output): Output {
    const [zero, one] = [0, 1].map((bound) => this.graph.constant(Float32Array.of(bound), []));
    const positive = this.graph.add('Maximum', [x, zero!], { T: float32 });
    return this.graph.add('Minimum', [positive, one!], { T: float32 });
  }

  #spread(x: Output, type: { readonly type: number }): Output {
    const shape = this.graph.constant(Int32Array.of(-1, 1, 1, 1), [4]);
    return this.graph.add('Reshape', [x, shape], { T: type, Tshape: int32 });
  }
}

/** A function of TensorFlow on images, which is kept, compiled, for all numbers of images; see `graphFunction`. */
export function functionOf<Key extends string | number = 0>(
  emit: (moves: Moves, key: Key) => readonly Output[],
): (inputs: readonly Tensor[], key?: Key) => readonly Tensor[] {
  const call = graphFunction<Key>((key) => {
    const moves = new Moves();
    const outputs = emit(moves, key);
    return { graph: moves.graph, inputs: moves.inputs, outputs };
  });
  return (inputs, key = 0 as Key) => call(inputs, key);
}

/** Float64 numbers, one for each image, for `Moves.numbers`. */
export function rowNumbers(values: ArrayLike<number>): Tensor {
  const bits = new Int32Array(Float64Array.from(values).buffer);
  return tf.tensor2d(bits, [values.length, 2], 'int32');
}

/** Truth values, one for each image, for `Moves.flags`. */
export function rowFlags(values: readonly boolean[]): Tensor {
  return tf.tensor1d(
    values.map((value) => (value ? 1 : 0)),
    'int32',
  );
}

/** Float64 numbers of which a function gave the `bits`; disposes the tensor. */
export async function readNumbers(bits: Tensor): Promise<Float64Array> {
  const values = (await bits.data()) as Int32Array;
  bits.dispose();
  return new Float64Array(values.slice().buffer);
}
