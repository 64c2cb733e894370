import { beforeAll, describe, expect, it } from 'vitest';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { Model } from '../../src/values/model.ts';
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type TrainingCheckpoint,
} from '../../src/stages/train/shared/history.ts';
import { prepareBatch } from '../../src/stages/train/shared/prepare-batch.ts';
import { opened } from '../defenses/opened.ts';
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
    expect(warnings[0]).toContain('so it starts again');
    expect(history.rows).toHaveLength(1);
  });

  it('starts again from a checkpoint whose rows are not those of its epochs', async () => {
    const checkpoints: Uint8Array[] = [];
    const whole = await train({ epochs: 2 }, { onCheckpoint: (bytes) => checkpoints.push(bytes) });
    const [first, second] = checkpoints.map((bytes) => decodeCheckpoint(bytes, 2)!);
    const row = first!.rows[0]!;
    const wrong = {
      'fewer rows than epochs': { rows: first!.rows, state: second!.state },
      'more rows than epochs': { rows: second!.rows, state: first!.state },
      'a row of another epoch': { rows: [{ ...row, axes: { epoch: 2 } }], state: first!.state },
      'a row without numbers': { rows: [{ ...row, values: { loss: 'low' } }], state: first!.state },
    };
    for (const [what, checkpoint] of Object.entries(wrong)) {
      const bytes = encodeCheckpoint(checkpoint as TrainingCheckpoint);
      const again = await train({ epochs: 2 }, { checkpoint: bytes });
      expect(again.warnings, what).toEqual([expect.stringContaining('so it starts again')]);
      expect(again.model.weights, what).toEqual(whole.model.weights);
    }
    expect(decodeCheckpoint(checkpoints[1]!, 1)).toBeNull();
    expect((await train({ epochs: 1 }, { checkpoint: checkpoints[1]! })).history.rows).toHaveLength(1);
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

  it.each(['defense/crop', 'defense/jpeg'])('on images behind %s goes on to the same bits', async (uses) => {
    const given = uses === 'defense/crop' ? { size: 20 } : {};
    const transform = (await runStage(uses, given, { inputs: {} })).outputs['transform'];
    const inputs = { model, images, transform };
    const checkpoints: Uint8Array[] = [];
    const params = { epochs: 2, augment: { crop: 2, flip: false } };
    const whole = await train(params, { inputs, onCheckpoint: (bytes) => checkpoints.push(bytes) });
    const resumed = await train(params, { inputs, checkpoint: checkpoints[0]! });
    expect(resumed.model.weights).toEqual(whole.model.weights);
    const plain = await train(params, { inputs: { model, images } });
    expect(plain.model.weights).not.toEqual(whole.model.weights);
  });

  it('refuses a defense that its images do not fit', async () => {
    const { transform } = (await runStage('defense/crop', { size: 90 }, { inputs: {} })).outputs;
    const failure = await failureOf(train({}, { inputs: { model, images, transform } }));
    expect(failure.message).toContain('does not fit into 28×28');
  });
});

describe('a batch behind a defense', () => {
  const crops = opened({
    kind: 'transform',
    steps: [{ name: 'crop', params: { crops: 30, size: 3 } }],
    seed: [4, 4],
  });
  const { signal } = new AbortController();
  const seed = [1, 2] as const;
  const pixels = Float32Array.from({ length: 75 }, (_, index) => index / 75);
  const shape = [3, 5, 5, 1] as const;
  const ids = Int32Array.of(3, 1, 8);

  it('is drawn afresh in each epoch, by image and not by batch', async () => {
    const prepare = prepareBatch({
      augment: { crop: 0, flip: false },
      transform: await crops,
      seed,
      signal,
    })!;
    const epochs: Float32Array[] = [];
    for (let epoch = 0; epoch < 6; epoch++) epochs.push(await prepare(pixels.slice(), shape, ids, epoch));
    expect(new Set(epochs.map(String)).size).toBeGreaterThan(4);
    const alone = await prepare(pixels.slice(25, 50), [1, 5, 5, 1], Int32Array.of(1), 2);
    expect(alone).toEqual(epochs[2]!.slice(25, 50));
  });

  it('is cropped and flipped first, then transformed', async () => {
    const augment = { crop: 1, flip: true };
    const first = await prepareBatch({ augment, seed, signal })!(pixels.slice(), shape, ids, 1);
    const both = await prepareBatch({ augment, transform: await crops, seed, signal })!(
      pixels.slice(),
      shape,
      ids,
      1,
    );
    const then = await prepareBatch({
      augment: { crop: 0, flip: false },
      transform: await crops,
      seed,
      signal,
    })!(first, shape, ids, 1);
    expect(both).toEqual(then);
    expect(prepareBatch({ augment: { crop: 0, flip: false }, seed, signal })).toBeUndefined();
  });
});
