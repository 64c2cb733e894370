/**
 * Steps of attacks as functions of TensorFlow, for images that stay on the device. They compute what the plain arrays of
 * ../gradient-steps.ts and ../apgd-run.ts compute, to the last bit: in float64, rounded to float32 where these are stored.
 * Only operations that IEEE 754 defines to the bit are used, so L2 norms, whose sums depend on their order, are not here.
 */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { float32, float64, graphBuilder, int32, int8 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { GraphBuilder, Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { openSession } from '../../tensors/tensorflow/graph/session.ts';
import { tf } from '../../tensors/tf.ts';

/** An image-shaped input, `[n, height, width, channels]` of any size. */
const anyImages = [-1, -1, -1, -1];

/** Writes operations on images in float64. */
class Moves {
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

  /** A truth value for each image, as `[n, 1, 1, 1]`; fed by `rowFlags`. */
  flags(): Output {
    const flags = this.graph.placeholder(`flags_${this.inputs.length}`, int32, [-1]);
    this.inputs.push(flags);
    const isSet = this.graph.add('NotEqual', [flags, this.graph.constant(Int32Array.of(0), [])], {
      T: int32,
    });
    return this.#spread(isSet, { type: 10 });
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

  select(condition: Output, yes: Output, no: Output): Output {
    return this.graph.add('SelectV2', [condition, yes, no], { T: float32 });
  }

  /** The gradient with 0 for NaN. */
  withoutNaN(gradient: Output): Output {
    const isNaN = this.graph.add('IsNan', [gradient], { T: float32 });
    return this.select(isNaN, this.graph.constant(Float32Array.of(0), []), gradient);
  }

  sign(x: Output): Output {
    return this.graph.add('Sign', [x], { T: float32 });
  }

  /** x + size · direction. */
  step(x: Output, size: Output, direction: Output): Output {
    return this.narrow(
      this.double('AddV2', [this.wide(x), this.double('Mul', [size, this.wide(direction)])]),
    );
  }

  /** The nearest point of the L∞ ball around the original. */
  project(x: Output, original: Output, radius: Output): Output {
    const centre = this.wide(original);
    const least = this.double('Sub', [centre, radius]);
    const most = this.double('AddV2', [centre, radius]);
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

/** Runs a function of images. TensorFlow keeps it, compiled, for all sizes. */
function functionOf(
  emit: (moves: Moves) => readonly Output[],
): (inputs: readonly Tensor[]) => readonly Tensor[] {
  let opened: { readonly session: ReturnType<typeof openSession>; readonly backend: unknown } | null = null;
  return (inputs) => {
    const backend = tf.backend();
    if (opened?.backend !== backend) {
      const moves = new Moves();
      const outputs = emit(moves);
      opened = { session: openSession(moves.graph, moves.inputs, outputs), backend };
    }
    return opened.session.run(inputs);
  };
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

const signStep = functionOf((moves) => {
  const [points, gradient, size] = [moves.images(), moves.images(), moves.numbers()];
  return [moves.clip(moves.step(points, size, moves.sign(moves.withoutNaN(gradient))))];
});

const signStepInBall = functionOf((moves) => {
  const [points, gradient, size] = [moves.images(), moves.images(), moves.numbers()];
  const [originals, radius] = [moves.images(), moves.numbers()];
  const moved = moves.step(points, size, moves.sign(moves.withoutNaN(gradient)));
  return [moves.clip(moves.project(moved, originals, radius))];
});

/** Ball around each original that no step leaves. */
export interface DeviceBall {
  readonly originals: Tensor4D;
  /** A result of `rowNumbers`. */
  readonly radii: Tensor;
}

/** clip(P(x + size · sign g)), where P projects onto the ball. `sizes` are of `rowNumbers`. */
export function stepAlongSign(
  points: Tensor4D,
  gradient: Tensor4D,
  sizes: Tensor,
  ball: DeviceBall | null,
): Tensor4D {
  const [moved] =
    ball === null
      ? signStep([points, gradient, sizes])
      : signStepInBall([points, gradient, sizes, ball.originals, ball.radii]);
  return moved as Tensor4D;
}

/** The points of APGD; shapes are those of images. */
export interface ApgdPoints {
  readonly current: Tensor4D;
  readonly previous: Tensor4D;
  readonly best: Tensor4D;
  /** The gradient at the best point, without NaN. */
  readonly bestGradient: Tensor4D;
}

/** Settings of a step of APGD for each image: flags are results of `rowFlags`, and numbers of `rowNumbers`. */
export interface ApgdStepSettings {
  /** Whether the current point is the best so far. */
  readonly isBest: Tensor;
  /** Whether the image goes on from its best point. */
  readonly goesBack: Tensor;
  /** The length of the step, its share α of the update, and 1 − α. */
  readonly sizes: Tensor;
  readonly shares: Tensor;
  readonly others: Tensor;
}

const apgdMove = functionOf((moves) => {
  const [current, previous, best, bestGradient] = [0, 1, 2, 3].map(() => moves.images());
  const [given, originals] = [moves.images(), moves.images()];
  const [isBest, goesBack] = [moves.flags(), moves.flags()];
  const [radii, sizes, shares, others] = [0, 1, 2, 3].map(() => moves.numbers());
  const gradient = moves.withoutNaN(given);
  const newBest = moves.select(isBest, current!, best!);
  const newBestGradient = moves.select(isBest, gradient, bestGradient!);
  const from = moves.select(goesBack, newBest, current!);
  const direction = moves.sign(moves.select(goesBack, newBestGradient, gradient));
  const confine = (point: Output): Output => moves.clip(moves.project(point, originals, radii!));
  const ahead = confine(moves.step(from, sizes!, direction));
  const here = moves.wide(from);
  const own = moves.double('Mul', [shares!, moves.double('Sub', [moves.wide(ahead), here])]);
  const moved = moves.double('AddV2', [here, own]);
  // A difference, because TensorFlow may turn sums of three into one operation, in an order of its own.
  const back = moves.double('Mul', [others!, moves.double('Sub', [moves.wide(previous!), here])]);
  return [confine(moves.narrow(moves.double('Sub', [moved, back]))), from, newBest, newBestGradient];
});

/** One step of APGD in L∞: keeps the best points, and moves from where each image goes on. */
export function moveByApgd(
  { current, previous, best, bestGradient }: ApgdPoints,
  gradient: Tensor4D,
  { originals, radii }: DeviceBall,
  { isBest, goesBack, sizes, shares, others }: ApgdStepSettings,
): ApgdPoints {
  const points = [current, previous, best, bestGradient, gradient, originals];
  const results = apgdMove([...points, isBest, goesBack, radii, sizes, shares, others]) as Tensor4D[];
  return {
    current: results[0]!,
    previous: results[1]!,
    best: results[2]!,
    bestGradient: results[3]!,
  };
}

const steepest = functionOf((moves) => {
  const size = moves.graph.add('Abs', [moves.withoutNaN(moves.images())], { T: float32 });
  const axes = moves.graph.constant(Int32Array.of(1, 2, 3), [3]);
  return [moves.graph.add('Max', [size, axes], { T: float32, Tidx: int32, keep_dims: false })];
});

/** Whether the gradient of each image is zero everywhere. */
export async function areFlat(gradient: Tensor4D): Promise<readonly boolean[]> {
  const [slopes] = steepest([gradient]);
  const values = (await slopes!.data()) as Float32Array;
  slopes!.dispose();
  return Array.from(values, (slope) => slope === 0);
}

/** Signs of four values in an integer, because the backend reads no smaller type. */
const packed = 4;

const packedSigns = functionOf((moves) => {
  const { graph } = moves;
  const signs = moves.sign(moves.withoutNaN(moves.images()));
  const bytes = graph.add('Cast', [signs], { SrcT: float32, DstT: int8 });
  const shape = graph.constant(Int32Array.of(-1, packed), [2]);
  const fours = graph.add('Reshape', [bytes, shape], { T: int8, Tshape: int32 });
  return [graph.add('Bitcast', [fours], { T: int8, type: int32 })];
});

/** Sign of each value (−1, 0 or 1; 0 for NaN), of which a byte each comes back. The number of values is a multiple of 4. */
export async function readSigns(gradient: Tensor4D): Promise<Int8Array> {
  const [signs] = packedSigns([gradient]);
  const values = (await signs!.data()) as Int32Array;
  signs!.dispose();
  return new Int8Array(values.buffer, values.byteOffset, packed * values.length);
}

/** Whether `readSigns` can read that many values. */
export function canReadSigns(values: number): boolean {
  return values % packed === 0;
}
