import type { StageContext } from '../../runtime/stage.ts';
import { applyTransform } from '../../defenses/apply.ts';
import { averageViews, softmaxRows } from '../../metrics/classification.ts';
import { openClassifier } from '../../models/inference.ts';
import { openBackend } from '../../tensors/backend.ts';
import { tf } from '../../tensors/tf.ts';
import type { Images } from '../../values/images.ts';
import type { Model } from '../../values/model.ts';
import type { Predictions } from '../../values/predictions.ts';
import { toFloats } from '../../values/slices.ts';
import type { Transform } from '../../values/transform.ts';
import { checkImageShape } from '../model-input.ts';

/** Floats of input a batch: bounds memory on large images; no result depends on it. */
const batchElements = 1 << 22;
const batchRows = 128;

/** Softmax of the logits in float64, averaged over the views of each image. */
export async function runClassify(
  context: StageContext<
    Record<never, never>,
    { readonly model: Model; readonly images: Images; readonly transform?: Transform }
  >,
): Promise<Predictions> {
  const { model, images, transform } = context.inputs;
  checkImageShape(images, model);
  const [rows, height, width, channels] = images.shape;
  const pixels = toFloats(
    transform ? await applyTransform(transform, images.pixels, images.shape, context.signal) : images.pixels,
  );
  await openBackend(context.backend);
  const classifier = openClassifier(model);
  const { classes } = classifier;
  const logits = new Float32Array(rows * classes);
  const size = height * width * channels;
  const step = Math.max(1, Math.min(batchRows, Math.floor(batchElements / size)));
  try {
    for (let first = 0; first < rows; first += step) {
      context.signal.throwIfAborted();
      const end = Math.min(rows, first + step);
      const batch = tf.tensor4d(pixels.slice(first * size, end * size), [end - first, height, width, channels]);
      const result = classifier.logits(batch);
      logits.set((await result.data()) as Float32Array, first * classes);
      tf.dispose([batch, result]);
      context.progress(Math.floor(end / images.views), images.ids.length, 'images');
    }
  } finally {
    classifier.dispose();
  }
  return {
    kind: 'predictions',
    probabilities: averageViews(softmaxRows(logits, classes), classes, images.views),
    shape: [images.ids.length, classes],
    labels: images.labels,
    ids: images.ids,
    classes: images.classes,
    ...(images.perturbation && { perturbation: images.perturbation }),
  };
}
