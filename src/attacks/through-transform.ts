import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { OpenTransform, TransformedView } from '../defenses/open-transform.ts';
import type { Classifier } from '../models/classifier.ts';
import type { Seed } from '../tensors/random.ts';
import { tf } from '../tensors/tf.ts';
import { type Average, meanClassifier, type Part } from './mean-classifier.ts';

export interface ThroughOptions {
  /** Number of fresh draws of a randomised defense at every step; a deterministic defense is applied once. */
  readonly draws: number;
  readonly average: Average;
  /**
   * `differentiable` uses the derivative of each step of the recipe that has one, and the identity for the
   * others.
   */
  readonly backward: 'identity' | 'differentiable';
  readonly seed: Seed;
  /** Number of queries for each image before these, whose draws are not made again; 0 if absent. */
  readonly earlierQueries?: number;
  readonly signal?: AbortSignal;
}

/**
 * A classifier behind a defense, for an attack that knows the defense. In the forward pass it classifies the
 * transformed pixels and averages over `draws` draws (expectation over transformation, Athalye et al. 2018).
 * In the backward pass a differentiable stand-in replaces the defense (backward pass differentiable
 * approximation, Athalye, Carlini and Wagner 2018, section 4.1). Every query makes fresh draws: the s-th
 * query for an image uses the draws s · draws + d of (seed, image id), so results depend on neither batch nor
 * shard. A query for one draw counts as a query. Owns `classifier`.
 */
export function throughTransform(
  classifier: Classifier,
  transform: OpenTransform,
  { draws, average, backward, seed, earlierQueries = 0, signal }: ThroughOptions,
): Classifier {
  const { isRandomised } = transform;
  const follows = backward === 'differentiable' && transform.hasDerivative;
  const partsAt = isRandomised ? draws : 1;
  /** Number of earlier queries for each image. */
  const queried = new Map<number, number>();

  const openPart = async ({ pixels, shape, ids, groups }: Batch, index: number): Promise<Part> => {
    const [rows, height, width, channels] = shape;
    const size = height * width * channels;
    const views: TransformedView[] = [];
    for (const { query, places, ids: some } of groups) {
      const draw = { seed, draw: query * draws + index, ids: some, ...(signal && { signal }) };
      const own = places === null ? pixels : takePlaces(pixels, places, size);
      const ownShape = [places?.length ?? rows, height, width, channels] as const;
      views.push(await transform.applyWithPullBack(own, ownShape, draw));
    }
    const together = (values: readonly Float32Array[]): Float32Array => putPlaces(values, groups, rows);
    const seen = tf.tensor4d(together(views.map((view) => view.pixels)), shape);
    const pullBack = async <T extends Tensor>(gradient: T): Promise<T> => {
      if (!follows) return gradient;
      const values = (await gradient.data()) as Float32Array;
      const pulled = views.map((view, group) => {
        const { places } = groups[group]!;
        // The gradients of k classes are consecutive: k rows per image, all through the same draw.
        return view.pullBack(places === null ? values : takePlaces(values, places, values.length / rows));
      });
      gradient.dispose();
      return tf.tensor(together(pulled), gradient.shape) as T;
    };
    return {
      logits: () => classifier.logits(seen, ids),
      inputGradient: async (labels, loss) => {
        const { gradient, logits } = await classifier.inputGradient(seen, labels, loss, ids);
        return { gradient: await pullBack(gradient), logits };
      },
      vectorJacobianProduct: async (cotangent) => {
        const { gradient, logits } = await classifier.vectorJacobianProduct(seen, cotangent, ids);
        return { gradient: await pullBack(gradient), logits };
      },
      classGradients: async (classes) => {
        const { gradients, logits } = await classifier.classGradients(seen, classes, ids);
        return { gradients: await pullBack(gradients), logits };
      },
      dispose: () => seen.dispose(),
    };
  };

  const open = async (
    pixels: Tensor4D,
    ids: Int32Array = noIds,
    count = partsAt,
  ): Promise<readonly Part[]> => {
    const [rows] = pixels.shape;
    if (isRandomised && ids.length !== rows) {
      throw new RangeError(
        `a randomised defense needs an id for each row, got ${ids.length} ids for ${rows} rows`,
      );
    }
    const batch: Batch = {
      pixels: (await pixels.data()) as Float32Array,
      shape: pixels.shape,
      ids,
      groups: isRandomised ? groupByQuery(ids, queried, earlierQueries) : [{ query: 0, places: null, ids }],
    };
    const parts: Part[] = [];
    for (let index = 0; index < count; index++) {
      signal?.throwIfAborted();
      parts.push(await openPart(batch, index));
    }
    return parts;
  };
  const mean = meanClassifier(classifier, {
    average,
    open: (pixels, ids) => open(pixels, ids),
    dispose: () => classifier.dispose(),
  });
  if (!isRandomised) return mean;
  return {
    ...mean,
    drawLogits: async (pixels, ids) => {
      const [part] = await open(pixels, ids, 1);
      try {
        return await part!.logits();
      } finally {
        part!.dispose();
      }
    },
  };
}

type Shape = [rows: number, height: number, width: number, channels: number];

interface Batch {
  readonly pixels: Float32Array;
  readonly shape: Shape;
  /** Empty if nothing is drawn and the caller gave no ids. */
  readonly ids: Int32Array;
  readonly groups: readonly RowGroup[];
}

const noIds = new Int32Array(0);

/** Rows of a batch whose images have had the same number of queries, and so share a draw. */
interface RowGroup {
  readonly query: number;
  /** Positions in the batch; null for the whole batch in order. */
  readonly places: Int32Array | null;
  readonly ids: Int32Array;
}

/** Counts a query for each image. Attacks refill their batches, so a batch may contain several groups. */
function groupByQuery(ids: Int32Array, queried: Map<number, number>, earlier: number): readonly RowGroup[] {
  const places = new Map<number, number[]>();
  ids.forEach((id, place) => {
    const query = queried.get(id) ?? earlier;
    queried.set(id, query + 1);
    const group = places.get(query);
    if (group === undefined) places.set(query, [place]);
    else group.push(place);
  });
  if (places.size === 1) return [{ query: places.keys().next().value!, places: null, ids }];
  return Array.from(places, ([query, group]) => ({
    query,
    places: Int32Array.from(group),
    ids: Int32Array.from(group, (place) => ids[place]!),
  }));
}

/** The rows at `places`, side by side. */
function takePlaces(values: Float32Array, places: Int32Array, size: number): Float32Array {
  const taken = new Float32Array(places.length * size);
  places.forEach((place, index) => taken.set(rowOf(values, place, size), index * size));
  return taken;
}

/** Puts the rows of each group back at their places. */
function putPlaces(values: readonly Float32Array[], groups: readonly RowGroup[], rows: number): Float32Array {
  if (groups.length === 1) return values[0]!;
  const total = values.reduce((sum, { length }) => sum + length, 0);
  const result = new Float32Array(total);
  const size = total / rows;
  for (const [group, { places }] of groups.entries()) {
    places!.forEach((place, index) => result.set(rowOf(values[group]!, index, size), place * size));
  }
  return result;
}

function rowOf(values: Float32Array, row: number, size: number): Float32Array {
  return values.subarray(row * size, (row + 1) * size);
}
