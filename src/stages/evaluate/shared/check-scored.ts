import { StageError } from '../../../runtime/stage.ts';
import { checkPaired } from '../../shared/pairing.ts';
import type { ScoreInputs } from './metric-stage.ts';

/** Throws `StageError` for inputs that are not about the same images, and for labels that the model has no class for. */
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
  throw new StageError(
    `image ${unlabelled} has label ${predictions.labels[unlabelled]!}, but the model has ${classes} classes`,
    { code: 'bad-data', fix: 'use a model and a dataset with the same classes' },
  );
}
