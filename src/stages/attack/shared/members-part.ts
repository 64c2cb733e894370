import { Type } from '@sinclair/typebox';
import { defineStage, port, type Stage, StageError, streamedPort } from '../../../runtime/stage.ts';
import type { MetricsRow } from '../../../values/metrics.ts';

/** Adds up what the attacks of an ensemble did to all images. */
export function membersPart(): Stage {
  return defineStage({
    uses: 'attack/members',
    version: 1,
    summary: 'what each attack of an ensemble did to all images',
    with: Type.Object({}, { additionalProperties: true }),
    in: { adversarial: streamedPort('images') },
    out: {
      metrics: port('metrics', {
        axes: ['member'],
        values: ['attacked', 'broken', 'share', 'accuracyAfter', 'accuracy', 'deviation'],
      }),
    },
    outline: () => ({
      perImage: { 'score image': 1 },
      perUnit: {},
      out: { metrics: { kind: 'metrics' } },
      memoryBytes: 0,
    }),
    run: async ({ inputs, params, log, metric, warn }) => {
      const { memberCounts, membersWarnings } = await import('../../../metrics/members.ts');
      const parts = [...inputs.adversarial].map(({ perturbation, labels }) => {
        if (perturbation?.members === undefined)
          throw new StageError('the adversarial images do not say what each attack of the ensemble did', {
            code: 'bad-data',
            fix: 'run attack/auto-attack again, with ravelin run --force',
          });
        return { labels, initial: perturbation.initial, ...perturbation.members };
      });
      const counts = memberCounts(parts);
      const rows: MetricsRow[] = counts.members.map(({ name, ...values }) => {
        log(
          `${name}: ${values.broken} of ${values.attacked} images misclassified, accuracy ${percent(values.accuracyAfter)} after it`,
        );
        metric('broken', values.broken, { member: name });
        metric('accuracyAfter', values.accuracyAfter, { member: name });
        return {
          axes: { member: name },
          values: { ...values, accuracy: counts.accuracy, deviation: counts.deviation },
        };
      });
      metric('cleanAccuracy', counts.cleanAccuracy);
      metric('robustAccuracy', counts.accuracy);
      const spread = counts.isRandom ? ` ± ${percent(counts.deviation)} (standard deviation over draws)` : '';
      if (counts.isRandom) metric('deviation', counts.deviation);
      log(`robust accuracy ${percent(counts.accuracy)}${spread}`);
      const { version } = params as { version?: unknown };
      const warnings = membersWarnings(counts, version === 'rand');
      for (const warning of warnings) warn(warning);
      return { metrics: { kind: 'metrics' as const, rows, warnings } };
    },
  });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
