import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import type { Patches } from '../../values/patches.ts';
import { checkQueries, type Neighbors, rankByMeasuring, searchByMeasuringAll } from './reference.ts';

export interface MatrixSearch {
  /** Does what `PatchSearch.nearest` does, on the current backend. */
  readonly nearest: (queries: Float32Array, neighbors: number) => Promise<Neighbors>;
  readonly dispose: () => void;
}

interface Block {
  readonly first: number;
  /** `[patches, dimensions]` in grey levels. */
  readonly values: Tensor2D;
  readonly squares: Tensor1D;
}

/** Number of candidates beyond K: few enough to sort, but enough that the check below seldom fails. */
const spare = 24;
const patchesPerBlock = 16_384;
const queriesPerBlock = 1024;

/**
 * Exact nearest patches by blocked matrix products and top-K on the current backend, for devices on which
 * products are cheap.
 *
 * The order of patches is that of |q − x|² − |q|² = |x|² − 2 q·x. The query q is split into three parts of
 * whole steps of 1, 2⁻⁸ and 2⁻¹⁶ grey levels: products of bytes with such parts and their sums are exact in
 * float32, even on a device that multiplies in TF32. The candidates that the device finds are measured again
 * in float64, and if they are not certain to be the nearest of a query, all patches are measured: the result
 * is that of `searchByMeasuringAll`, bit for bit.
 */
export function openMatrixSearch(patches: Patches): MatrixSearch {
  const [count, size, , channels] = patches.shape;
  if (count === 0) throw new RangeError('the patch database is empty');
  const dimensions = size * size * channels;
  const blocks: Block[] = [];
  for (let first = 0; first < count; first += patchesPerBlock) {
    const end = Math.min(count, first + patchesPerBlock);
    const bytes = patches.pixels.subarray(first * dimensions, end * dimensions);
    const values = tf.tensor2d(Float32Array.from(bytes), [end - first, dimensions]);
    blocks.push({ first, values, squares: tf.tidy(() => tf.sum(tf.square(values), 1)) });
  }
  return {
    nearest: (queries, neighbors) => nearest(patches, blocks, queries, neighbors),
    dispose: () => tf.dispose(blocks.flatMap(({ values, squares }) => [values, squares] as Tensor[])),
  };
}

async function nearest(
  patches: Patches,
  blocks: readonly Block[],
  queries: Float32Array,
  neighbors: number,
): Promise<Neighbors> {
  const [count, size, , channels] = patches.shape;
  const dimensions = size * size * channels;
  const length = queries.length / dimensions;
  checkQueries(queries, neighbors, dimensions, count);
  const ids = new Int32Array(length * neighbors);
  const distances = new Float64Array(length * neighbors);
  for (let first = 0; first < length; first += queriesPerBlock) {
    const part = queries.subarray(first * dimensions, Math.min(length, first + queriesPerBlock) * dimensions);
    const rows = part.length / dimensions;
    const kept = Math.min(count, neighbors + spare);
    const candidates = await candidatesOf(blocks, part, dimensions, kept);
    for (let row = 0; row < rows; row++) {
      const query = part.subarray(row * dimensions, (row + 1) * dimensions);
      const found = rank(patches, query, candidates, row, kept, neighbors);
      ids.set(found.ids, (first + row) * neighbors);
      distances.set(found.distances, (first + row) * neighbors);
    }
  }
  return { ids, distances };
}

interface Candidates {
  /** `[queries, kept]`: patches, and |q − x|² − |q|² as computed on the device, nearest first. */
  readonly ids: Int32Array;
  readonly scores: Float32Array;
}

