import type { StageContext } from '../../../runtime/stage.ts';
import type { OpenTransform } from '../../../defenses/open-transform.ts';
import { transformImages } from '../../../defenses/transform-images.ts';
import { averageViews, softmaxRows } from '../../../metrics/classification.ts';
import type { Classifier } from '../../../models/classifier.ts';
import { openBackend } from '../../../tensors/backend.ts';
import type { Images } from '../../../values/images.ts';
import type { Model } from '../../../values/model.ts';
import type { Predictions } from '../../../values/predictions.ts';
import { sliceValue } from '../../../values/slices.ts';
import type { Transform } from '../../../values/transform.ts';
import { logitsOf } from '../../shared/classify-batches.ts';
import { checkImageShape } from '../../shared/model-input.ts';
import { openRecipe } from '../../shared/open-recipe.ts';
import { warmClassifier } from '../../shared/warm-classifier.ts';

type ClassifyContext = StageContext<
  { readonly average: 'probabilities' | 'logits' },
  { readonly model: Model; readonly images: Images; readonly transform?: Transform }
>;

/** Number of rows to transform before they are classified, which bounds memory if an image has many views. */
const transformedRows = 64;

/**
 * Probabilities from the logits of all views, in float64: the mean of the probabilities, or the softmax of
 * the mean logits.
 */
export async function runClassify(context: ClassifyContext): Promise<Predictions> {
  const { model, images, transform } = context.inputs;
  checkImageShape(images, model);
  const opened = transform && (await openRecipe(transform, images, context.stages));
  await openBackend(context.backend);
  const classifier = await warmClassifier(model, context.backend);
  try {
    const { classes } = classifier;
    const { logits, views } = opened
      ? await transformedLogits(classifier, images, opened, context)
      : { logits: await plainLogits(classifier, images, context), views: images.views };
    const probabilities =
      context.params.average === 'logits'
        ? softmaxRows(averageViews(logits, classes, views), classes)
        : averageViews(softmaxRows(logits, classes), classes, views);
    return {
      kind: 'predictions',
      probabilities,
      shape: [images.ids.length, classes],
      labels: images.labels,
      ids: images.ids,
      classes: images.classes,
      ...(images.perturbation && { perturbation: images.perturbation }),
    };
  } finally {
    classifier.dispose();
  }
}

function plainLogits(
  classifier: Classifier,
  images: Images,
  { progress, signal, batchSizes }: ClassifyContext,
): Promise<Float32Array> {
  const onProgress = (rows: number): void =>
    progress(Math.floor(rows / images.views), images.ids.length, 'images');
  return logitsOf(classifier, images, { signal, batchSizes, onProgress });
}

/**
 * Logits of the transformed images. Transforms a few images at a time, so that thirty crops of all images are
 * never in memory at once.
 */
async function transformedLogits(
  classifier: Classifier,
  images: Images,
  transform: OpenTransform,
  { progress, signal, batchSizes }: ClassifyContext,
): Promise<{ readonly logits: Float32Array; readonly views: number }> {
  const count = images.ids.length;
  const views = images.views * transform.views;
  const logits = new Float32Array(count * views * classifier.classes);
  const step = Math.max(1, Math.floor(transformedRows / views));
  const seed = transform.evaluationSeed;
  for (let first = 0; first < count; first += step) {
    const part = sliceValue(images, first, Math.min(step, count - first));
    const seen = await transformImages(transform, part, { seed, signal });
    const onProgress = (rows: number): void => progress(first + Math.floor(rows / views), count, 'images');
    logits.set(
      await logitsOf(classifier, seen, { signal, batchSizes, onProgress }),
      first * views * classifier.classes,
    );
  }
  return { logits, views };
}
