import { beforeAll, describe, expect, it } from 'vitest';
import { perturbationNorms, pixelSpace, referenceNorms } from '../../src/attacks/dissimilarity.ts';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Transform } from '../../src/values/transform.ts';
import { sliceValue, toFloats } from '../../src/values/slices.ts';
import { failureOf, imagesOf, runStage } from './run-stage.ts';
import { sharedData } from './shared-data.ts';

async function recipe(uses: string, given: Record<string, unknown>): Promise<Transform> {
  return (await runStage(uses, given)).outputs['transform'] as Transform;
}
const modelOf = async (uses: string, given: Record<string, unknown>, seed?: readonly [number, number]) =>
  (await runStage(uses, given, seed ? { seed } : {})).outputs['model'] as NetworkModel;
const collected = (models: readonly NetworkModel[]) => models.map((value) => ({ axes: {}, value }));

async function attack(
  uses: string,
  given: Record<string, unknown>,
  inputs: Record<string, unknown>,
): Promise<Images> {
  return (await runStage(uses, given, { inputs })).outputs['images'] as Images;
}

describe('attacks through a defense', () => {
  let model: NetworkModel;
  let digits: Images;
  beforeAll(async () => {
    model = await modelOf('model/cnn', { filters: [4, 8], dense: [16] });
    digits = await imagesOf('dataset/mnist', { limit: 12 });
  });

  it('draw by image: shards of a randomised defense give the same bytes as the whole', async () => {
    const through = await recipe('defense/crop', { crops: 4, size: 24 });
    const given = { epsilon: 0.1, steps: 3, eot: 2 };
    const whole = await attack('attack/i-fgsm', given, { model, images: digits, through });
    for (const [first, count] of [
      [0, 5],
      [5, 7],
    ] as const) {
      const shard = await attack('attack/i-fgsm', given, {
        model,
        images: sliceValue(digits, first, count),
        through,
      });
      expect(shard.pixels).toEqual(sliceValue(whole, first, count).pixels);
    }
    const again = await attack('attack/i-fgsm', given, { model, images: digits, through });
    expect(again.pixels).toEqual(whole.pixels);
    const other = { ...through, seed: [9, 9] as const };
    const elsewhere = await attack('attack/i-fgsm', given, { model, images: digits, through: other });
    expect(elsewhere.pixels).not.toEqual(whole.pixels);
  });

  it('differ from the gray box where the defense changes the gradient, and not for the identity', async () => {
    const plain = await attack('attack/fgsm', { epsilon: 0.1 }, { model, images: digits });
    const through = async (transform: Transform) =>
      (await attack('attack/fgsm', { epsilon: 0.1 }, { model, images: digits, through: transform })).pixels;
    expect(await through({ kind: 'transform', steps: [] })).toEqual(plain.pixels);
    expect(await through(await recipe('defense/bit-depth', { bits: 1 }))).not.toEqual(plain.pixels);
  });

  it('refuse images that the defense cannot take', async () => {
    const through = await recipe('defense/crop', { size: 90 });
    const failure = await failureOf(
      runStage('attack/fgsm', { epsilon: 0.1 }, { inputs: { model, images: digits, through } }),
    );
    expect(failure.message).toContain('a crop of 90 pixels does not fit into 28×28 images');
  });

  it('take several models in the place of one, and refuse models that do not fit together', async () => {
    const second = await modelOf('model/cnn', { filters: [4, 8], dense: [16] }, [7, 7]);
    const given = { epsilon: 0.1, steps: 2 };
    const single = await attack('attack/i-fgsm', given, { model, images: digits });
    const listed = await attack('attack/i-fgsm', given, { models: collected([model]), images: digits });
    expect(listed.pixels).toEqual(single.pixels);
    const both = await attack('attack/i-fgsm', given, {
      models: collected([model, second]),
      images: digits,
    });
    expect(both.pixels).not.toEqual(single.pixels);
    const wide = await modelOf('model/cnn', { filters: [4], dense: [], classes: 11 });
    const failure = await failureOf(
      runStage(
        'attack/fgsm',
        { epsilon: 0.1 },
        { inputs: { models: collected([model, wide]), images: digits } },
      ),
    );
    expect(failure.message).toBe('all models of an ensemble must have the same classes; found 10 and 11');
    const empty = await failureOf(
      runStage('attack/fgsm', { epsilon: 0.1 }, { inputs: { models: [], images: digits } }),
    );
    expect(empty.message).toBe("'models' is an empty list");
  });

  it('attack/adaptive stays in the ball of each image and in [0, 1], and lowers the confidence in the true class', async () => {
    const through = await recipe('defense/bit-depth', { bits: 2 });
    const given = { dissimilarity: 0.1, steps: 15, learningRate: 0.2 };
    const { pixels } = await attack('attack/adaptive', given, { model, images: digits, through });
    const input = { ...digits, pixels: toFloats(digits.pixels) };
    const norms = perturbationNorms(input, pixels as Float32Array, pixelSpace);
    const bounds = referenceNorms(input, pixelSpace).map((norm) => norm * 0.1);
    norms.forEach((norm, row) => expect(norm).toBeLessThanOrEqual(bounds[row]! * (1 + 1e-6)));
    expect(Math.max(...norms.map((norm, row) => norm / bounds[row]!))).toBeGreaterThan(0.9);
    expect(pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
    const confidence = async (images: Images): Promise<number> => {
      const { outputs } = await runStage(
        'predict/classify',
        {},
        { inputs: { model, images, transform: through } },
      );
      const { probabilities, labels } = outputs['predictions'] as {
        probabilities: Float32Array;
        labels: Int32Array;
      } & (typeof outputs)['predictions'];
      return labels.reduce((sum, label, row) => sum + probabilities[row * 10 + label]!, 0) / 12;
    };
    expect(await confidence({ ...digits, pixels })).toBeLessThan((await confidence(digits)) - 0.01);
  });
});

const weights = sharedData('models/cifar10-resnet20.safetensors');
const cifar = sharedData('cifar10-jpeg75/cifar-10-batches-bin');

/** The break of Athalye et al. 2018 on ResNet-20 and real images, which went through JPEG 75 once before they came here. */
describe.skipIf(weights === null || cifar === null)('bit depth and JPEG on ResNet-20 and CIFAR-10', () => {
  const bim = { epsilon: 8 / 255, stepSize: 2 / 255, steps: 10 };
  let model: NetworkModel;
  let photos: Images;
  beforeAll(async () => {
    model = await modelOf('model/cifar-resnet20', { weights });
    photos = await imagesOf('dataset/cifar10', { path: cifar, limit: 40 });
  });

  async function accuracy(images: Images, transform: Transform): Promise<number> {
    const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images, transform } });
    const inputs = { predictions: outputs['predictions'] };
    const scores = (await runStage('evaluate/robustness', {}, { inputs })).outputs['metrics'] as Metrics;
    return scores.rows[0]!.values['accuracy']!;
  }

  it('look robust to the gray box and are not: BPDA takes both to 2 % at most', async () => {
    const grayBox = await attack('attack/i-fgsm', bim, { model, images: photos });
    const [bits, jpeg] = [
      await recipe('defense/bit-depth', { bits: 3 }),
      await recipe('defense/jpeg', { quality: 75 }),
    ];
    const adaptive = async (through: Transform, backward = 'differentiable') =>
      accuracy(
        await attack('attack/i-fgsm', { ...bim, backward }, { model, images: photos, through }),
        through,
      );
    expect(await adaptive(bits)).toBeLessThanOrEqual(0.02);
    expect(await accuracy(grayBox, jpeg)).toBeGreaterThanOrEqual(0.2);
    // The identity, which knows nothing of quantisation, leaves more than JPEG's own derivative.
    expect(await adaptive(jpeg, 'identity')).toBeGreaterThan(0.02);
    expect(await adaptive(jpeg)).toBeLessThanOrEqual(0.02);
  });
});
