import { beforeAll, describe, expect, it } from 'vitest';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type TrainingCheckpoint,
} from '../../src/stages/train/shared/history.ts';
import { prepareBatch } from '../../src/stages/train/shared/prepare-batch.ts';
import { opened } from '../defenses/opened.ts';
import { PausedError } from '../../src/runtime/stage.ts';
import { rowsInMemory } from '../../src/values/image-rows.ts';
import { concatValues } from '../../src/values/slices.ts';
import { contextOf, failureOf, imagesOf, type RunOptions, runStage, stageOf } from './run-stage.ts';

let model: NetworkModel;
let images: Images;
let validation: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
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
  return { ...run, model: run.outputs['model'] as NetworkModel, history: run.outputs['history'] as Metrics };
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

  it.each([
    ['train/sgd', {}],
    ['train/adversarial', { method: 'fgsm', epsilon: 0.1 }],
  ])('%s goes on from a checkpoint between two steps to the same model and history', async (uses, given) => {
    const params = {
      ...settings,
      ...given,
      epochs: 2,
      ema: 0.9,
      keep: 'best',
      augment: { crop: 2, flip: true },
    };
    const checkpoints: Uint8Array[] = [];
    const inputs = { model, images, validation };
    const run = (options: RunOptions) => runStage(uses, params, { inputs, ...options });
    const whole = await run({ everySteps: 5, onCheckpoint: (bytes) => checkpoints.push(bytes) });
    // Of 13 steps each: after 5 and 10, after the epoch, and after 15, 20, 25 and the second epoch.
    const places = checkpoints.map((bytes) => {
      const { rows, step } = decodeCheckpoint(bytes, { epochs: 2, model })!;
      return [rows.length, step];
    });
    expect(places).toEqual([
      [0, 5],
      [0, 10],
      [1, 0],
      [1, 2],
      [1, 7],
      [1, 12],
      [2, 0],
    ]);
    for (const checkpoint of [checkpoints[1]!, checkpoints[4]!, checkpoints[6]!]) {
      const resumed = await run({ checkpoint });
      expect(resumed.outputs).toEqual(whole.outputs);
      expect(resumed.logs[0]).toMatch(/^going on after epoch \d of 2/);
    }
  });

  it('writes its state and stops at the next step when it is asked to, wherever it is', async () => {
    const whole = await train({ epochs: 2 });
    for (const moment of [1, 7, 13, 20]) {
      const pause = new AbortController();
      let steps = 0;
      const checkpoints: Uint8Array[] = [];
      const context = contextOf(
        'train/sgd',
        { ...settings, epochs: 2 },
        {
          inputs: { model, images, validation },
          pause: pause.signal,
          onCheckpoint: (bytes) => checkpoints.push(bytes),
        },
      );
      const running = stageOf('train/sgd').run({
        ...context,
        progress: () => {
          if (++steps === moment) pause.abort();
        },
      });
      await expect(running).rejects.toThrow(PausedError);
      expect(steps).toBe(moment);
      const resumed = await train({ epochs: 2 }, { checkpoint: checkpoints.at(-1)! });
      expect(resumed.model.weights).toEqual(whole.model.weights);
      expect(resumed.history).toEqual(whole.history);
    }
  });

  it('stops between the images of its validation, and measures the epoch again', async () => {
    const whole = await train({ epochs: 1 });
    const pause = new AbortController();
    const checkpoints: Uint8Array[] = [];
    let reads = 0;
    // Two parts at least, the second of which is not read.
    const more = { ...validation, ids: validation.ids.map((id) => id + 100) };
    const rows = rowsInMemory(concatValues([validation, more]));
    const read = (wanted: Int32Array): ReturnType<typeof rows.read> => {
      reads++;
      pause.abort();
      return rows.read(wanted);
    };
    const inputs = { model, images, validation: { ...rows, read } };
    const running = train(
      { epochs: 1 },
      { inputs, pause: pause.signal, onCheckpoint: (bytes) => checkpoints.push(bytes) },
    );
    await expect(running).rejects.toThrow(PausedError);
    expect(reads).toBe(1);
    expect(decodeCheckpoint(checkpoints.at(-1)!, { epochs: 1, model })).toMatchObject({ rows: [], step: 13 });
    const resumed = await train({ epochs: 1 }, { checkpoint: checkpoints.at(-1)! });
    expect(resumed.history).toEqual(whole.history);
  });

  it('says that a network has learned nothing, and what may help', async () => {
    const { warnings, history } = await train({ epochs: 8, learningRate: 1 });
    expect(history.rows.at(-1)!.values['accuracy']).toBeLessThan(0.13);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^the network has learned nothing: in epoch 8 it classified 1\d\.\d % .* lower learningRate \(now 1\)/,
      ),
    ]);
    expect((await train({ epochs: 8 })).warnings).toEqual([]);
    // A network that knows nothing can be right a little more often than the best constant answer.
    const balanced = { ...images, labels: images.labels.map((_, row) => row % 10) };
    const lucky = await train({ epochs: 8, learningRate: 1e-9 }, { inputs: { model, images: balanced } });
    expect(lucky.history.rows.at(-1)!.values['accuracy']).toBe(0.1125);
    expect(lucky.warnings).toEqual([expect.stringContaining('would be right for 10.0 %')]);
    // An adversary may leave nothing right of what the validation images show to be learned.
    const robust = await runStage(
      'train/adversarial',
      { ...settings, epochs: 8, learningRate: 1e-4, method: 'pgd', epsilon: 0.4, steps: 5 },
      { inputs: { model: (await train({ epochs: 8 })).model, images, validation } },
    );
    const { adversarialAccuracy, validationAccuracy } = (robust.outputs['history'] as Metrics).rows.at(
      -1,
    )!.values;
    expect(adversarialAccuracy).toBeLessThan(0.1);
    expect(validationAccuracy).toBeGreaterThan(0.5);
    expect(robust.warnings).toEqual([]);
    // The weights that are kept are those of an epoch before it diverged, or of none that moved.
    const still = await train({ epochs: 8, learningRate: 1e-9 });
    for (const warning of still.warnings) expect(warning).toContain('raise learningRate');
  });

  it('keeps the weights that did best on the validation images, and says of which epoch they are', async () => {
    // On wrong labels a trained model becomes worse from epoch to epoch.
    const wrong = { ...images, labels: images.labels.map((label) => (label + 1) % 10) };
    const inputs = { model: (await train()).model, images: wrong, validation };
    const models: NetworkModel['weights'][] = [];
    for (const epochs of [1, 2, 3]) models.push((await train({ epochs }, { inputs })).model.weights);
    const { model: kept, history, metrics } = await train({ epochs: 3, keep: 'best' }, { inputs });
    const scores = history.rows.map(({ values }) => values['validationAccuracy']!);
    const best = scores.indexOf(Math.max(...scores));
    // Only then is it another model than the last.
    expect(best).toBeLessThan(scores.length - 1);
    expect(history.rows.map(({ values }) => values['kept'])).toEqual(
      scores.map((_, index) => Number(index === best)),
    );
    expect(metrics['bestEpoch']).toBe(best + 1);
    expect(metrics['validationAccuracy']).toBe(scores[best]);
    expect(kept.weights).toEqual(models[best]);
  });

  it('needs validation images to know the best', async () => {
    const failure = await failureOf(train({ keep: 'best' }, { inputs: { model, images } }));
    expect(failure.message).toContain('keep: best');
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
    const [first, second] = checkpoints.map((bytes) => decodeCheckpoint(bytes, { epochs: 2, model })!);
    const row = first!.rows[0]!;
    const wrong = {
      'fewer rows than epochs': { ...first!, state: second!.state },
      'more rows than epochs': { ...first!, rows: second!.rows },
      'a row of another epoch': { ...first!, rows: [{ ...row, axes: { epoch: 2 } }] },
      'a row without numbers': { ...first!, rows: [{ ...row, values: { loss: 'low' } }] },
    };
    for (const [what, checkpoint] of Object.entries(wrong)) {
      const bytes = encodeCheckpoint(checkpoint as TrainingCheckpoint);
      const again = await train({ epochs: 2 }, { checkpoint: bytes });
      expect(again.warnings, what).toEqual([expect.stringContaining('so it starts again')]);
      expect(again.model.weights, what).toEqual(whole.model.weights);
    }
    expect(decodeCheckpoint(checkpoints[1]!, { epochs: 1, model })).toBeNull();
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
