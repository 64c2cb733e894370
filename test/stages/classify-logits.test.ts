import { beforeAll, expect, it } from 'vitest';
import { networkBuilder } from '../../src/models/builder.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { failureOf, runStage } from './run-stage.ts';

beforeAll(() => openBackend('wasm'));

it('classes that are not those of the model are warned of, for labels are numbers of outputs', async () => {
  const build = networkBuilder({ architecture: 'x', inputShape: [1, 1, 1], classes: 3 });
  const model: NetworkModel = {
    kind: 'model',
    network: build.build(build.dense('fc', build.flatten('f', 'input'), { units: 3, bias: false })),
    weights: { 'fc.weight': { shape: [1, 3], data: Float32Array.of(1, 2, 3) } },
    preprocessing: { mean: [0], std: [1] },
  };
  const warningsOf = async (classes: readonly string[]): Promise<readonly string[]> =>
    (
      await runStage(
        'predict/classify',
        {},
        {
          inputs: {
            model,
            images: {
              kind: 'images',
              pixels: Float32Array.of(0, 1),
              shape: [2, 1, 1, 1],
              labels: Int32Array.of(0, 1),
              ids: Int32Array.of(7, 8),
              classes,
              views: 1,
            },
          },
        },
      )
    ).warnings;
  expect(await warningsOf([])).toEqual([]);
  expect(await warningsOf(['cat', 'dog', 'owl'])).toEqual([]);
  expect(await warningsOf(['cat', 'dog'])).toEqual([
    "the dataset has 2 classes and the model 3, so an image of 'cat' counts as right if the model says class 0. Unless that is meant, give the dataset all classes of the model in their order (classes: FILE).",
  ]);
});

it('logits that overflow are an error of the model, with advice for a network and none for plugins', async () => {
  const build = networkBuilder({ architecture: 'x', inputShape: [1, 1, 1], classes: 2 });
  const model: NetworkModel = {
    kind: 'model',
    network: build.build(build.dense('fc', build.flatten('f', 'input'), { units: 2, bias: false })),
    weights: { 'fc.weight': { shape: [1, 2], data: Float32Array.of(3e38, 1) } },
    preprocessing: { mean: [0], std: [0.1] },
  };
  const images: Images = {
    kind: 'images',
    pixels: Float32Array.of(0, 1),
    shape: [2, 1, 1, 1],
    labels: Int32Array.of(0, 1),
    ids: Int32Array.of(7, 8),
    classes: ['a', 'b'],
    views: 1,
  };
  const error = await failureOf(runStage('predict/classify', {}, { inputs: { model, images } }));
  expect(error.message).toBe('the model gives logits that are not finite numbers: Infinity for image 8');
  expect(error).toMatchObject({
    code: 'bad-data',
    fix: 'check that its weights, mean and std belong together, and look for images that it was not made for',
  });
});
