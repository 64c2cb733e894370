import { beforeAll, describe, expect, it } from 'vitest';
import { chooseSource, openAdversary } from '../../src/stages/train/shared/adversary.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import type { Batch } from '../../src/training/batches.ts';
import { readBatch } from '../../src/training/batches.ts';
import { rowRange, rowsInMemory } from '../../src/values/image-rows.ts';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Transform } from '../../src/values/transform.ts';
import { opened } from '../defenses/opened.ts';
import { failureOf, imagesOf, type RunOptions, runStage } from './run-stage.ts';

let model: NetworkModel;
let trained: NetworkModel;
let images: Images;
let validation: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
  images = await imagesOf('dataset/mnist', { split: 'train', limit: 400 });
  validation = await imagesOf('dataset/mnist', { limit: 100 });
  trained = (await train('train/sgd', {})).model;
});

const settings = { epochs: 3, batchSize: 32, learningRate: 0.05 };
async function train(uses: string, given: Record<string, unknown>, options: RunOptions = {}) {
  const run = await runStage(
    uses,
    { ...settings, ...given },
    { ...options, inputs: { model, images, validation, ...options.inputs } },
  );
  return { ...run, model: run.outputs['model'] as NetworkModel, history: run.outputs['history'] as Metrics };
}

const adversary = {
  method: 'pgd',
  norm: 'linf',
  epsilon: 0.1,
  steps: 3,
  stepSize: 0.05,
  randomStart: true,
  cleanShare: 0,
  seed: [3, 4],
  hooks: {},
} as const;

const wholeBatch = (): Promise<Batch> => readBatch(rowsInMemory(validation), rowRange(0, 100), 0, 100);
const place = { epoch: 0, step: 0 };

describe('train/adversarial', () => {
  it.each([
    ['pgd', {}],
    ['fgsm', {}],
    ['trades', { steps: 3 }],
  ])('by %s withstands its adversary better than a plain training', async (method, given) => {
    const options = { method, epsilon: 0.1, epochs: 4, learningRate: 0.02, ...given };
    const {
      model: robust,
      history,
      metrics,
    } = await train('train/adversarial', options, {
      inputs: { model: trained },
    });
    const [plain, adversarial] = [await withstood(trained), await withstood(robust)];
    expect(adversarial).toBeGreaterThan(plain + 0.1);
    const last = history.rows.at(-1)!.values;
    expect(last['validationAccuracy']!).toBeGreaterThan(0.6);
    expect(metrics['validationAdversarialAccuracy']).toBe(last['validationAdversarialAccuracy']);
    // Every image of pgd is adversarial; the others train on clean ones too.
    expect('accuracy' in last).toBe(method !== 'pgd');
    expect(last['adversarialAccuracy']).toBeGreaterThan(plain);
  });

  it('goes on from its checkpoint to the same bits, behind a randomised defense and with an ensemble', async () => {
    const transform = (await runStage('defense/crop', { size: 20 }, { inputs: {} })).outputs['transform'];
    const sources = [{ value: trained, axes: {} }];
    const given = { method: 'ensemble', epsilon: 0.1, epochs: 2, augment: { crop: 2, flip: false } };
    const checkpoints: Uint8Array[] = [];
    const inputs = { transform, sources };
    const whole = await train('train/adversarial', given, {
      inputs,
      onCheckpoint: (bytes) => checkpoints.push(bytes),
    });
    expect(checkpoints).toHaveLength(2);
    const resumed = await train('train/adversarial', given, { inputs, checkpoint: checkpoints[0]! });
    expect(resumed.model.weights).toEqual(whole.model.weights);
    expect(resumed.history).toEqual(whole.history);
  });

  it('of 0 epsilon is a training on the images as they are', async () => {
    const given = { epochs: 1, labelSmoothing: 0.1 };
    const none = await train('train/adversarial', { ...given, method: 'fgsm', epsilon: 0, stepSize: 0.1 });
    const plain = await train('train/sgd', given);
    expect(none.model.weights).toEqual(plain.model.weights);
  });

  it('refuses sources without an ensemble, and an ensemble without sources', async () => {
    const sources = [{ value: trained, axes: {} }];
    const alone = await failureOf(train('train/adversarial', { method: 'ensemble' }));
    expect(alone.message).toBe('an ensemble needs sources: models that were trained before');
    const many = await failureOf(train('train/adversarial', { method: 'pgd' }, { inputs: { sources } }));
    expect(many.message).toBe("'sources' are for method: ensemble, and this is pgd");
  });
});

