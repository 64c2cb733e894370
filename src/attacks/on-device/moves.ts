/** Steps of attacks in L∞ and L2 as functions of TensorFlow, for images that stay on the device. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { float32, int32, int8 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { emitProjection, emitUnit } from './euclid.ts';
import { functionOf, type Moves } from './functions.ts';

/** Norms of the balls and of the steps on the device. */
export type DeviceNorm = 'linf' | 'l2';

/** Key of a function: the norm, the size of an image in L2, and whether there is a ball. */
function keyOf(norm: DeviceNorm, points: Tensor4D, ball = true): string {
  return `${norm} ${norm === 'l2' ? points.size / points.shape[0] : 0} ${ball ? 'ball' : ''}`;
}

/** The step of length 1 along a gradient without NaN. */
function emitDirection(moves: Moves, gradient: Output, key: string): Output {
  const [norm, size] = key.split(' ');
  return norm === 'l2' ? emitUnit(moves, gradient, Number(size)) : moves.sign(gradient);
}

/** The nearest point of the ball, in its norm. */
function emitNearest(moves: Moves, point: Output, original: Output, radius: Output, key: string): Output {
  const [norm, size] = key.split(' ');
  return norm === 'l2'
    ? emitProjection(moves, point, original, radius, Number(size))
    : moves.project(point, original, radius);
}

const stepOf = functionOf<string>((moves, key) => {
  const [points, gradient, size] = [moves.images(), moves.images(), moves.numbers()];
  const direction = emitDirection(moves, moves.withoutNaN(gradient), key);
  const moved = moves.step(points, size, direction);
  if (!key.endsWith('ball')) return [moves.clip(moved)];
  const [originals, radius] = [moves.images(), moves.numbers()];
  return [moves.clip(emitNearest(moves, moved, originals, radius, key))];
});

/** Ball around each original that no step leaves. */
export interface DeviceBall {
  readonly originals: Tensor4D;
  /** A result of `rowNumbers`. */
  readonly radii: Tensor;
}

/**
 * clip(P(x + size · d)), where P projects onto the ball and d is the sign of the gradient in L∞ or the unit gradient in L2.
 * `sizes` are of `rowNumbers`.
 */
export function stepAlong(
  norm: DeviceNorm,
  points: Tensor4D,
  gradient: Tensor4D,
  sizes: Tensor,
  ball: DeviceBall | null,
): Tensor4D {
  const inputs = [points, gradient, sizes, ...(ball === null ? [] : [ball.originals, ball.radii])];
  return stepOf(inputs, keyOf(norm, points, ball !== null))[0] as Tensor4D;
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

const apgdMove = functionOf<string>((moves, key) => {
  const [current, previous, best, bestGradient] = [0, 1, 2, 3].map(() => moves.images());
  const [given, originals] = [moves.images(), moves.images()];
  const [isBest, goesBack] = [moves.flags(), moves.flags()];
  const [radii, sizes, shares, others] = [0, 1, 2, 3].map(() => moves.numbers());
  const gradient = moves.withoutNaN(given);
  const newBest = moves.chooseRows(isBest, current!, best!);
  const newBestGradient = moves.chooseRows(isBest, gradient, bestGradient!);
  const from = moves.chooseRows(goesBack, newBest, current!);
  const direction = emitDirection(moves, moves.chooseRows(goesBack, newBestGradient, gradient), key);
  const confine = (point: Output): Output => moves.clip(emitNearest(moves, point, originals, radii!, key));
  const ahead = confine(moves.step(from, sizes!, direction));
  const here = moves.wide(from);
  const own = moves.multiply(shares!, moves.subtract(moves.wide(ahead), here));
  const moved = moves.add(here, own);
  // A difference, because TensorFlow may turn sums of three into one operation, in an order of its own.
  const back = moves.multiply(others!, moves.subtract(moves.wide(previous!), here));
  return [confine(moves.narrow(moves.subtract(moved, back))), from, newBest, newBestGradient];
});

/** One step of APGD in L∞ or L2: keeps the best points, and moves from where each image goes on. */
export function moveByApgd(
  norm: DeviceNorm,
  { current, previous, best, bestGradient }: ApgdPoints,
  gradient: Tensor4D,
  { originals, radii }: DeviceBall,
  { isBest, goesBack, sizes, shares, others }: ApgdStepSettings,
): ApgdPoints {
  const points = [current, previous, best, bestGradient, gradient, originals];
  const inputs = [...points, isBest, goesBack, radii, sizes, shares, others];
  const results = apgdMove(inputs, keyOf(norm, current)) as Tensor4D[];
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
