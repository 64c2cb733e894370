import type { Classifier } from '../../models/classifier.ts';
import { tf } from '../../tensors/tf.ts';
import { type BatchSizes, forwardBatch } from '../../values/batch-size.ts';
import type { Images } from '../../values/images.ts';
import { toFloats } from '../../values/slices.ts';
import { distinctViews } from './distinct-views.ts';

interface ClassifyHooks {
  readonly signal: AbortSignal;
  readonly batchSizes: BatchSizes;
  /** Called with the number of rows that have been classified. */
  readonly onProgress?: (rows: number) => void;
}

/**
 * Logits `[rows, classes]` of all rows (views included), in batches. Views of an image that are the same are classified
 * once.
 */
export async function logitsOf(
  classifier: Classifier,
  images: Pick<Images, 'pixels' | 'shape' | 'views'>,
  { onProgress, ...hooks }: ClassifyHooks,
): Promise<Float32Array> {
  const distinct = distinctViews(images);
  if (distinct === null)
    return logitsOfRows(classifier, images, { ...hooks, ...(onProgress && { onProgress }) });
  const { kept, places } = distinct;
  const { classes } = classifier;
  const [rows, height, width, channels] = images.shape;
  const size = height * width * channels;
  const pixels = images.pixels.slice(0, kept.length * size);
  for (const [place, row] of kept.entries()) {
    pixels.set(images.pixels.subarray(row * size, (row + 1) * size), place * size);
  }
  const few = await logitsOfRows(
    classifier,
    { pixels, shape: [kept.length, height, width, channels] },
    {
      ...hooks,
      ...(onProgress && {
        onProgress: (done: number): void => onProgress(Math.floor((done / kept.length) * rows)),
      }),
    },
  );
  const logits = new Float32Array(rows * classes);
  for (const [row, place] of places.entries()) {
    logits.set(few.subarray(place * classes, (place + 1) * classes), row * classes);
  }
  return logits;
}

async function logitsOfRows(
  classifier: Classifier,
  images: Pick<Images, 'pixels' | 'shape'>,
  hooks: ClassifyHooks,
): Promise<Float32Array> {
  const [rows, height, width, channels] = images.shape;
  const size = height * width * channels;
  const logits = new Float32Array(rows * classifier.classes);
  const step = hooks.batchSizes.rows(size, forwardBatch);
  for (let first = 0; first < rows; first += step) {
    hooks.signal.throwIfAborted();
    const end = Math.min(rows, first + step);
    const pixels = toFloats(images.pixels.slice(first * size, end * size));
    const batch = tf.tensor4d(pixels, [end - first, height, width, channels]);
    const result = await classifier.logits(batch);
    logits.set(await result.data(), first * classifier.classes);
    tf.dispose([batch, result]);
    hooks.onProgress?.(end);
  }
  return logits;
}
