/**
 * Total variation minimisation of many images by functions of TensorFlow (`tensorflow-graph.ts`), in float32. Pixels of eight bits
 * go to the device as bytes with one bit each for what was kept, the state stays there, and each result comes back once.
 * It is for GPUs: on CPUs the WebAssembly kernel is many times as fast.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { BackendError } from '../../tensors/backend.ts';
import { carriedLength, carryBytes, levelOf } from '../../tensors/tensorflow/graph/carried-bytes.ts';
import { keepsTensors } from '../../tensors/tensorflow/graph/session.ts';
import { tf } from '../../tensors/tf.ts';
import { negligible, type Progress, progressOf, type Stopping, type TotalVariation } from './problem.ts';
import {
  iterateOften,
  iterationsOfBlock,
  keepImages,
  maskLength,
  measure,
  sizeKey,
  startFromBytes,
  startFromFloats,
  takeImages,
  variationKey,
} from './tensorflow-graph.ts';

type Shape = readonly [rows: number, height: number, width: number, channels: number];

/** Memory of the device that a call may take. */
const mostBytes = 2 ** 30;
/** State, problem and what an iteration makes in between, for each value: about 20 numbers. */
const bytesOfValue = 80;

/** The number of images of `size` values that one call can take in a gigabyte of the device's memory, and at least one. */
export function rowsOnTensorflow(size: number): number {
  return Math.max(1, Math.floor(mostBytes / (bytesOfValue * size)));
}

/**
 * Minimises over each of the images `[rows, height, width, channels]` in place; dropped pixels are −1. The current backend must be
 * tensorflow. Progress is that of the WebAssembly kernel, with iterations rounded up to blocks of 20. Throws `BackendError` if
 * TensorFlow was set up by an earlier ravelin, and TensorFlow's error if memory runs out.
 */
export async function minimiseOnTensorflow(
  images: Float32Array,
  shape: Shape,
  { lambda, tv }: TotalVariation,
  { tolerance, limit }: Stopping,
): Promise<readonly Progress[]> {
  if (!keepsTensors())
    throw new BackendError('TensorFlow was set up by an earlier ravelin; run ravelin setup tensorflow again');
  const [rows, ...size] = shape;
  const length = size[0] * size[1] * size[2];
  if (images.length === 0) return [];
  const floor = negligible * lambda * length;
  const key = variationKey(size, tv);
  const strength = tf.scalar(lambda);
  let problem = begin(images, rows, sizeKey(size));
  const progress = new Array<Progress>(rows);
  /** Numbers of the images that still run. */
  let running = Array.from({ length: rows }, (_, row) => row);
  try {
    for (let iterations = 0; running.length > 0; iterations += iterationsOfBlock) {
      if (iterations > 0) problem = replaceFirst(problem, iterateOften([...problem, strength], key));
      const sums = await measuredLines(problem, strength, key);
      const places = running.map((_, place) => place);
      const isDone = running.map((row, place) => {
        const [objective, least] = addUp(sums, place, size[0]);
        progress[row] = progressOf(objective, least, iterations, { tolerance, floor });
        return progress[row].converged || iterations >= limit;
      });
      const done = places.filter((place) => isDone[place]);
      if (done.length === 0) continue;
      await store(images, length, problem[0]!, done, running, sizeKey(size));
      const left = places.filter((place) => !isDone[place]);
      running = left.map((place) => running[place]!);
      if (left.length > 0) problem = reduced(problem, left, sizeKey(size));
    }
    return progress;
  } finally {
    tf.dispose([...problem, strength]);
  }
}

/** Sends images to the device: state and problem, in the order of the functions. */
function begin(images: Float32Array, rows: number, key: string): readonly Tensor[] {
  const packed = pack(images, rows);
  const inputs =
    packed === null
      ? [tf.tensor2d(images, [rows, images.length / rows])]
      : [carryBytes(packed.pixels, rows), carryBytes(packed.mask, rows)];
  const started = packed === null ? startFromFloats(inputs, key) : startFromBytes(inputs, key);
  tf.dispose(inputs);
  return started;
}

/** Pixels of eight bits, and a bit for each that was kept; null if a pixel is something else. */
function pack(
  images: Float32Array,
  rows: number,
): { readonly pixels: Uint8Array; readonly mask: Uint8Array } | null {
  const length = images.length / rows;
  const [width, maskWidth] = [carriedLength(length), carriedLength(maskLength(length))];
  const pixels = new Uint8Array(rows * width);
  const mask = new Uint8Array(rows * maskWidth);
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < length; at++) {
      const value = images[row * length + at]!;
      if (value < 0) continue;
      const level = levelOf(value);
      if (level === null) return null;
      pixels[row * width + at] = level;
      mask[row * maskWidth + (at >> 3)]! |= 1 << (at & 7);
    }
  }
  return { pixels, mask };
}

/** The tensors with the first ones replaced, which are disposed. */
function replaceFirst(tensors: readonly Tensor[], first: readonly Tensor[]): readonly Tensor[] {
  tf.dispose(tensors.slice(0, first.length));
  return [...first, ...tensors.slice(first.length)];
}

async function measuredLines(problem: readonly Tensor[], lambda: Tensor, key: string): Promise<Float32Array> {
  const [sums] = measure([...problem, lambda], key);
  const values = (await sums!.data()) as Float32Array;
  sums!.dispose();
  return values;
}

/** Objective and bound of an image from the sums of its lines, added here in float64. */
function addUp(
  sums: Float32Array,
  place: number,
  height: number,
): readonly [objective: number, least: number] {
  let [objective, least] = [0, 0];
  for (let at = 2 * place * height; at < 2 * (place + 1) * height; at += 2) {
    objective += sums[at]!;
    least += sums[at + 1]!;
  }
  return [objective, least];
}

/** Reads the images at these places, which are the rows `running` of `images`. */
async function store(
  images: Float32Array,
  length: number,
  u: Tensor,
  places: readonly number[],
  running: readonly number[],
  key: string,
): Promise<void> {
  const [taken] = withRows(places, (rows) => takeImages([u, rows], key));
  const values = (await taken!.data()) as Float32Array;
  taken!.dispose();
  places.forEach((place, at) =>
    images.set(values.subarray(at * length, (at + 1) * length), running[place]! * length),
  );
}

/** State and problem of the images at these places alone. */
function reduced(problem: readonly Tensor[], places: readonly number[], key: string): readonly Tensor[] {
  const kept = withRows(places, (rows) => keepImages([...problem.slice(0, 5), rows], key));
  return replaceFirst(problem, kept);
}

function withRows<Result>(places: readonly number[], use: (rows: Tensor) => Result): Result {
  const rows = tf.tensor1d(Int32Array.from(places), 'int32');
  try {
    return use(rows);
  } finally {
    rows.dispose();
  }
}
