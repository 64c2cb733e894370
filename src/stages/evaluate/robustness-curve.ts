import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { linfProblems } from '../shared/linf-problems.ts';
import { smallRadiusProblems } from '../shared/small-radius.ts';
import { checkScored } from './shared/check-scored.ts';
import { noDistances, recordedNormParameter } from './shared/distances.ts';
import { accuracyOfOther } from './shared/other-classifier.ts';
import { originalsPort, scoringOutline } from './shared/scoring.ts';

/** Accuracy over the strength from one run of a minimum-norm attack. */
export const robustnessCurveStage = defineStage({
  uses: 'evaluate/robustness-curve',
  version: 1,
  summary:
    'Accuracy at every strength from one run of a minimum-norm attack: the share of images with a larger distance',
  with: Type.Object(
    {
      ...recordedNormParameter,
      epsilons: Type.Optional(
        Type.Array(Type.Number({ unit: 'pixel value', minimum: 0 }), {
          minItems: 1,
          maxItems: 10_000,
          uniqueItems: true,
          description: 'the strengths, in the norm; evenly spaced up to the largest distance if absent',
        }),
      ),
      points: Type.Integer({
        unit: 'strengths',
        minimum: 2,
        maximum: 10_000,
        default: 25,
        description: 'without epsilons: number of strengths',
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    predictions: port('predictions', {
      description: 'predictions on the images of an attack that looks for the smallest perturbation',
    }),
    originals: originalsPort('the attack'),
    clean: port('predictions', {
      optional: true,
      description:
        'predictions on the originals: an image that is wrong there has the distance 0; those of the attacked model if absent',
    }),
  },
  out: {
    metrics: port('metrics', {
      axes: ['epsilon'],
      caveats: accuracyOfOther,
      values: ['n', 'accuracy', 'accuracyLow', 'accuracyHigh'],
      description: 'one row for each epsilon: n, accuracy with its 95 % interval',
    }),
  },
  check: (params) => (params.norm === 'linf' ? linfProblems : smallRadiusProblems)(params, ['epsilons']),
  outline: () => scoringOutline(),
  run: async ({ inputs, params }) => {
    const { distancesFound, evenEpsilons, robustnessCurve } =
      await import('../../metrics/minimal-distances.ts');
    checkScored(inputs);
    const { predictions, clean } = inputs;
    const { norm, epsilons, points } = params;
    const distances = distancesFound(predictions, norm, clean) ?? noDistances(predictions, norm);
    const strengths = epsilons ?? evenEpsilons(distances, points);
    const rows = robustnessCurve(distances, strengths).map((values, index) => ({
      axes: { epsilon: strengths[index]! },
      values,
    }));
    return { metrics: { kind: 'metrics' as const, rows, warnings: [] } };
  },
});
