import { setImmediate } from 'node:timers/promises';
import { argmaxRows, averageViews, softmaxRows } from '../../../metrics/classification.ts';
import type { Classifier } from '../../../models/classifier.ts';
import { openClassifier } from '../../../models/inference.ts';
import { PausedError, type StageContext } from '../../../runtime/stage.ts';
import { forwardBatch } from '../../../values/batch-size.ts';
import { type ImageRows, rowRange } from '../../../values/image-rows.ts';
import type { NetworkModel } from '../../../values/model.ts';
import { toFloats } from '../../../values/slices.ts';
import { logitsOf } from '../../shared/classify-batches.ts';

/** Some images with all their views. */
export interface ImagePart {
  readonly pixels: Float32Array;
  readonly shape: [rows: number, height: number, width: number, channels: number];
  readonly labels: Int32Array;
  /** Id of each row. */
  readonly ids: Int32Array;
}

type Hooks = Pick<StageContext<unknown, unknown>, 'signal' | 'batchSizes' | 'checkpoint'>;

/**
 * The share of images that a model classifies correctly, in the mean over their views. They are read a few at a time, and
 * `change` changes them before they are classified. Throws `PausedError` if the run is asked to stop meanwhile.
 */
export async function accuracyOf(
  model: NetworkModel,
  images: ImageRows,
  hooks: Hooks,
  change?: (part: ImagePart) => Promise<Float32Array>,
): Promise<number> {
  const { views, ids } = images;
  const [, height, width, channels] = images.shape;
  // As many images as the classifier takes rows, so that it gets the batches that it would get of all at once.
  const step = hooks.batchSizes.rows(height * width * channels, forwardBatch);
  const classifier = await openClassifier(model);
  try {
    let correct = 0;
    for (let first = 0; first < ids.length; first += step) {
      // Lets messages in: a backend that computes in this thread awaits no more than microtasks.
      await setImmediate();
      if (hooks.checkpoint.pause.aborted) throw new PausedError();
      const part = await readPart(images, first, Math.min(step, ids.length - first));
      const pixels = change === undefined ? part.pixels : await change(part);
      correct += await countCorrect(classifier, { ...part, pixels }, views, hooks);
    }
    return correct / ids.length;
  } finally {
    classifier.dispose();
  }
}

async function readPart(images: ImageRows, first: number, count: number): Promise<ImagePart> {
  const { views, labels, ids } = images;
  const [, height, width, channels] = images.shape;
  const rows = rowRange(first * views, count * views);
  return {
    pixels: toFloats(await images.read(rows)),
    shape: [rows.length, height, width, channels],
    labels: labels.subarray(first, first + count),
    ids: rows.map((row) => ids[Math.floor(row / views)]!),
  };
}

async function countCorrect(
  classifier: Classifier,
  part: ImagePart,
  views: number,
  hooks: Hooks,
): Promise<number> {
  const { classes } = classifier;
  const probabilities = softmaxRows(await logitsOf(classifier, { ...part, views }, hooks), classes);
  const predicted = argmaxRows(averageViews(probabilities, classes, views), classes);
  return predicted.filter((label, index) => label === part.labels[index]).length;
}
