import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { averagePredictions } from './shared/average-predictions.ts';
import { memberWeights } from './shared/member-weights.ts';

/** The ensembles of Guo et al. 2018, section 5.4, for example 0.5 × quilting + 10 × 0.05 × draws of TVM. */
export const averageStage = defineStage({
  uses: 'predict/average',
  version: 1,
  summary: 'Weighted average of several predictions of the same images',
  with: Type.Object(
    {
      weights: Type.Optional(
        Type.Union(
          [
            Type.Array(Type.Number({ minimum: 0 }), { minItems: 1 }),
            Type.Record(Type.String(), Type.Number({ minimum: 0 })),
          ],
          {
            description:
              'weight of each prediction, as a list in order or as a map from axis label; equal where absent. They are divided by their sum; a label that several predictions share is split evenly among them',
          },
        ),
      ),
      average: Type.Union([Type.Literal('probabilities'), Type.Literal('logits')], {
        default: 'probabilities',
        description:
          "average of the probabilities, or the softmax of the averaged logits as the authors' code does",
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    predictions: port('predictions', {
      list: true,
      description: 'predictions of the same images, in the same order',
    }),
  },
  out: { predictions: port('predictions', { description: 'averaged probabilities [n, classes]' }) },
  shard: 'images',
  run: ({ params, inputs }) =>
    Promise.resolve({
      predictions: averagePredictions(
        inputs.predictions.map((item) => item.value),
        memberWeights(inputs.predictions, params.weights),
        params.average,
      ),
    }),
});
