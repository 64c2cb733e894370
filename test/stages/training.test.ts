import { beforeAll, describe, expect, it } from 'vitest';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { Model } from '../../src/values/model.ts';
import { failureOf, imagesOf, type RunOptions, runStage } from './run-stage.ts';

let model: Model;
let images: Images;
let validation: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as Model;
  images = await imagesOf('dataset/mnist', { split: 'train', limit: 400 });
  validation = await imagesOf('dataset/mnist', { limit: 100 });
});

const settings = { epochs: 3, batchSize: 32, learningRate: 0.05 };
async function train(given: Record<string, unknown> = {}, options: RunOptions = {}) {
  const run = await runStage(
    'train/sgd',
    { ...settings, ...given },
    { inputs: { model, images, validation }, ...options },
  );
  return { ...run, model: run.outputs['model'] as Model, history: run.outputs['history'] as Metrics };
}

describe('train/sgd', () => {
  it('learns digits, and says so epoch by epoch', async () => {
    const { history, logs, metrics } = await train();
    expect(history.rows.map(({ axes }) => axes['epoch'])).toEqual([1, 2, 3]);
    const [first, , last] = history.rows.map(({ values }) => values);
    expect(last!['loss']!).toBeLessThan(first!['loss']!);
    expect(last!['validationAccuracy']!).toBeGreaterThan(0.6);
    expect(metrics['validationAccuracy']).toBe(last!['validationAccuracy']);
    expect(logs).toHaveLength(3);
  });

  it('goes on from its checkpoint to the same model and the same history', async () => {
    const checkpoints: Uint8Array[] = [];
    const given = { augment: { crop: 2, flip: true }, schedule: { kind: 'step', every: 1, factor: 0.5 } };
    const whole = await train(given, { onCheckpoint: (bytes) => checkpoints.push(bytes) });
    expect(checkpoints).toHaveLength(3);
    const resumed = await train(given, { checkpoint: checkpoints[0]! });
    expect(resumed.model.weights).toEqual(whole.model.weights);
    expect(resumed.history).toEqual(whole.history);
    expect(whole.history.rows.map(({ values }) => values['learningRate'])).toEqual([0.05, 0.025, 0.0125]);
  });

  it('starts again, with a warning, from a damaged checkpoint', async () => {
    const { warnings, history } = await train(
      { epochs: 1 },
      { checkpoint: Uint8Array.from([1, 2, 3, 4, 5]) },
    );
    expect(warnings[0]).toContain('training starts again');
    expect(history.rows).toHaveLength(1);
  });

  it('of 0 epochs returns the model as it is', async () => {
    expect((await train({ epochs: 0 })).model.weights).toEqual(model.weights);
  });

  it('refuses images of another size', async () => {
    const wide: Images = { ...images, shape: [400, 14, 56, 1] };
    expect((await failureOf(train({}, { inputs: { model, images: wide } }))).message).toContain(
      'the images are 14×56×1',
    );
  });

  it('tells a diverging training to lower its rate', async () => {
    const failure = await failureOf(train({ learningRate: 1000 }));
    expect(failure.fix).toBe('lower learningRate');
  });
});