describe('the adversary of a training', () => {
  it('stays in the ball and in [0, 1], and leaves the clean share as it is', async () => {
    const open = await openAdversary(trained, [], { ...adversary, cleanShare: 0.25 });
    const batch = await wholeBatch();
    const result = await open.adversary(batch, place, () => Promise.resolve(trained.weights));
    open.dispose();
    expect(result.adversarial!.reduce((sum, value) => sum + value, 0)).toBe(75);
    result.pixels.forEach((value, at) => {
      const moved = Math.abs(value - batch.pixels[at]!);
      expect(value >= 0 && value <= 1 && moved <= (at < 25 * 784 ? 0 : 0.1 + 1e-6)).toBe(true);
    });
    expect(await accuracyOf(trained, result.pixels)).toBeLessThan(await accuracyOf(trained, batch.pixels));
  });

  it('of one step is attack/fgsm, at the weights that it is given', async () => {
    const open = await openAdversary(model, [], {
      ...adversary,
      method: 'fgsm',
      steps: 1,
      stepSize: 0.1,
      randomStart: false,
    });
    const result = await open.adversary(await wholeBatch(), place, () => Promise.resolve(trained.weights));
    open.dispose();
    const attack = await runStage(
      'attack/fgsm',
      { epsilon: 0.1 },
      { inputs: { model: trained, images: validation } },
    );
    expect(result.pixels).toEqual((attack.outputs['images'] as Images).pixels);
  });

  it('of TRADES raises the divergence, without labels', async () => {
    const options = { ...adversary, method: 'trades', steps: 5 } as const;
    const batch = await wholeBatch();
    const other = { ...batch, labels: batch.labels.map((label) => (label + 1) % 10) };
    const open = await openAdversary(trained, [], options);
    const weights = (): Promise<NetworkModel['weights']> => Promise.resolve(trained.weights);
    const { counterparts, pixels } = await open.adversary(batch, place, weights);
    const again = await open.adversary(other, place, weights);
    open.dispose();
    expect(pixels).toBe(batch.pixels);
    expect(again.counterparts).toEqual(counterparts);
    expect(await accuracyOf(trained, counterparts!)).toBeLessThan(await accuracyOf(trained, pixels));
    counterparts!.forEach((value, at) => {
      expect(value >= 0 && value <= 1 && Math.abs(value - pixels[at]!) <= 0.1 + 1e-6).toBe(true);
    });
  });

  it('draws afresh at each place, and the same at the same one', async () => {
    const open = await openAdversary(trained, [], adversary);
    const at = async (epoch: number, step: number): Promise<Float32Array> => {
      const { pixels } = await open.adversary(await wholeBatch(), { epoch, step }, () =>
        Promise.resolve(trained.weights),
      );
      return pixels;
    };
    const first = await at(0, 0);
    expect(await at(0, 0)).toEqual(first);
    expect(await at(0, 1)).not.toEqual(first);
    expect(await at(1, 0)).not.toEqual(first);
    open.dispose();
  });

  it('of an ensemble chooses each source as often as the model itself', () => {
    const counts = new Map<string, number>();
    const [draws, names] = [10_000, ['a', 'b', 'c']];
    for (let step = 0; step < draws; step++) {
      const chosen = chooseSource(
        'own',
        names,
        { method: 'ensemble', seed: [5, 6] },
        { epoch: step % 7, step },
      );
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    const expected = draws / 4;
    const chiSquare = ['own', ...names].reduce(
      (sum, name) => sum + ((counts.get(name) ?? 0) - expected) ** 2 / expected,
      0,
    );
    // The 99.9th percentile at three degrees of freedom.
    expect(chiSquare).toBeLessThan(16.27);
    expect(chooseSource('own', names, { method: 'pgd', seed: [5, 6] }, place)).toBe('own');
  });

  it('goes through a defense, whose draws belong to the place', async () => {
    await openBackend('wasm');
    const { outputs } = await runStage('defense/crop', { size: 20 }, { inputs: {} });
    const transform = await opened(outputs['transform'] as Transform);
    const open = await openAdversary(trained, [], { ...adversary, randomStart: false, transform });
    const at = async (step: number) =>
      open.adversary(await wholeBatch(), { epoch: 0, step }, () => Promise.resolve(trained.weights));
    const [first, again, other] = [await at(0), await at(0), await at(1)];
    open.dispose();
    expect(again.pixels).toEqual(first.pixels);
    expect(other.pixels).not.toEqual(first.pixels);
  });
});

/** Accuracy on the validation images after projected gradient descent on this model. */
async function withstood(of: NetworkModel): Promise<number> {
  const open = await openAdversary(of, [], { ...adversary, steps: 6 });
  const { pixels } = await open.adversary(await wholeBatch(), place, () => Promise.resolve(of.weights));
  open.dispose();
  return accuracyOf(of, pixels);
}

async function accuracyOf(of: NetworkModel, pixels: Float32Array): Promise<number> {
  const run = await runStage(
    'predict/classify',
    {},
    { inputs: { model: of, images: { ...validation, pixels } } },
  );
  const scored = await runStage(
    'evaluate/robustness',
    {},
    { inputs: { predictions: run.outputs['predictions'], originals: validation } },
  );
  return (scored.outputs['metrics'] as Metrics).rows[0]!.values['accuracy']!;
}
