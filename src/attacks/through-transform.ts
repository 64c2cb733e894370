import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { type Draw, isRandomised, transformOnce } from '../defenses/apply.ts';
import { hasDerivative, pullBackTransform } from '../defenses/pull-back.ts';
import type { Classifier } from '../models/classifier.ts';
import type { Seed } from '../tensors/random.ts';
import { tf } from '../tensors/tf.ts';
import { toFloats } from '../values/slices.ts';
import type { Transform } from '../values/transform.ts';
import { type Average, meanClassifier, type Part } from './mean-classifier.ts';

export interface ThroughOptions {
  /** Fresh draws of a randomised defense at every step; a deterministic one is applied once. */
  readonly draws: number;
  readonly average: Average;
  /** `differentiable` follows the derivative of the steps that have one and takes the identity for the others. */
  readonly backward: 'identity' | 'differentiable';
  readonly seed: Seed;
  readonly signal?: AbortSignal;
}

/**
 * A classifier behind a defense, for an attack that knows the defense. Forward, it sees the pixels transformed, the mean over `draws` draws
 * at every step (expectation over transformation, Athalye et al. 2018); backward, the defense is replaced by something that has a
 * derivative (backward pass differentiable approximation, Athalye, Carlini and Wagner 2018, section 4.1). Every question about an image
 * draws anew: draw d of the s-th one is draw s · draws + d of (seed, image id), so results depend on neither batch nor shard. Owns `classifier`.
 */
export function throughTransform(
  classifier: Classifier,
  transform: Transform,
  { draws, average, backward, seed, signal }: ThroughOptions,
): Classifier {
  const randomised = isRandomised(transform);
  const follows = backward === 'differentiable' && hasDerivative(transform);
  const partsAt = randomised ? draws : 1;
  /** How often the classifier was asked about each image. */
  const asked = new Map<number, number>();

  const openPart = async ({ pixels, shape, ids, groups }: Batch, index: number): Promise<Part> => {
    const drawOf = ({ question, ids }: RowGroup): Draw => ({
      seed,
      draw: question * draws + index,
      ids,
      ...(signal && { signal }),
    });
    const view = await mapGroups(groups, pixels, shape, async (some, someShape, group) =>
      toFloats(await transformOnce(transform, some, someShape, drawOf(group))),
    );
    const seen = tf.tensor4d(view, shape);
    const pullBack = async <T extends Tensor>(gradient: T): Promise<T> => {
      if (!follows) return gradient;
      // Gradients of k classes stand together: k rows an image, all through the same draw.
      const copies = gradient.size / seen.size;
      const pulled = await mapGroups(
        groups.map((group) => repeatRows(group, copies)),
        (await gradient.data()) as Float32Array,
        [shape[0] * copies, shape[1], shape[2], shape[3]],
        (some, someShape, group) =>
          Promise.resolve(pullBackTransform(transform, some, someShape, drawOf(group))),
      );
      gradient.dispose();
      return tf.tensor(pulled, gradient.shape) as T;
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

  const open = async (pixels: Tensor4D, ids: Int32Array = noIds): Promise<readonly Part[]> => {
    const [rows] = pixels.shape;
    if (randomised && ids.length !== rows) {
      throw new RangeError(`a randomised defense draws by image: ${ids.length} ids for ${rows} rows`);
    }
    const batch: Batch = {
      pixels: (await pixels.data()) as Float32Array,
      shape: pixels.shape,
      ids,
      groups: randomised ? groupByQuestion(ids, asked) : [{ question: 0, places: null, ids }],
    };
    const parts: Part[] = [];
    for (let index = 0; index < partsAt; index++) {
      signal?.throwIfAborted();
      parts.push(await openPart(batch, index));
    }
    return parts;
  };
  return meanClassifier(classifier, { average, open, dispose: () => classifier.dispose() });
}

type Shape = [rows: number, height: number, width: number, channels: number];

interface Batch {
  readonly pixels: Float32Array;
  readonly shape: Shape;
  /** Empty where nothing is drawn and nobody gave them. */
  readonly ids: Int32Array;
  readonly groups: readonly RowGroup[];
}

const noIds = new Int32Array(0);

/** Rows of a batch whose images were asked about equally often, and so share a draw. */
interface RowGroup {
  readonly question: number;
  /** Places in the batch; null for the whole batch in its order. */
  readonly places: Int32Array | null;
  readonly ids: Int32Array;
}

/** Counts a question about each of the images. Attacks refill their batches, so that one batch may hold several groups. */
function groupByQuestion(ids: Int32Array, asked: Map<number, number>): readonly RowGroup[] {
  const places = new Map<number, number[]>();
  ids.forEach((id, place) => {
    const question = asked.get(id) ?? 0;
    asked.set(id, question + 1);
    const group = places.get(question);
    if (group === undefined) places.set(question, [place]);
    else group.push(place);
  });
  if (places.size === 1) return [{ question: places.keys().next().value!, places: null, ids }];
  return Array.from(places, ([question, group]) => ({
    question,
    places: Int32Array.from(group),
    ids: Int32Array.from(group, (place) => ids[place]!),
  }));
}

/** The same group in a batch where `copies` consecutive rows stand for each of its rows. */
function repeatRows({ question, places, ids }: RowGroup, copies: number): RowGroup {
  if (copies === 1) return { question, places, ids };
  const repeat = (values: Int32Array, next: (value: number, copy: number) => number): Int32Array =>
    Int32Array.from({ length: values.length * copies }, (_, index) =>
      next(values[Math.floor(index / copies)]!, index % copies),
    );
  return {
    question,
    places: places && repeat(places, (place, copy) => place * copies + copy),
    ids: repeat(ids, (id) => id),
  };
}

/** Applies `change` to the rows of each group and puts the results in their places. */
async function mapGroups(
  groups: readonly RowGroup[],
  values: Float32Array,
  shape: Shape,
  change: (values: Float32Array, shape: Shape, group: RowGroup) => Promise<Float32Array>,
): Promise<Float32Array> {
  const [rows, height, width, channels] = shape;
  const size = height * width * channels;
  const result = groups.length === 1 ? null : new Float32Array(rows * size);
  for (const group of groups) {
    if (group.places === null) return change(values, shape, group);
    const some = new Float32Array(group.places.length * size);
    group.places.forEach((place, index) => some.set(rowOf(values, place, size), index * size));
    const changed = await change(some, [group.places.length, height, width, channels], group);
    group.places.forEach((place, index) => result!.set(rowOf(changed, index, size), place * size));
  }
  return result ?? values;
}

function rowOf(values: Float32Array, row: number, size: number): Float32Array {
  return values.subarray(row * size, (row + 1) * size);
}
