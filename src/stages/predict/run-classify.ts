import type { StageContext } from '../../runtime/stage.ts';
import { transformOnce } from '../../defenses/apply.ts';
import { averageViews, softmaxRows } from '../../metrics/classification.ts';
import { openClassifier } from '../../models/inference.ts';
import { openBackend } from '../../tensors/backend.ts';
import type { Images } from '../../values/images.ts';
import type { Model } from '../../values/model.ts';
import type { Predictions } from '../../values/predictions.ts';
import type { Transform } from '../../values/transform.ts';
import { logitsOf } from '../classify-batches.ts';
import { checkImageShape } from '../model-input.ts';

/** Softmax of the logits in float64, averaged over the views of each image. */
export async function runClassify(
  context: StageContext<
    object,
    { readonly model: Model; readonly images: Images; readonly transform?: Transform }
  >,
): Promise<Predictions> {
  const { model, images, transform } = context.inputs;
  const { signal } = context;
  checkImageShape(images, model);
  const { shape } = images;
  const draw = { seed: context.seed, draw: 0, ids: images.ids, signal };
  const pixels = transform ? await transformOnce(transform, images.pixels, shape, draw) : images.pixels;
  await openBackend(context.backend);
  const classifier = await openClassifier(model);
  try {
    const { classes } = classifier;
    const onProgress = (rows: number): void =>
      context.progress(Math.floor(rows / images.views), images.ids.length, 'images');
    const logits = await logitsOf(classifier, { pixels, shape }, { signal, onProgress });
    return {
      kind: 'predictions',
      probabilities: averageViews(softmaxRows(logits, classes), classes, images.views),
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
