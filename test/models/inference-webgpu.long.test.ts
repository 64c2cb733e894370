import { expect, it } from 'vitest';
import { readyEvaluations } from '../tensors/backends.ts';
import { describeInference } from './inference-suite.ts';

const evaluations = readyEvaluations.filter(([backend]) => backend === 'webgpu');

it('is tried where there is an adapter', () => {
  if (evaluations.length === 0)
    process.stderr.write('SKIPPED: networks on webgpu, which has no adapter here\n');
  expect(evaluations.length).toBeLessThanOrEqual(1);
});

describeInference(evaluations);
