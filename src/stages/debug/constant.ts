import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';

/** The cheapest possible stage, for measuring planning and the overhead per cell. */
export const constantStage = defineStage({
  uses: 'debug/constant',
  version: 1,
  summary: 'One metrics row that holds a given number (for measuring the runner itself)',
  with: Type.Object(
    { value: Type.Number({ unit: 'any', default: 0, description: 'the number to return' }) },
    { additionalProperties: false },
  ),
  in: {
    after: port('any', { optional: true, description: 'something to wait for; its content is not used' }),
  },
  out: { metrics: port('metrics', { axes: [], values: ['value'], description: 'one row with `value`' }) },
  run: ({ params }) =>
    Promise.resolve({
      metrics: {
        kind: 'metrics' as const,
        rows: [{ axes: {}, values: { value: params.value } }],
        warnings: [],
      },
    }),
});
