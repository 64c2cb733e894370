import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';

/** Scores of one cell; the success rate is that of Guo et al. 2018, section 2. */
export const robustnessStage = defineStage({
  uses: 'evaluate/robustness',
  version: 2,
  summary: 'Accuracy with its 95 % interval, success rate of the attack, and size of the perturbation',
  with: Type.Object({}, { additionalProperties: false }),
  in: {
    predictions: port('predictions', { description: 'predictions to score' }),
    originals: port('images', {
      optional: true,
      description: 'the images before the attack: checked to pair up with the predictions',
    }),
    clean: port('predictions', {
      optional: true,
      description:
        'predictions on the originals, against which success is measured; those of the attacked model where absent',
    }),
  },
  out: {
    metrics: port('metrics', {
      description:
        'one row: n, accuracy, accuracyLow, accuracyHigh, chance, successRate, dissimilarity, l2, linf, unmoved, accuracyInitiallyCorrect with its interval, nInitiallyCorrect, meanConfidence',
    }),
  },
  run: async ({ inputs, metric, warn }) => {
    const { scoreRobustness } = await import('./shared/score.ts');
    const metrics = scoreRobustness(inputs);
    for (const [name, value] of Object.entries(metrics.rows[0]!.values)) {
      if (value !== null) metric(name, value);
    }
    for (const warning of metrics.warnings) warn(warning);
    return { metrics };
  },
});
