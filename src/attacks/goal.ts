import type { Tensor4D } from '@tensorflow/tfjs';
import { randomStream, type Seed } from '../tensors/random.ts';
import { tf } from '../tensors/tf.ts';
import { type ImageBatch, batchesOf, imageSize, sliceRows } from './images.ts';
import { isFiniteRow, leastLikely } from './logits.ts';
import { deviceForm, isPlainLoss } from './on-device/device-queries.ts';
import { canReadSigns, readSigns } from './on-device/moves.ts';
import { uploadImages } from './on-device/upload.ts';
import { type AttackProblem, classifyOriginals } from './originals.ts';
import type { AttackLoss, Gradients, Queries } from './queries.ts';

/**
 * Class that a targeted attack aims at: the least likely one at the original, a random wrong one, or one
 * class for all images.
 */
export type TargetRule = 'least-likely' | 'random' | number;

export interface GoalOptions {
  readonly loss: AttackLoss;
  /**
   * Rounds p − 1 of the cross-entropy's gradient to float32, as PyTorch does: less exact for confident
   * images, but equal to other implementations.
   */
  readonly rounded?: boolean;
  /** Absent for an untargeted attack, which moves away from the true label. */
  readonly targeted?: TargetRule;
  /** Seed from which random targets are drawn. */
  readonly seed: Seed;
}

/**
 * Objective of a gradient attack: to increase the loss at the true labels, or to decrease the loss at the
 * targets.
 */
export interface Goal {
  readonly loss: AttackLoss;
  readonly rounded: boolean;
  /** True labels or targets, `[n]`. */
  readonly labels: Int32Array;
  /** 1 to move away from the labels, −1 to move towards them. */
  readonly sign: 1 | -1;
}

/** A targeted attack aims at a class that the model does not have. */
export class UnknownClassError extends RangeError {
  override readonly name = 'UnknownClassError';
  readonly classes: number;
  constructor(target: number, classes: number) {
    super(`target class ${target} does not exist: the model has ${classes} classes`);
    this.classes = classes;
  }
}

/**
 * Chooses the labels that the attack moves away from or towards, and records targets with the originals. Throws
 * `UnknownClassError`.
 */
export async function chooseGoal(
  problem: AttackProblem,
  { loss, targeted, seed, rounded = false }: GoalOptions,
): Promise<Goal> {
  if (targeted === undefined) return { loss, rounded, labels: problem.images.labels, sign: 1 };
  const labels = await chooseTargets(problem, targeted, seed);
  problem.originals.aimAt(labels);
  return { loss, rounded, labels, sign: -1 };
}

async function chooseTargets(problem: AttackProblem, targeted: TargetRule, seed: Seed): Promise<Int32Array> {
  const { labels, ids } = problem.images;
  const { classes } = problem.queries;
  if (typeof targeted === 'number') {
    if (targeted >= classes) throw new UnknownClassError(targeted, classes);
    return labels.map(() => targeted);
  }
  if (targeted === 'random') {
    return labels.map((label, row) => {
      const drawn = randomStream(seed, 0, ids[row]!, targetStream).integer(classes - 1);
      return drawn < label ? drawn : drawn + 1;
    });
  }
  const logits = await classifyOriginals(problem);
  return labels.map((_, row) => leastLikely(logits, classes, row));
}

/** Whether an image that is classified as `predicted` reaches the goal at `label`. */
export function reachesGoal(goal: Pick<Goal, 'sign'>, predicted: number, label: number): boolean {
  return (predicted === label) === goal.sign < 0;
}

/** Gradient in the direction of the goal, at a batch whose `labels` are those of the goal. */
export async function goalGradient(queries: Queries, batch: ImageBatch, goal: Goal): Promise<Gradients> {
  const { gradient, logits } =
    goal.rounded && goal.loss === 'cross-entropy'
      ? await roundedGradient(queries, batch)
      : await queries.gradient(batch, goal.loss);
  if (goal.sign < 0)
    for (let index = 0; index < gradient.length; index++) gradient[index] = -gradient[index]!;
  return { gradient, logits };
}

