import { expect, it } from 'vitest';
import { certifiedRadius } from '../../src/metrics/certified-radius.ts';
import { certifiedStage } from '../../src/stages/evaluate/certified.ts';
import { runStage as runAny } from '../../src/kit/testing/index.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { failureOf } from './run-stage.ts';

/** Votes of draws for class 0 of two, image by image; all images are of class 0. */
const votes = (hits: readonly number[], draws: number): Predictions => ({
  kind: 'predictions',
  probabilities: Float32Array.from(hits.flatMap((own) => [own / draws, (draws - own) / draws])),
  shape: [hits.length, 2],
  labels: new Int32Array(hits.length),
  ids: Int32Array.from(hits, (_, at) => at),
  classes: [],
});
const score = async (
  hits: readonly number[],
  selected: readonly number[],
  radii: readonly number[],
  selectionDraws = 10,
): Promise<{ readonly rows: Metrics['rows']; readonly warnings: readonly string[] }> => {
  const { outputs, warnings } = await runAny(
    certifiedStage,
    { sigma: 0.5, draws: 300, alpha: 0.001, radii: [...radii] },
    { inputs: { predictions: votes(hits, 300), selection: votes(selected, selectionDraws) } },
  );
  return { rows: (outputs['metrics'] as Metrics).rows, warnings };
};

it('counts images of the true class whose radius is large enough', async () => {
  const [far, near] = [certifiedRadius(300, 300, 0.5, 0.001)!, certifiedRadius(290, 300, 0.5, 0.001)!];
  // The third is certified of the wrong class, the fourth by nothing, and the fifth chose a class that it then lacks.
  const { rows, warnings } = await score(
    [300, 290, 5, 150, 20],
    [10, 9, 1, 6, 8],
    [0, near, far, far + 1e-6],
  );
  expect(rows.map(({ values }) => values['certifiedAccuracy'])).toEqual([0.4, 0.4, 0.2, 0]);
  expect(rows.map(({ axes }) => axes['radius'])).toEqual([0, near, far, far + 1e-6]);
  expect(rows[0]!.values['abstentionRate']).toBe(0.4);
  expect(rows[0]!.values['meanRadius']).toBeCloseTo((far + near) / 5, 12);
  expect(warnings).toEqual([]);
});

it('refuses probabilities that are not votes of so many draws', async () => {
  const failure = await failureOf(score([299.5, 300], [10, 10], [0]));
  expect(failure.message).toContain('the predictions are not votes of 300 draws');
});

it('warns of a selection with the same draws', async () => {
  const { warnings } = await score([290, 300], [290, 300], [0], 300);
  expect(warnings.join()).toContain('a seed of its own');
});
