import { batchSize, gradientBatch } from '../values/batch-size.ts';

/** A batch of originals with true labels: what every attack starts from. */
export interface AttackInput {
  /** Row-major `[n, height, width, channels]` in [0, 1]. */
  readonly pixels: Float32Array;
  readonly shape: readonly [rows: number, height: number, width: number, channels: number];
  /** True class index of each image, `[n]`. */
  readonly labels: Int32Array;
  /** Dataset index of each image, `[n]`: the key of all that is drawn for it. */
  readonly ids: Int32Array;
}

/** What an attack reports while it works; it never looks at a clock. */
export interface AttackHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Adversarial images and how they came about. */
export interface AttackResult {
  /** As the input's pixels, in [0, 1]. */
  readonly pixels: Float32Array;
  /** Class that the model gives to each original, `[n]`. */
  readonly initial: Int32Array;
  /** Value of the attack's strength knob for each image, `[n]`. */
  readonly knobs: Float64Array;
  /** Images whose loss gradient at the original is exactly zero: a sign of masked gradients. */
  readonly zeroGradients: number;
  /** Images with nothing to do at any strength: 1 already misclassified, 2 logits that are not finite; 0 elsewhere. `[n]`. */
  readonly settled: Uint8Array;
  /** Images whose final perturbation was scaled down, because no knob gives the target exactly. */
  readonly scaled: number;
}

export function imageSize(shape: AttackInput['shape']): number {
  return shape[1] * shape[2] * shape[3];
}

/** Images of `size` values that fit into a batch. */
export function batchCapacity(size: number): number {
  return batchSize(size, gradientBatch);
}

/** First and last-plus-one row of each batch. */
export function* batchesOf(rows: number, size: number): Generator<readonly [first: number, end: number]> {
  const step = batchCapacity(size);
  for (let first = 0; first < rows; first += step) yield [first, Math.min(rows, first + step)];
}

/** The images of the given rows, in that order. */
export function takeRows(images: AttackInput, rows: ArrayLike<number>): AttackInput {
  const size = imageSize(images.shape);
  const pixels = new Float32Array(rows.length * size);
  const labels = new Int32Array(rows.length);
  const ids = new Int32Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    pixels.set(images.pixels.subarray(row * size, (row + 1) * size), index * size);
    labels[index] = images.labels[row]!;
    ids[index] = images.ids[row]!;
  }
  const [, height, width, channels] = images.shape;
  return { pixels, labels, ids, shape: [rows.length, height, width, channels] };
}

/** 0 … count − 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
