/** Steps of attacks in L∞ as functions of TensorFlow, for images that stay on the device. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { float32, int32, int8 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { functionOf } from './functions.ts';

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
