/** Euclidean lengths of images on the device. Sums are those of ../halving-sums.ts, so they have the same bits. */
import type { Tensor4D } from '@tensorflow/tfjs';
import { boolean, float64, int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { halfOf } from '../halving-sums.ts';
import { functionOf, type Moves, readNumbers } from './functions.ts';

/** Sums of float64 values, `size` for each image and none of them −0, as `[n, 1, 1, 1]`. */
export function emitSums(moves: Moves, values: Output, size: number): Output {
  const { graph } = moves;
  const reshape = (x: Output, shape: readonly number[]): Output =>
    graph.add('Reshape', [x, graph.constant(Int32Array.from(shape), [shape.length])], {
      T: float64,
      Tshape: int32,
    });
  let sums = reshape(values, [-1, size]);
  for (let left = size; left > 1; left = halfOf(left)) {
    const half = halfOf(left);
    if (left % 2 === 1) {
      const paddings = graph.constant(Int32Array.of(0, 0, 0, 1), [2, 2]);
      sums = graph.add('Pad', [sums, paddings], { T: float64, Tpaddings: int32 });
    }
    const first = graph.add('Unpack', [reshape(sums, [-1, 2, half])], { T: float64, num: 2, axis: 1 });
    sums = moves.add(first, graph.output(first, 1));
  }
  return reshape(sums, [-1, 1, 1, 1]);
}

/** ‖y − x‖² of each image. */
export function emitSquaredDistances(moves: Moves, x: Output, y: Output, size: number): Output {
  const difference = moves.subtract(moves.wide(y), moves.wide(x));
  return emitSums(moves, moves.multiply(difference, difference), size);
}

/** The nearest point of the L2 ball around the original. */
export function emitProjection(
  moves: Moves,
  x: Output,
  original: Output,
  radius: Output,
  size: number,
): Output {
  const length = moves.double('Sqrt', [emitSquaredDistances(moves, original, x, size)]);
  const isInside = moves.double('LessEqual', [length, radius]);
  const centre = moves.wide(original);
  const factor = moves.divide(radius, length);
  const moved = moves.add(centre, moves.multiply(factor, moves.subtract(moves.wide(x), centre)));
  const flags = moves.graph.add('Reshape', [isInside, moves.graph.constant(Int32Array.of(-1), [1])], {
    T: boolean,
    Tshape: int32,
  });
  return moves.chooseRows(flags, x, moves.narrow(moved));
}

/** The gradient, without NaN, divided by its length; zero if it is. */
export function emitUnit(moves: Moves, gradient: Output, size: number): Output {
  const { graph } = moves;
  const slopes = moves.wide(gradient);
  const length = moves.double('Sqrt', [emitSums(moves, moves.multiply(slopes, slopes), size)]);
  const isLong = moves.double('Greater', [length, moves.number(0)]);
  const divisor = graph.add('SelectV2', [isLong, length, moves.number(1)], { T: float64 });
  return moves.narrow(moves.divide(slopes, divisor));
}

const squaredDistances = functionOf<number>((moves, size) => [
  moves.bits(emitSquaredDistances(moves, moves.images(), moves.images(), size)),
]);

/** ‖y − x‖² of each image; 8 bytes an image come back. */
export async function readSquaredDistances(x: Tensor4D, y: Tensor4D): Promise<Float64Array> {
  const size = x.size / x.shape[0];
  const [bits] = squaredDistances([x, y], size);
  return readNumbers(bits!);
}
