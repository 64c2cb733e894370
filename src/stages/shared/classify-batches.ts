import type { Classifier } from '../../models/classifier.ts';
import { tf } from '../../tensors/tf.ts';
import { type BatchSizes, forwardBatch } from '../../values/batch-size.ts';
import type { Images } from '../../values/images.ts';
import { toFloats } from '../../values/slices.ts';

/** Logits `[rows, classes]` of all rows (views included), in batches. */
export async function logitsOf(
  classifier: Classifier,
  images: Pick<Images, 'pixels' | 'shape'>,
  hooks: {
    readonly signal: AbortSignal;
    readonly batchSizes: BatchSizes;
    readonly onProgress?: (rows: number) => void;
  },
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
