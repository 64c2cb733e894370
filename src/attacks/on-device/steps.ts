import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { argmaxRows } from '../../metrics/classification.ts';
import { tf } from '../../tensors/tf.ts';
import { gather, runActiveSet } from '../active-set.ts';
import { type Goal, reachesGoal } from '../goal.ts';
import { batchCapacity, imageSize } from '../images.ts';
import type { AttackProblem } from '../originals.ts';
import { appendOnDevice, type DeviceGradient, takeOnDevice } from './device-queries.ts';
import { rowNumbers } from './functions.ts';
import { startsOnDevice } from './kept-originals.ts';
import { areFlat, type DeviceNorm, stepAlong } from './moves.ts';
import { uploadImages } from './upload.ts';

/** The part of `GradientSteps` that images on the device can take. */
export interface DeviceSteps {
  readonly goal: Goal;
  readonly rows: Int32Array;
  /** Images at which the rows start, side by side. */
  readonly starts: Float32Array;
  readonly stepSizes: Float64Array;
  /** The norm of the balls; steps go along the sign of the gradient in L∞, and along the unit gradient in L2. */
  readonly norm: DeviceNorm;
  /** Radii of the balls around the originals; null if there are none. */
  readonly radii: Float64Array | null;
  readonly steps: number;
  readonly taken: number;
  readonly stopEarly: boolean;
}

interface Moving {
  readonly slot: number;
  readonly index: number;
  taken: number;
}

/** The tensors of the images that are moving, one row for each. */
interface DeviceState {
  points: Tensor4D | null;
  originals: Tensor4D | null;
  /** Made again when other images move. */
  settings: { readonly labels: Tensor1D; readonly sizes: Tensor; readonly radii: Tensor | null } | null;
}

/**
 * Takes the steps of `gradientSteps` with the images on the device: they go there when they start and come
 * back when they are done. The passes, the batches and all bits are those of the steps with plain arrays.
 */
export async function stepsOnDevice(
  problem: AttackProblem,
  options: DeviceSteps,
  gradientOf: DeviceGradient,
): Promise<Float32Array> {
  const { queries, images, originals, hooks } = problem;
  const { goal, norm, rows, starts, stepSizes, radii, steps, taken: before, stopEarly } = options;
  const size = imageSize(images.shape);
  const [, height, width, channels] = images.shape;
  const result = starts.slice();
  const capacity = Math.min(rows.length, batchCapacity(size, hooks));
  const state: DeviceState = { points: null, originals: null, settings: null };
  let moving: Moving[] = [];
  let entering: Moving[] = [];

  const admit = (): void => {
    if (entering.length === 0) return;
    const own = entering.map(({ index }) => rows[index]!);
    const indices = Int32Array.from(entering, ({ index }) => index);
    const pixels = gather(starts, indices, size);
    const { kept } = originals;
    if (radii === null)
      state.points = appendOnDevice(
        state.points,
        uploadImages(pixels, [own.length, height, width, channels]),
      );
    else {
      const { points, centres } = startsOnDevice(kept, images, own, pixels);
      state.points = appendOnDevice(state.points, points);
      state.originals = appendOnDevice(state.originals, centres);
    }
    moving = [...moving, ...entering];
    entering = [];
    forgetSettings(state);
  };
  const settings = (): NonNullable<DeviceState['settings']> =>
    (state.settings ??= {
      labels: tf.tensor1d(
        moving.map(({ index }) => goal.labels[rows[index]!]!),
        'int32',
      ),
      sizes: rowNumbers(moving.map(({ index }) => goal.sign * stepSizes[index]!)),
      radii: radii && rowNumbers(moving.map(({ index }) => radii[index]!)),
    });
  /** Takes out the images at some positions, which end at `points`. */
  const leave = async (positions: readonly number[], points: Tensor4D): Promise<void> => {
    if (positions.length === 0) return;
    const isAll = positions.length === moving.length;
    const left = isAll ? points : takeOnDevice(points, positions);
    const values = (await left.data()) as Float32Array;
    if (!isAll) left.dispose();
    for (const [at, position] of positions.entries())
      result.set(values.subarray(at * size, (at + 1) * size), moving[position]!.index * size);
  };
  const keepOnly = (positions: readonly number[]): void => {
    if (positions.length === moving.length) return;
    for (const name of ['points', 'originals'] as const) {
      const tensor = state[name];
      if (tensor === null) continue;
      state[name] = positions.length === 0 ? null : takeOnDevice(tensor, positions);
      tensor.dispose();
    }
    moving = positions.map((position) => moving[position]!);
    forgetSettings(state);
  };

  try {
    await runActiveSet(
      rows.length,
      capacity,
      {
        enter: (slot, index) => entering.push({ slot, index, taken: before }),
        step: async () => {
          admit();
          const points = state.points!;
          const { labels, sizes, radii: within } = settings();
          const ids = Int32Array.from(moving, ({ index }) => images.ids[rows[index]!]!);
          const { gradient, logits } = await gradientOf({ pixels: points, labels, ids }, goal.loss);
          const predicted = stopEarly ? argmaxRows(logits, queries.classes) : null;
          const isReached = moving.map(({ index }, position) => {
            const label = goal.labels[rows[index]!]!;
            return predicted !== null && reachesGoal(goal, predicted[position]!, label);
          });
          if (moving.some(({ taken }, position) => taken === 0 && !isReached[position])) {
            for (const [position, isFlat] of (await areFlat(gradient)).entries()) {
              const { index, taken } = moving[position]!;
              if (isFlat && taken === 0 && !isReached[position]) originals.markZeroGradient(rows[index]!);
            }
          }
          const ball = within && { originals: state.originals!, radii: within };
          const moved = stepAlong(norm, points, gradient, sizes, ball);
          gradient.dispose();
          const positions = [...moving.keys()];
          const isDone = moving.map((image, position) => !isReached[position]! && ++image.taken === steps);
          const ended = moving.filter((_, position) => isReached[position]! || isDone[position]!);
          state.points = moved;
          await leave(
            positions.filter((position) => isReached[position]),
            points,
          );
          points.dispose();
          await leave(
            positions.filter((position) => isDone[position]),
            moved,
          );
          keepOnly(positions.filter((position) => !isReached[position] && !isDone[position]));
          return ended.map(({ slot }) => slot);
        },
      },
      hooks,
    );
  } finally {
    tf.dispose([state.points, state.originals].filter((tensor) => tensor !== null));
    forgetSettings(state);
  }
  return result;
}

function forgetSettings(state: DeviceState): void {
  if (state.settings === null) return;
  const { labels, sizes, radii } = state.settings;
  tf.dispose([labels, sizes]);
  radii?.dispose();
  state.settings = null;
}
