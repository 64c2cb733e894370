import { StageError } from '../../../runtime/stage.ts';
import type { ImageLabels } from '../../../values/image-rows.ts';
import { nameOfType } from '../../../values/array-problems.ts';
import { ValueError } from '../../../values/value-error.ts';
import { verifyScores } from '../../../values/verify.ts';
import type { Predictions } from '../../../values/predictions.ts';
import { checkPaired } from '../../shared/pairing.ts';

/** Named numbers; null if undefined. Reports find them by name. */
export type Scores = Readonly<Record<string, number | null>>;

/**
 * Inputs of a metric. All are for the same images in the same order, and every label is a class of the model.
 */
export interface ScoreInputs {
  readonly predictions: Predictions;
  /** Labels and ids of the images before the attack, if they are connected; their pixels are not kept. */
  readonly originals?: ImageLabels;
  /** Predictions on the originals, if they are connected. */
  readonly clean?: Predictions;
}

/**
 * Throws `StageError` if the inputs are not for the same images, or if a label is not a class of the model.
 */
export function checkScored({ predictions, originals, clean }: ScoreInputs): void {
  if (originals) {
    checkPaired(predictions, 'predictions', originals, 'originals');
    const wrong = predictions.labels.findIndex((label, index) => label !== originals.labels[index]);
    if (wrong >= 0) {
      throw new StageError(
        `image ${wrong} (id ${predictions.ids[wrong]!}) has label ${predictions.labels[wrong]!} in 'predictions' and ${originals.labels[wrong]!} in 'originals'`,
        { code: 'bad-data', fix: 'make both from the same dataset' },
      );
    }
  }
  if (clean) checkPaired(predictions, 'predictions', clean, 'clean');
  const [, classes] = predictions.shape;
  const unlabelled = predictions.labels.findIndex((label) => label < 0 || label >= classes);
  if (unlabelled < 0) return;
  if (predictions.labels[unlabelled] === -1) {
    throw new StageError(`image ${unlabelled} (id ${predictions.ids[unlabelled]!}) has no label (−1)`, {
      code: 'bad-data',
      fix: 'score images with labels only',
    });
  }
  throw new StageError(
    `image ${unlabelled} has label ${predictions.labels[unlabelled]!}, but the model has ${classes} classes`,
    { code: 'bad-data', fix: 'use a model and a dataset with the same classes' },
  );
}

/** Throws `ValueError` unless a metric of `uses` returned numbers or null by name. */
export function checkScores(values: unknown, uses: string): asserts values is Scores {
  const subject = `what score of ${uses} returned`;
  if (typeof values !== 'object' || values === null || Array.isArray(values) || values instanceof Promise)
    throw new ValueError(`${subject} is ${nameOfType(values)}, not an object`, 'return { NAME: number }');
  verifyScores(values as Readonly<Record<string, unknown>>, subject);
}
