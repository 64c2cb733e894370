import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { checkScored } from './shared/check-scored.ts';
import { accuracyOfOther } from './shared/other-classifier.ts';
import { firstOf, originalsPort, scoringOutline } from './shared/scoring.ts';

/** The accuracy that several attacks leave together, image by image. */
export const worstCaseStage = defineStage({
  uses: 'evaluate/worst-case',
  version: 1,
  summary: 'Accuracy in the worst case of several attacks: an image counts only if it withstands all of them',
  with: Type.Object({}, { additionalProperties: false }),
  in: {
    predictions: port('predictions', {
      list: true,
      description: 'predictions on the same images after different attacks, in the same order',
    }),
    originals: originalsPort('the attacks'),
    clean: port('predictions', {
      optional: true,
      description: 'predictions on the originals: an image that is wrong there counts as wrong',
    }),
  },
  out: {
    metrics: port('metrics', {
      axes: [],
      caveats: accuracyOfOther,
      values: [
        'n',
        'attacks',
        'accuracy',
        'accuracyLow',
        'accuracyHigh',
        'strongestAccuracy',
        'cleanAccuracy',
      ],
      description:
        'one row: n, attacks, accuracy with its 95 % interval, strongestAccuracy (the lowest of a single attack), cleanAccuracy',
    }),
  },
  outline: ({ inputs }) => scoringOutline((inputs['predictions'] ?? []).length),
  run: async ({ inputs, metric }) => {
    const { worstCaseScores } = await import('../../metrics/worst-case.ts');
    const first = firstOf(inputs.predictions);
    const attacked = inputs.predictions.map(({ value }) => value);
    const { originals, clean } = inputs;
    for (const predictions of attacked)
      checkScored({ predictions, clean: first, ...(originals && { originals }) });
    if (clean) checkScored({ predictions: first, clean });
    const values = worstCaseScores(attacked, clean);
    for (const [name, value] of Object.entries(values)) if (value !== null) metric(name, value);
    return { metrics: { kind: 'metrics' as const, rows: [{ axes: {}, values }], warnings: [] } };
  },
});
