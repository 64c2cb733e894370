import type { Classifier } from '../models/classifier.ts';
import { tf } from '../tensors/tf.ts';
import type { Images } from '../values/images.ts';
import { toFloats } from '../values/slices.ts';

/** Floats of input a batch: bounds memory on large images; no result depends on it. */
const batchElements = 1 << 22;
const batchRows = 128;

/** Logits `[rows, classes]` of all rows (views included), in batches. */
export async function logitsOf(
  classifier: Classifier,
  images: Pick<Images, 'pixels' | 'shape'>,
  hooks: { readonly signal: AbortSignal; readonly onProgress?: (rows: number) => void },
): Promise<Float32Array> {
  const [rows, height, width, channels] = images.shape;
  const size = height * width * channels;
  const logits = new Float32Array(rows * classifier.classes);
  const step = Math.max(1, Math.min(batchRows, Math.floor(batchElements / size)));
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
