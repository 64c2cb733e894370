import { type StageContext, StageError } from '../../../runtime/stage.ts';
import type { OpenTransform } from '../../../defenses/open-transform.ts';
import { transformImages } from '../../../defenses/transform-images.ts';
import { averageViews, softmaxRows, votesOf } from '../../../metrics/classification.ts';
import type { Classifier } from '../../../models/classifier.ts';
import { openBackend } from '../../../tensors/backend.ts';
import type { Images } from '../../../values/images.ts';
import { isNetworkModel, type Model } from '../../../values/model.ts';
import type { Predictions } from '../../../values/predictions.ts';
import { sliceValue } from '../../../values/slices.ts';
import { withoutTrace } from '../../../values/trace.ts';
import type { Transform } from '../../../values/transform.ts';
import { logitsOf } from '../../shared/classify-batches.ts';
import { checkImageShape } from '../../shared/model-input.ts';
import { openRecipe } from '../../shared/open-recipe.ts';
import { warmClassifier } from '../../shared/warm-classifier.ts';
import { counted } from '../../../values/counted.ts';

type ClassifyContext = StageContext<
  { readonly average: 'probabilities' | 'logits' | 'votes' },
  { readonly model: Model; readonly images: Images; readonly transform?: Transform }
>;

/** Number of rows to transform before they are classified, which bounds memory if an image has many views. */
const transformedRows = 64;

/**
 * Probabilities from the logits of all views, in float64: the mean of the probabilities, the softmax of the
 * mean logits, or the share of the views that have each class.
 */
export async function runClassify(context: ClassifyContext): Promise<Predictions> {
  const { model, images, transform } = context.inputs;
  checkImageShape(images, model);
  const opened = transform && (await openRecipe(transform, images, context.stages));
  await openBackend(context.backend);
  const classifier = await warmClassifier(model, context);
  try {
    const { classes } = classifier;
    warnOfOtherClasses(images, classes, context);
    const { logits, views } = opened
      ? await transformedLogits(classifier, images, opened, context)
      : { logits: await plainLogits(classifier, images, context), views: images.views };
    checkLogits(logits, views * classes, images.ids, model);
    const { average } = context.params;
    const probabilities =
      average === 'logits'
        ? softmaxRows(averageViews(logits, classes, views), classes)
        : averageViews((average === 'votes' ? votesOf : softmaxRows)(logits, classes), classes, views);
    return {
      kind: 'predictions',
      probabilities,
      shape: [images.ids.length, classes],
      labels: images.labels,
      ids: images.ids,
      classes: images.classes,
      ...(images.perturbation && { perturbation: withoutTrace(images.perturbation) }),
    };
  } finally {
    classifier.dispose();
  }
}

/** Labels are numbers of outputs of the model, whatever the names of the classes: a folder of two classes has the labels 0 and 1. */
function warnOfOtherClasses({ classes: names }: Images, classes: number, { warn }: ClassifyContext): void {
  if (names.length === 0 || names.length === classes) return;
  warn(
    `the dataset has ${counted(names.length, 'class')} and the model ${classes}, so an image of '${names[0]!}' counts as right if the model says class 0. Unless that is meant, give the dataset all classes of the model in their order (classes: FILE).`,
  );
}

/** Throws `StageError`, with a remedy for the kind of model, if a logit is NaN or infinite: there are no probabilities then. */
function checkLogits(logits: Float32Array, each: number, ids: Int32Array, model: Model): void {
  const at = logits.findIndex((logit) => !Number.isFinite(logit));
  if (at < 0) return;
  const value = logits[at]!;
  throw new StageError(
    `the model gives logits that are not finite numbers: ${value} for image ${ids[Math.floor(at / each)]!}`,
    {
      code: 'bad-data',
      fix: isNetworkModel(model)
        ? 'check that its weights, mean and std belong together, and look for images that it was not made for'
        : `look in ${model.program.module} for a division by zero, a logarithm or root of a negative number, or numbers too large for float16`,
    },
  );
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
