import { metricStage } from './shared/metric-stage.ts';
import { otherClassifier } from './shared/other-classifier.ts';

/** Scores of one cell; the success rate is that of Guo et al. 2018, section 2. */
export const robustnessStage = metricStage({
  uses: 'evaluate/robustness',
  version: 3,
  summary: 'Accuracy with its 95 % interval, success rate of the attack, and size of the perturbation',
  gives: [
    'n',
    'accuracy',
    'accuracyLow',
    'accuracyHigh',
    'chance',
    'successRate',
    'dissimilarity',
    'l2',
    'linf',
    'l1',
    'unmoved',
    'accuracyInitiallyCorrect',
    'accuracyInitiallyCorrectLow',
    'accuracyInitiallyCorrectHigh',
    'nInitiallyCorrect',
    'meanConfidence',
    'targetRate',
    'targetRateLow',
    'targetRateHigh',
    'nTargeted',
    'roundedToBytes',
  ],
  caveats: otherClassifier,
  score: async ({ predictions, clean }, _params, warn) => {
    const { argmaxRows } = await import('../../metrics/classification.ts');
    const { guessing, robustnessScores } = await import('../../metrics/robustness.ts');
    const initial = clean && argmaxRows(clean.probabilities, clean.shape[1]);
    const scores = robustnessScores(predictions, initial);
    if (predictions.perturbation && scores['dissimilarity'] === null)
      warn(
        'an original is entirely black, so its dissimilarity is undefined, and so is the mean. Leave the image out if you need the mean.',
      );
    const guesses = guessing(predictions);
    if (guesses !== null)
      warn(
        `before any attack the model classifies ${guesses.correct} of ${guesses.n} images correctly, which is not above chance for ${predictions.shape[1]} classes. Likely causes are a model without weights or training, a training that diverged, a mean and std that are not those of its training, labels in another order, and a defense that destroys the images. evaluate/preprocessing tries other settings.`,
      );
    const { unmoved, n, linf } = scores;
    if ((unmoved ?? 0) > 0 && (linf ?? 0) > 0) {
      const orRounding =
        scores['roundedToBytes'] === 1
          ? ' Rounding to bytes also removes perturbations below half a grey level.'
          : '';
      warn(
        `the attack left ${unmoved!} of ${n!} images exactly as they were, though the model classified them correctly: it failed on them, or its gradients are zero there, which indicates masked gradients and not robustness.${orRounding}`,
      );
    }
    return scores;
  },
});
