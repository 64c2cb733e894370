// @ts-check
import assert from 'node:assert';
import { test } from 'node:test';
import { metricInvariants, runStage } from 'ravelin/testing';
import { stages } from './top-k.mjs';

for (const { name, check } of metricInvariants(stages[0], { k: 2 })) test(name, check);

test('counts the true class among the k most likely ones', async () => {
  const predictions = {
    kind: 'predictions',
    probabilities: Float32Array.of(0.5, 0.3, 0.2, 0.1, 0.2, 0.7),
    shape: [2, 3],
    labels: Int32Array.of(1, 0),
    ids: Int32Array.of(0, 1),
    classes: [],
  };
  const { metrics } = await runStage(stages[0], { k: 2 }, { inputs: { predictions } });
  assert.strictEqual(metrics.topAccuracy, 0.5);
});
