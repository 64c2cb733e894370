import { Type } from '@sinclair/typebox';
import { setTimeout as delay } from 'node:timers/promises';
import { defineStage, port } from '../../runtime/stage.ts';

/** Waits, and can be cancelled: for testing scheduling, cancellation and the dashboard. */
export const sleepStage = defineStage({
  uses: 'debug/sleep',
  version: 1,
  summary: 'Waits for a given time (for measuring the runner itself)',
  with: Type.Object(
    {
      ms: Type.Number({
        minimum: 0,
        maximum: 86_400_000,
        default: 0,
        unit: 'ms',
        description: 'time to wait, in milliseconds',
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    after: port('any', { optional: true, description: 'something to wait for; its content is not used' }),
  },
  out: { metrics: port('metrics', { axes: [], values: ['ms'], description: 'one row with `ms`' }) },
  run: async ({ params, signal }) => {
    await delay(params.ms, undefined, { signal });
    return { metrics: { kind: 'metrics', rows: [{ axes: {}, values: { ms: params.ms } }], warnings: [] } };
  },
});