/**
 * Sign of the goal's gradient at each pixel (−1, 0 or 1), at the originals or at other `points` of the same
 * layout. If the points are the originals, it records their logits. Marks the images whose gradient is zero
 * everywhere. Rows whose logits are not finite are 0.
 */
export async function gradientSigns(
  { queries, images, originals, hooks, trace: recorder }: AttackProblem,
  goal: Goal,
  points: Float32Array = images.pixels,
): Promise<Int8Array> {
  const trace = recorder?.follow(queries, { ...goal, norm: 'linf' });
  const size = imageSize(images.shape);
  const rows = images.shape[0];
  const signs = new Int8Array(images.pixels.length);
  for (const [first, end] of batchesOf(rows, size, hooks)) {
    const labels = goal.labels.slice(first, end);
    const batch = { ...sliceRows({ ...images, pixels: points }, first, end), labels };
    const kept = points === images.pixels ? originals.kept : null;
    const upload = (): Tensor4D =>
      kept === null ? uploadImages(batch.pixels, batch.shape) : kept.enter(images, first, end);
    const { directions, logits } = await goalDirections(queries, batch, goal, upload);
    if (points === images.pixels) originals.record(first, logits, queries.classes);
    for (let row = first; row < end; row++) {
      trace?.visit(row, points.subarray(row * size, (row + 1) * size), logits, row - first);
      if (!isFiniteRow(logits, queries.classes, row - first)) continue;
      let isZero = true;
      for (let index = 0; index < size; index++) {
        const sign = Math.sign(directions[(row - first) * size + index]!);
        signs[row * size + index] = sign;
        isZero &&= sign === 0;
      }
      if (isZero) originals.markZeroGradient(row);
    }
    hooks.onProgress?.(end, rows);
  }
  return signs;
}

/**
 * The gradient of the goal, or only its signs if the device can send these alone, so that less comes back. `upload`
 * gives the images of the batch on the device.
 */
async function goalDirections(
  queries: Queries,
  batch: ImageBatch,
  goal: Goal,
  upload: () => Tensor4D,
): Promise<{ readonly directions: Float32Array | Int8Array; readonly logits: Float32Array }> {
  const onDevice = isPlainLoss(goal) && canReadSigns(batch.pixels.length) ? deviceForm(queries) : null;
  if (onDevice === null) {
    const { gradient, logits } = await goalGradient(queries, batch, goal);
    return { directions: gradient, logits };
  }
  const pixels = upload();
  const labels = tf.tensor1d(batch.labels, 'int32');
  try {
    const { gradient, logits } = await onDevice({ pixels, labels, ids: batch.ids }, goal.loss);
    const signs = await readSigns(gradient);
    gradient.dispose();
    return { directions: goal.sign > 0 ? signs : signs.map((sign) => -sign), logits };
  } finally {
    tf.dispose([pixels, labels]);
  }
}

/**
 * Gradient of the cross-entropy with the rounding of PyTorch's backward pass: exp(log softmax) − one-hot,
 * both in float32. If the model is confident, p − 1 keeps few bits or none.
 */
async function roundedGradient(queries: Queries, batch: ImageBatch): Promise<Gradients> {
  const { classes } = queries;
  const logits = await queries.logits(batch);
  const slopes = new Float32Array(logits.length);
  for (let row = 0; row < batch.shape[0]; row++) {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    const largest = own.reduce((most, logit) => Math.max(most, logit), -Infinity);
    const shifted = own.map((logit) => logit - largest);
    const total = shifted.reduce((sum, value) => Math.fround(sum + Math.fround(Math.exp(value))), 0);
    const logTotal = Math.fround(Math.log(total));
    const slope = shifted.map((value) => Math.exp(Math.fround(value - logTotal)));
    slope[batch.labels[row]!]! -= 1;
    slopes.set(slope, row * classes);
  }
  const { gradient } = await queries.vectorJacobianProduct(batch, slopes);
  return { gradient, logits };
}

/** Last counter of an attack's random streams; it says what the stream is for. */
const targetStream = 1;
export const startStream = 2;
export const noiseStream = 3;
export const transferStream = 4;
export const estimateStream = 5;
