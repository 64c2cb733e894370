import { Type } from '@sinclair/typebox';
import { defineStage, labelsPort, port, StageError } from '../../runtime/stage.ts';
import { scoringOutline } from './shared/scoring.ts';

/** The course of an attack over its steps: whether it has converged. */
export const traceStage = defineStage({
  uses: 'evaluate/trace',
  version: 1,
  summary:
    'The course of an attack with trace: true, one row for each step: success rate, loss, margin and distance, for report/curves',
  with: Type.Object(
    {
      points: Type.Integer({
        minimum: 2,
        // A trace keeps at least this number of entries of a longer course.
        maximum: 250,
        default: 200,
        unit: 'steps',
        description: 'most steps, evenly spaced; the last one is always there',
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    images: labelsPort({ description: 'images of an attack with trace: true' }),
  },
  out: {
    metrics: port('metrics', {
      axes: ['step'],
      values: [
        'n',
        'attacked',
        'reachedRate',
        'reachedRateLow',
        'reachedRateHigh',
        'foundRate',
        'foundRateLow',
        'foundRateHigh',
        'loss',
        'bestLoss',
        'margin',
        'distance',
        'bestDistance',
      ],
      description:
        'one row for each step: n, attacked (images that had not reached the goal before), reachedRate (share of the images that are misclassified, or classified as their target, at the step) and foundRate (at the step or before) with their 95 % intervals, mean loss and bestLoss, median margin, distance and bestDistance (the smallest distance so far of a point that reached the goal)',
    }),
  },
  outline: () => scoringOutline(),
  run: async ({ inputs, params, log }) => {
    const { traceRows } = await import('../../metrics/trace-rows.ts');
    const trace = inputs.images.perturbation?.trace;
    if (trace === undefined)
      throw new StageError("the images of 'images' have no trace", {
        code: 'bad-data',
        fix: 'give the attack trace: true, and connect its own images, not those behind a defense',
      });
    log(`distances in ${trace.norm}; the loss is ${trace.loss}`);
    return {
      metrics: { kind: 'metrics' as const, rows: traceRows(trace, params.points), warnings: [] },
    };
  },
});