async function candidatesOf(
  blocks: readonly Block[],
  queries: Float32Array,
  dimensions: number,
  kept: number,
): Promise<Candidates> {
  const [ids, scores] = tf.tidy((): [Tensor2D, Tensor2D] => {
    const parts = splitQueries(queries, dimensions);
    let best: { readonly ids: Tensor2D; readonly scores: Tensor2D } | null = null;
    for (const block of blocks) {
      const next = tf.tidy(() => {
        const scores = negativeScores(parts, block);
        const top = topOf(scores, null, kept);
        const ids = tf.add<Tensor2D>(top.ids, tf.scalar(block.first, 'int32'));
        if (best === null) return { ids, scores: top.scores };
        return topOf(tf.concat([best.scores, top.scores], 1), tf.concat([best.ids, ids], 1), kept);
      });
      if (best !== null) tf.dispose([best.ids, best.scores]);
      best = next;
    }
    return [best!.ids, tf.neg(best!.scores)];
  });
  const read = { ids: (await ids.data()) as Int32Array, scores: (await scores.data()) as Float32Array };
  tf.dispose([ids, scores]);
  return read;
}

/**
 * Splits queries into whole grey levels and two remainders, each a power of 2 times small whole numbers.
 * Remainders that are all 0 are left out.
 */
function splitQueries(queries: Float32Array, dimensions: number): Tensor2D[] {
  const rows = queries.length / dimensions;
  let rest = Float64Array.from(queries);
  const parts: Tensor2D[] = [];
  for (const step of [1, 2 ** -8, 2 ** -16]) {
    const part = Float32Array.from(rest, (value) => Math.round(value / step) * step);
    rest = rest.map((value, at) => value - part[at]!);
    if (step === 1 || part.some((value) => value !== 0)) parts.push(tf.tensor2d(part, [rows, dimensions]));
  }
  return parts;
}

/** 2 q·x − |x|² for each query and patch of a block. */
function negativeScores(parts: readonly Tensor2D[], { values, squares }: Block): Tensor2D {
  const products = parts.map((part) => tf.matMul(part, values, false, true));
  // The smallest are added first, so that they are not lost.
  const product = products.reduceRight((sum, next) => tf.add(next, sum));
  return tf.sub(tf.mul(product, 2), squares);
}

function topOf(scores: Tensor2D, ids: Tensor2D | null, kept: number): { ids: Tensor2D; scores: Tensor2D } {
  const [rows, width] = scores.shape;
  const top = tf.topk(scores, Math.min(kept, width), true);
  const indices: Tensor2D = tf.cast(top.indices, 'int32');
  if (ids === null) return { ids: indices, scores: top.values };
  // This gathers from one flat list, because gather with batchDims is wrong in TensorFlow.js' wasm backend
  // 4.22 (it takes the values of the second row from the first).
  const starts = tf.mul(tf.range(0, rows, 1, 'int32').expandDims(1), tf.scalar(width, 'int32'));
  const places = tf.add<Tensor2D>(indices, starts);
  return { ids: tf.gather(ids.flatten(), places) as Tensor as Tensor2D, scores: top.values };
}

/**
 * The nearest of a query's candidates in float64, or of all patches if a patch beyond the candidates may be
 * as near.
 */
function rank(
  patches: Patches,
  query: Float32Array,
  { ids, scores }: Candidates,
  row: number,
  kept: number,
  neighbors: number,
): Neighbors {
  const dimensions = query.length;
  const found = rankByMeasuring(patches, query, ids.subarray(row * kept, (row + 1) * kept), neighbors);
  const square = query.reduce((sum, value) => sum + value * value, 0);
  const beyond = scores[(row + 1) * kept - 1]! + square - roundingOf(dimensions);
  if (kept < patches.shape[0] && beyond <= found.distances.at(-1)!) {
    return searchByMeasuringAll(patches, query, neighbors);
  }
  return found;
}

/**
 * Bound on the error of a score: the few roundings of its sum, at most 3 · d · 255², the remainder of the
 * split, and beyond 257 values, where sums exceed 2²⁴, the roundings of the products too.
 */
function roundingOf(dimensions: number): number {
  const sum = dimensions * 255 ** 2 * 2 ** -20;
  return sum * (dimensions > 257 ? dimensions / 4 : 1) + dimensions * 255 * 2 ** -16;
}
