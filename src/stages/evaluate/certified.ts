import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { noiseProblems } from './shared/noise-problems.ts';
import { scoringOutline } from './shared/scoring.ts';

/** Certified accuracy of randomized smoothing in L2 (Cohen et al. 2019). */
export const certifiedStage = defineStage({
  uses: 'evaluate/certified',
  version: 1,
  summary:
    'Certified accuracy of randomized smoothing: the share of images that have their class at every point within an L2 radius',
  with: Type.Object(
    {
      sigma: Type.Number({
        unit: 'pixel value',
        exclusiveMinimum: 0,
        maximum: 10,
        description: 'σ of the noise, as in defense/noise',
      }),
      draws: Type.Integer({
        unit: 'views',
        minimum: 2,
        maximum: 1_000_000,
        description: 'number of views of each image in predictions, as in defense/noise',
      }),
      alpha: Type.Number({
        unit: 'share',
        exclusiveMinimum: 0,
        maximum: 0.5,
        default: 0.001,
        description: 'probability that the certificate of an image is wrong',
      }),
      radii: Type.Array(Type.Number({ unit: 'pixel value', minimum: 0 }), {
        minItems: 1,
        maxItems: 1000,
        uniqueItems: true,
        default: [0, 0.25, 0.5, 0.75, 1],
        description: 'L2 radii, each of which has a row',
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    predictions: port('predictions', {
      description: 'votes of many draws (predict/classify with average: votes), which give the radius',
    }),
    selection: port('predictions', {
      description:
        'votes of other draws of the same images, which choose the class: a defense/noise with another seed',
    }),
  },
  out: {
    metrics: port('metrics', {
      axes: ['radius'],
      values: [
        'n',
        'certifiedAccuracy',
        'certifiedAccuracyLow',
        'certifiedAccuracyHigh',
        'abstentionRate',
        'meanRadius',
      ],
      description:
        'one row for each radius: n, certifiedAccuracy with its 95 % interval, the share of images without a certificate (abstentionRate), and the mean radius, with 0 for an image without a certificate of its true class',
    }),
  },
  example: { sigma: 0.25, draws: 100 },
  checkInputs: (params, inputs) => noiseProblems(params, inputs),
  outline: () => scoringOutline(),
  run: async ({ inputs, params, warn }) => {
    const { certifiedRows } = await import('./shared/certified-rows.ts');
    return { metrics: { kind: 'metrics' as const, rows: certifiedRows(inputs, params, warn), warnings: [] } };
  },
});
