import { beforeAll, describe, expect, it } from 'vitest';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { sliceValue } from '../../src/values/slices.ts';
import { failureOf, imagesOf, parametersOf, runStage, stageOf } from './run-stage.ts';

let model: NetworkModel;
/** Digits with the labels that the (untrained) network gives them, so that every attack has work to do. */
let digits: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
  const read = await imagesOf('dataset/mnist', { limit: 12 });
  digits = { ...read, labels: await predicted(read) };
});

async function predicted(images: Images): Promise<Int32Array> {
  const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images } });
  const { probabilities } = outputs['predictions'] as Predictions;
  return Int32Array.from(images.ids, (_, row) => {
    const own = probabilities.subarray(row * 10, (row + 1) * 10);
    return own.indexOf(Math.max(...own));
  });
}

function attack(uses: string, given: Record<string, unknown>, images = digits) {
  return runStage(uses, given, { inputs: { model, images } });
}

const options: readonly (readonly [string, Record<string, unknown>])[] = [
  ['attack/none', {}],
  ['attack/noise', { epsilon: 0.1 }],
  ['attack/fgsm', { epsilon: 0.1, randomStart: 0.05, loss: 'margin' }],
  ['attack/fgsm', { epsilon: 0.1, targeted: 'least-likely', like: 'torchattacks' }],
  ['attack/i-fgsm', { epsilon: 0.1, steps: 3, targeted: 'random', like: 'foolbox' }],
  ['attack/pgd', { epsilon: 0.1, steps: 3, restarts: 2, loss: 'dlr' }],
  ['attack/pgd', { epsilon: 1, norm: 'l2', steps: 3, like: 'foolbox' }],
  ['attack/apgd', { epsilon: 0.05, steps: 6, restarts: 2, loss: 'dlr' }],
  ['attack/apgd', { epsilon: 0.5, norm: 'l2', steps: 5, loss: 'targeted-dlr', targets: 3 }],
  ['attack/square', { epsilon: 0.05, queries: 12, restarts: 2 }],
  ['attack/square', { epsilon: 0.5, norm: 'l2', queries: 10 }],
  ['attack/spsa', { epsilon: 0.05, samples: 4, steps: 3 }],
  ['attack/hop-skip-jump', { steps: 2, firstSamples: 8 }],
  [
    'attack/transfer',
    { epsilon: 0.05, steps: 3, nesterov: true, diversity: 0.5, kernel: 3, neighbours: 2, targeted: 'random' },
  ],
  ['attack/pgd', { epsilon: 0.1, steps: 5, queries: 7 }],
  ['attack/auto-attack', { epsilon: 0.02, steps: 4, squareQueries: 8, targets: 2, queries: 25 }],
  ['attack/fab', { steps: 4, restarts: 2 }],
  ['attack/fab', { steps: 3, norm: 'l1', targeted: true, targets: 2 }],
  ['attack/auto-attack', { epsilon: 0.02, steps: 4, squareQueries: 8, targets: 2 }],
  ['attack/ddn', { steps: 8, levels: 256 }],
  ['attack/fmn', { steps: 8, norm: 'linf' }],
  ['attack/deepfool', {}],
  ['attack/deepfool', { dissimilarity: 0.1, per: 'image', like: 'foolbox' }],
  ['attack/cw-l2', { steps: 5, learningRate: 0.01, like: 'foolbox' }],
  ['attack/cw-l2', { steps: 4, searchSteps: 2, scale: 2, stopEarly: true, targeted: 3 }],
];

describe('attack stages', () => {
  it.each(options)('%s with %o gives the same bytes in shards of 5 as at once', async (uses, given) => {
    const whole = (await attack(uses, given)).outputs['images'] as Images;
    for (const value of whole.pixels) expect(value >= 0 && value <= 1).toBe(true);
    for (let first = 0; first < 12; first += 5) {
      const count = Math.min(5, 12 - first);
      const { outputs } = await attack(uses, given, sliceValue(digits, first, count));
      const part = outputs['images'] as Images;
      const expected = sliceValue(whole, first, count);
      expect(part.pixels).toEqual(expected.pixels);
      expect(part.perturbation).toEqual(expected.perturbation);
    }
  });

  it('attack/deepfool warns if it runs out of steps before the classes change, and not at a target', async () => {
    const warningsOf = async (given: Record<string, unknown>): Promise<readonly string[]> =>
      (await attack('attack/deepfool', given)).warnings;
    expect(await warningsOf({ steps: 2, stepScale: 0.01 })).toEqual([
      'the attack took all of its steps, and 12 of 12 images have the same class as before, so the accuracy says little about robustness. Give more steps.',
    ]);
    expect(await warningsOf({ steps: 2, dissimilarity: 0.001, per: 'image' })).toEqual([]);
    expect(await warningsOf({ steps: 50 })).toEqual([]);
  });

  it('attack/none hands on the originals with the classes that the model gives them', async () => {
    const { outputs } = await attack('attack/none', {});
    const images = outputs['images'] as Images;
    expect(images.pixels).toEqual(Float32Array.from(digits.pixels, (byte) => byte / 255));
    expect(images.perturbation!.initial).toEqual(digits.labels);
    expect([...images.perturbation!.l2]).toEqual(Array.from({ length: 12 }, () => 0));
  });

  it.each(['attack/deepfool', 'attack/cw-l2', 'attack/pgd', 'attack/noise'])(
    '%s reaches a mean dissimilarity within 1 %% and reports it',
    async (uses) => {
      const { outputs, metrics } = await attack(uses, { dissimilarity: 0.3 });
      const { dissimilarity } = (outputs['images'] as Images).perturbation!;
      const mean = dissimilarity.reduce((sum, value) => sum + value, 0) / 12;
      expect(Math.abs(mean - 0.3)).toBeLessThanOrEqual(0.003);
      expect(metrics).toMatchObject({ targetDissimilarity: 0.3 });
      expect(metrics['achievedDissimilarity']).toBeCloseTo(mean, 6);
    },
  );

  it('like fb measures the target in the normalized space', async () => {
    const fb = await attack('attack/fgsm', { dissimilarity: 0.1, like: 'fb' });
    const normalized = await attack('attack/fgsm', { dissimilarity: 0.1, space: 'normalized' });
    expect(fb.metrics['achievedDissimilarity']).toBeCloseTo(0.1, 4);
    expect(fb.metrics['epsilon']).toBeCloseTo(normalized.metrics['epsilon']!, 3);
  });

  it('have a natural strength where the attack has one, and ask for one where it has none', () => {
    const problems = (uses: string): number => stageOf(uses).check!(parametersOf(stageOf(uses), {})).length;
    const uses = ['attack/deepfool', 'attack/cw-l2', 'attack/fgsm', 'attack/pgd', 'attack/noise'];
    expect(uses.map(problems)).toEqual([0, 0, 1, 1, 1]);
  });

  it('say how many images were misclassified before', async () => {
    const labels = digits.labels.map((label, row) => (row < 4 ? (label + 1) % 10 : label));
    for (const uses of ['attack/deepfool', 'attack/cw-l2']) {
      const { logs } = await attack(uses, { steps: 2 }, { ...digits, labels });
      expect(logs.join()).toContain(
        '4 of 12 images reach the goal of the attack from the start and are left unchanged',
      );
    }
  });

  it('refuse a target class that the model does not have', async () => {
    const failure = await failureOf(attack('attack/cw-l2', { targeted: 10 }));
    expect(failure.message).toBe('target class 10 does not exist: the model has 10 classes');
    expect(failure.fix).toBe('set targeted to a class from 0 to 9');
  });
});
