import { StageError } from '../../../runtime/stage.ts';
import { argmaxRows } from '../../../metrics/classification.ts';
import { robustnessScores } from '../../../metrics/robustness.ts';
import type { Images } from '../../../values/images.ts';
import type { Metrics } from '../../../values/metrics.ts';
import type { Predictions } from '../../../values/predictions.ts';
import { checkPaired } from '../../shared/pairing.ts';

export function scoreRobustness(inputs: {
  readonly predictions: Predictions;
  readonly originals?: Images;
  readonly clean?: Predictions;
}): Metrics {
  const { predictions, originals, clean } = inputs;
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
  if (unlabelled >= 0) {
    throw new StageError(
      `image ${unlabelled} has label ${predictions.labels[unlabelled]!}, but the model knows ${classes} classes`,
      { code: 'bad-data', fix: 'use a model and a dataset with the same classes' },
    );
  }
  const values = robustnessScores(
    predictions,
    clean ? argmaxRows(clean.probabilities, clean.shape[1]) : undefined,
  );
  const warnings: string[] = [];
  if (predictions.perturbation && values['dissimilarity'] === null) {
    warnings.push('an original is entirely black: its dissimilarity is undefined, and so is the mean');
  }
  const { unmoved, n, linf } = values;
  if ((unmoved ?? 0) > 0 && (linf ?? 0) > 0) {
    warnings.push(
      `the attack left ${unmoved!} of ${n!} images exactly as they were, though the model had them right: zero gradients are no robustness`,
    );
  }
  return { kind: 'metrics', rows: [{ axes: {}, values }], warnings };
}
