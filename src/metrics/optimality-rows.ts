import type { MetricsRow } from '../values/metrics.ts';
import { optimalityOf, meanKnown, medianOf, smallestDistances } from './optimality.ts';

/** The distances that one attack found on one model, with the axes of their row. */
export interface AttackRow {
  readonly attack: string;
  readonly model: string;
  readonly axes: MetricsRow['axes'];
  /** 0 for an image that was wrong before the attack, infinite for one that is still right. */
  readonly distances: Float64Array;
}

/**
 * Scores of minimum-norm attacks, one row each:
 *
 * - `optimality`: the local optimality against the envelope of all attacks on the same model, `globalOptimality`: its
 *   mean over the `models` on which the attack was run (AttackBench, Cinà et al. 2025); `exactOptimality`: the local
 *   optimality with exact areas;
 * - `attackSuccessRate`: share of misclassified images among those that were right at first;
 * - `medianDistance` of these images, null if the attack failed on half of them; `medianBestDistance`: the same for
 *   the envelope;
 * - `n` and `cleanAccuracy`: all images, and the share of those that were right at first.
 */
export function optimalityRows(attacks: readonly AttackRow[]): readonly MetricsRow[] {
  const envelopes = new Map<string, Float64Array>();
  for (const { model } of attacks) {
    if (envelopes.has(model)) continue;
    const own = attacks.filter((attack) => attack.model === model);
    envelopes.set(model, smallestDistances(own.map(({ distances }) => distances)));
  }
  const local = attacks.map(({ distances, model }) => optimalityOf(distances, envelopes.get(model)!));
  return attacks.map(({ attack, model, axes, distances }, index) => {
    const same = local.filter((_, other) => attacks[other]!.attack === attack);
    const own = local[index];
    const n = distances.length;
    const right = distances.filter((distance) => distance > 0);
    const found = right.filter((distance) => distance < Infinity).length;
    return {
      axes,
      values: {
        n,
        optimality: own?.local ?? null,
        exactOptimality: own?.exact ?? null,
        globalOptimality: meanKnown(same.map((found) => found && found.local)),
        models: same.length,
        attackSuccessRate: right.length === 0 ? null : found / right.length,
        medianDistance: medianOf(right),
        medianBestDistance: medianOf(envelopes.get(model)!.filter((distance) => distance > 0)),
        cleanAccuracy: n === 0 ? null : right.length / n,
      },
    };
  });
}
