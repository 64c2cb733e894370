import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { outlineOf } from '../shared/network-work.ts';
import { averagePredictions, firstCopies } from './shared/average-predictions.ts';
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
            Type.Array(Type.Number({ unit: 'weight', minimum: 0 }), { minItems: 1 }),
            Type.Record(Type.String(), Type.Number({ unit: 'weight', minimum: 0 })),
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
  outline: ({ inputs }) => {
    const members = inputs['predictions'] ?? [];
    const first = outlineOf('predictions', members);
    if (first === undefined) return null;
    return {
      perImage: { 'score image': members.length },
      perUnit: {},
      out: { predictions: first },
      memoryBytes: 0,
    };
  },
  run: ({ params, inputs, warn }) => {
    const members = inputs.predictions.map((item) => item.value);
    const copies = firstCopies(members);
    if (copies !== null)
      warn(
        `predictions[${copies[0]}] and predictions[${copies[1]}] are equal in every number, so the average has one of them twice; to draw afresh for each label of an axis, give the stage that draws a seed from it: seed: $(axes.NAME)`,
      );
    return Promise.resolve({
      predictions: averagePredictions(
        members,
        memberWeights(inputs.predictions, params.weights),
        params.average,
      ),
    });
  },
});
