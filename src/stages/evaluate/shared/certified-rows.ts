import { certifiedRadius } from '../../../metrics/certified-radius.ts';
import { argmaxRows } from '../../../metrics/classification.ts';
import { wilsonInterval } from '../../../metrics/wilson.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { Metrics } from '../../../values/metrics.ts';
import type { Predictions } from '../../../values/predictions.ts';
import { checkScored } from './check-scored.ts';

interface CertifiedOptions {
  readonly sigma: number;
  readonly draws: number;
  readonly alpha: number;
  readonly radii: readonly number[];
}

/** A row for each radius. Throws `StageError` unless both predictions are votes on the same images, and warns if these are of the same draws. */
export function certifiedRows(
  { predictions, selection }: { readonly predictions: Predictions; readonly selection: Predictions },
  { sigma, draws, alpha, radii }: CertifiedOptions,
  warn: (sentence: string) => void,
): Metrics['rows'] {
  checkScored({ predictions, clean: selection });
  const { probabilities, labels, shape } = predictions;
  const n = labels.length;
  const isSplit = probabilities.some((share) => share > 0 && share < 1);
  if (isSplit && probabilities.every((share, at) => share === selection.probabilities[at]))
    warn(
      'the selection has the same votes as the predictions, so they probably share their draws, and the certificate does not hold: give its defense/noise a seed of its own',
    );
  const [, classes] = shape;
  const chosen = argmaxRows(selection.probabilities, classes);
  const found = Array.from(chosen, (name, row) =>
    certifiedRadius(votes(probabilities[row * classes + name]!, draws), draws, sigma, alpha),
  );
  const ofTrueClass = found.map((radius, row) => (chosen[row] === labels[row] ? radius : null));
  const common = {
    abstentionRate: n === 0 ? null : found.filter((radius) => radius === null).length / n,
    meanRadius: n === 0 ? null : ofTrueClass.reduce((sum: number, radius) => sum + (radius ?? 0), 0) / n,
  };
  return radii.map((radius) => {
    const certified = ofTrueClass.filter((own) => own !== null && own >= radius).length;
    const interval = wilsonInterval(certified, n);
    return {
      axes: { radius },
      values: {
        n,
        certifiedAccuracy: n === 0 ? null : certified / n,
        certifiedAccuracyLow: interval?.low ?? null,
        certifiedAccuracyHigh: interval?.high ?? null,
        ...common,
      },
    };
  });
}

/** The number of votes of a share, which float32 has rounded. */
function votes(share: number, draws: number): number {
  const count = Math.round(share * draws);
  if (Math.abs(share * draws - count) <= 1e-3 + draws * 2 ** -22) return count;
  throw new StageError(`the predictions are not votes of ${draws} draws: a class has the share ${share}`, {
    code: 'bad-data',
    fix: 'give predict/classify average: votes, and draws as the defense has it',
  });
}
