import { beforeAll, describe, expect, it } from 'vitest';
import { stages } from '../../src/stages/index.ts';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { sliceValue } from '../../src/values/slices.ts';
import type { Transform } from '../../src/values/transform.ts';
import { imagesOf, parametersOf, runStage, stageOf } from './run-stage.ts';

let model: NetworkModel;
let digits: Images;
let crop: Transform;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
  const read = await imagesOf('dataset/mnist', { limit: 3 });
  const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images: read } });
  const { probabilities } = outputs['predictions'] as Predictions;
  const labels = read.labels.map((_, row) => {
    const own = probabilities.subarray(row * 10, (row + 1) * 10);
    return own.indexOf(Math.max(...own));
  });
  digits = { ...read, labels };
  const recipe = await runStage('defense/crop', { crops: 4, size: 22 });
  crop = recipe.outputs['transform'] as Transform;
});

/** Every attack there is but the one that makes no queries of its own. */
const attacks = [...stages.keys()].filter((uses) => uses.startsWith('attack/') && uses !== 'attack/none');

describe.each(attacks)('%s', (uses) => {
  it.each([1, 2, 5, 40])(
    'makes at most %i passes of an image, alone and through a randomised defense',
    async (queries) => {
      const given = { ...stageOf(uses).example, queries };
      for (const through of uses === 'attack/adaptive' ? [crop] : [undefined, crop]) {
        const inputs = { model, images: sliceValue(digits, 1, 1), ...(through && { through }) };
        const { metrics, outputs } = await runStage(
          uses,
          { ...given, ...(through && { eot: 2 }) },
          { inputs },
        );
        const { forwardPasses, backwardPasses } = metrics;
        expect(forwardPasses! + backwardPasses!).toBeGreaterThan(0);
        expect(forwardPasses! + backwardPasses!).toBeLessThanOrEqual(queries);
        const { pixels } = outputs['images'] as Images;
        expect(pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
      }
    },
  );
});

it('counts the images that have spent their queries', async () => {
  const run = (queries: number) =>
    runStage('attack/pgd', { epsilon: 0.1, steps: 5, queries }, { inputs: { model, images: digits } });
  const poor = await run(7);
  expect(poor.metrics).toMatchObject({ forwardPasses: 12, backwardPasses: 9, spentImages: 3 });
  expect(poor.logs).toContain('3 of 3 images have spent their queries and end with the best found so far');
  expect(poor.warnings).toEqual([]);
  const nothing = await runStage(
    'attack/spsa',
    { epsilon: 0.3, samples: 128, queries: 250 },
    { inputs: { model, images: digits } },
  );
  expect(nothing.warnings).toEqual([
    expect.stringContaining('the queries were spent before the attack had moved any of 3 images'),
  ]);
  expect((await run(11)).metrics).toMatchObject({ forwardPasses: 18, backwardPasses: 15, spentImages: 0 });
});

it('refuses a budget beside a target dissimilarity, except for Square, which has one at each strength', () => {
  const problemsOf = (uses: string, given: Record<string, unknown>): readonly string[] => {
    const stage = stageOf(uses);
    return (stage.check?.(parametersOf(stage, given)) ?? []).map(({ message }) => message);
  };
  const given = { dissimilarity: 0.1, queries: 50 };
  expect(problemsOf('attack/square', given)).toEqual([]);
  expect(problemsOf('attack/pgd', given)).toEqual([
    "'queries' limits an attack at its own strength, but 'dissimilarity' runs it at several",
  ]);
});
