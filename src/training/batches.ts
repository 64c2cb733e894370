/**
 * The images of a training set in shuffled batches, read and scaled to float32 batch by batch.
 *
 * An epoch is one permutation of all rows, every permutation equally likely, that follows from the seed and the epoch: the
 * order that a training in memory has. So it has no buffer whose size would decide how well the images are mixed, and
 * neither the shards nor the number of workers change a bit. What is in memory is the permutation, four bytes a row.
 */
import { childSeed, randomStream } from '../tensors/random.ts';
import type { Seed } from '../tensors/random.ts';
import type { ImageRows } from '../values/image-rows.ts';
import { toFloats } from '../values/slices.ts';

/**
 * Changes the pixels of a batch before it is trained on: `[n, h, w, c]` row-major in [0, 1], with the id of
 * each image, in the given epoch. It may work in place, and returns the pixels to train on.
 */
export type Augmentation = (
  pixels: Float32Array,
  shape: readonly [count: number, height: number, width: number, channels: number],
  ids: Int32Array,
  epoch: number,
) => Float32Array | Promise<Float32Array>;

export interface Batch {
  readonly pixels: Float32Array;
  readonly shape: [number, number, number, number];
  readonly labels: Int32Array;
  readonly ids: Int32Array;
  /** 1 for each row whose pixels an adversary has changed; absent if it has changed none. */
  readonly adversarial?: Uint8Array;
  /** Adversarial counterparts of all rows, beside them, for an objective with a divergence. */
  readonly counterparts?: Float32Array;
}

/** Order of the rows in an epoch. */
export function epochOrder(seed: Seed, epoch: number, rows: number): Int32Array {
  return randomStream(childSeed(seed, shuffleStream), epoch).permutation(rows);
}

/**
 * Reads the rows `order[first …]`, at most `batchSize` of them. Every view of an image is a row of its own.
 */
export async function readBatch(
  images: ImageRows,
  order: Int32Array,
  first: number,
  batchSize: number,
): Promise<Batch> {
  const rows = order.subarray(first, first + batchSize);
  const [, height, width, channels] = images.shape;
  return {
    pixels: toFloats(await images.read(rows)),
    shape: [rows.length, height, width, channels],
    labels: rows.map((row) => images.labels[Math.floor(row / images.views)]!),
    ids: rows.map((row) => images.ids[Math.floor(row / images.views)]!),
  };
}

/**
 * The batches of an epoch as they are trained on, in order, from the one of number `firstBatch` on; none if there are
 * no more. While the consumer trains on one, the next is prepared, so that the disk, and what a defense computes on a
 * device, run meanwhile.
 */
export async function* preparedBatches(
  images: ImageRows,
  order: Int32Array,
  batchSize: number,
  augment: Augmentation | undefined,
  epoch: number,
  firstBatch = 0,
): AsyncGenerator<Batch, void> {
  const prepare = async (first: number): Promise<Batch> => {
    const batch = await readBatch(images, order, first, batchSize);
    if (augment === undefined) return batch;
    return { ...batch, pixels: await augment(batch.pixels, batch.shape, batch.ids, epoch) };
  };
  const begin = firstBatch * batchSize;
  if (begin >= order.length) return;
  let coming = prepare(begin);
  for (let first = begin + batchSize; first < order.length; first += batchSize) {
    const batch = await coming;
    coming = prepare(first);
    // If training ends early, nothing awaits this batch, and its failure does not matter.
    coming.catch(() => undefined);
    yield batch;
  }
  yield await coming;
}

/**
 * Dropout masks, `[n × size]` with ones where dropout keeps. They are keyed by dropout node, epoch and image,
 * so that the other images of the batch do not change them.
 */
export function dropoutMask(
  seed: Seed,
  epoch: number,
  ids: Int32Array,
  dropout: number,
  size: number,
  rate: number,
): Float32Array {
  const key = childSeed(seed, dropoutStream, dropout);
  const keep = new Float32Array(ids.length * size);
  ids.forEach((id, row) =>
    randomStream(key, epoch, id).fillBernoulli(keep.subarray(row * size, (row + 1) * size), 1 - rate),
  );
  return keep;
}

const shuffleStream = 1;
const dropoutStream = 2;
