import { beforeAll, describe, expect, it } from 'vitest';
import { inputSettings } from '../../src/metrics/input-settings.ts';
import { networkBuilder } from '../../src/models/builder.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { failureOf, runStage } from './run-stage.ts';

beforeAll(() => openBackend('wasm'));

const side = 2;
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Numbers in [0, 1) from a linear congruence, so that a test has the same ones each time. */
function numbers(count: number): Float32Array {
  let state = 12345;
  return Float32Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  });
}

/** Images whose label is the channel with the largest mean. */
function colours(count: number, channels = 3): Images {
  const size = side * side * channels;
  const pixels = numbers(count * size);
  const labels = Int32Array.from({ length: count }, (_, row) => {
    const sums = Array.from({ length: channels }, (_, channel) =>
      pixels
        .subarray(row * size, (row + 1) * size)
        .reduce((sum, value, at) => sum + (at % channels === channel ? value : 0), 0),
    );
    return sums.indexOf(Math.max(...sums));
  });
  return {
    kind: 'images',
    pixels,
    shape: [count, side, side, channels],
    labels,
    ids: Int32Array.from(labels, (_, id) => id),
    classes: [],
    views: 1,
  };
}

/** A network whose n-th logit is the sum of the pixels of channel n, which it expects at `order[n]` and normalised by `expects`. */
function summing(
  order: readonly number[],
  preprocessing: NetworkModel['preprocessing'],
  expects = preprocessing,
): NetworkModel {
  const build = networkBuilder({ architecture: 'sums', inputShape: [side, side, 3], classes: 3 });
  const weight = new Float32Array(side * side * 3 * 3);
  const bias = new Float32Array(3);
  for (const [output, channel] of order.entries()) {
    for (let place = 0; place < side * side; place++)
      weight[(place * 3 + channel) * 3 + output] = expects.std[output]!;
    bias[output] = side * side * expects.mean[output]!;
  }
  return {
    kind: 'model',
    network: build.build(build.dense('fc', build.flatten('f', 'input'), { units: 3, bias: true })),
    weights: {
      'fc.weight': { shape: [side * side * 3, 3], data: weight },
      'fc.bias': { shape: [3], data: bias },
    },
    preprocessing,
  };
}

async function checked(
  model: NetworkModel,
  images: Images,
): Promise<{ readonly accuracies: Readonly<Record<string, number>>; readonly warnings: readonly string[] }> {
  const { outputs, warnings } = await runStage('evaluate/preprocessing', {}, { inputs: { model, images } });
  const metrics = outputs['metrics'] as Metrics;
  expect(metrics.warnings).toEqual(warnings);
  return {
    warnings,
    accuracies: Object.fromEntries(
      metrics.rows.map(({ axes, values }) => [String(axes['setting']), values['accuracy']!] as const),
    ),
  };
}

describe('evaluate/preprocessing', () => {
  it('says nothing of a network that is set up right, whatever its accuracy', async () => {
    const { accuracies, warnings } = await checked(summing([0, 1, 2], imagenet), colours(300));
    expect(warnings).toEqual([]);
    expect(accuracies['as given']).toBe(1);
    expect(accuracies['channels reversed']).toBeLessThan(0.5);
    // Half of the labels are drawn anew, so that the network is right on two thirds.
    const images = colours(300);
    const labels = images.labels.map((label, row) => (row % 2 === 0 ? (row / 2) % 3 : label));
    expect((await checked(summing([0, 1, 2], imagenet), { ...images, labels })).warnings).toEqual([]);
  });

  it('says nothing of a network that is no better than chance with any setting', async () => {
    const images = colours(300);
    const labels = images.labels.map((_, row) => row % 3);
    expect((await checked(summing([1, 2, 0], imagenet), { ...images, labels })).warnings).toEqual([]);
  });

  it('finds channels in the other order', async () => {
    const { accuracies, warnings } = await checked(summing([2, 1, 0], imagenet), colours(300));
    expect(accuracies['channels reversed']).toBe(1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^the model classifies \d+ of 300 images correctly as it is given, and \d+ with the setting '.*channels reversed' \(p = \de-\d+\)\. Unless these images were changed on purpose, .*set channels: to the other order/,
    );
  });

  it('finds a normalisation that is missing', async () => {
    const model = summing([0, 1, 2], { mean: [0, 0, 0], std: [1, 1, 1] }, imagenet);
    const { accuracies, warnings } = await checked(model, colours(300));
    expect(accuracies['ImageNet']).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(
        /with the setting 'ImageNet' \(p = \de-\d+\)\. Unless these images were changed on purpose, set mean: \[0\.485, 0\.456, 0\.406\] and std: \[0\.229, 0\.224, 0\.225\]\.$/,
      ),
    ]);
  });

  it('takes images that are spread over the data set, and counts those that change', async () => {
    const { outputs } = await runStage(
      'evaluate/preprocessing',
      { images: 50 },
      { inputs: { model: summing([2, 1, 0], imagenet), images: colours(1000) } },
    );
    for (const { values } of (outputs['metrics'] as Metrics).rows) {
      const { n, accuracy, gained, lost } = values;
      expect(n).toBe(50);
      const own = (outputs['metrics'] as Metrics).rows[0]!.values['accuracy']!;
      expect(accuracy! - own).toBeCloseTo((gained! - lost!) / 50, 12);
    }
  });

  it('tries a setting on no more images once it is clearly worse', async () => {
    const { outputs } = await runStage(
      'evaluate/preprocessing',
      {},
      { inputs: { model: summing([0, 1, 2], imagenet), images: colours(300) } },
    );
    const { rows } = outputs['metrics'] as Metrics;
    expect(rows[0]).toMatchObject({ axes: { setting: 'as given' }, values: { n: 300, accuracy: 1 } });
    const reversed = rows.find(({ axes }) => axes['setting'] === 'channels reversed')!;
    expect(reversed.values['n']).toBe(64);
  });

  it('takes no attacked images', async () => {
    const none = Float32Array.of(0);
    const perturbation = { l2: none, linf: none, dissimilarity: none, initial: Int32Array.of(0) };
    const images = { ...colours(1), perturbation };
    const error = await failureOf(
      runStage('evaluate/preprocessing', {}, { inputs: { model: summing([0, 1, 2], imagenet), images } }),
    );
    expect(error.message).toBe('the images were attacked, so another setting may well be better for them');
  });
});

describe('inputSettings', () => {
  it.each([3, 1])('with %d channels makes the network see each setting', (channels) => {
    const own = channels === 3 ? imagenet : { mean: [0.2], std: [0.4] };
    const pixels = numbers(2 * side * side * channels);
    const seenBy = (values: Float32Array, { mean, std }: typeof own): number[] =>
      Array.from(values, (value, at) => (value - mean[at % channels]!) / std[at % channels]!);
    const settings = new Map(
      inputSettings(own, [side, side, channels]).map((setting) => [setting.name, setting.apply(pixels)]),
    );
    const half = { mean: Array(channels).fill(0.5) as number[], std: Array(channels).fill(0.5) as number[] };
    const expectClose = (a: readonly number[], b: readonly number[]): void =>
      a.forEach((value, at) => expect(value).toBeCloseTo(b[at]!, 5));
    expectClose(seenBy(settings.get('as given')!, own), seenBy(pixels, own));
    expectClose(seenBy(settings.get('pixels -1 to 1')!, own), seenBy(pixels, half));
    const turned = seenBy(settings.get('rows and columns exchanged')!, own);
    expectClose(turned.slice(channels, 2 * channels), seenBy(pixels, own).slice(2 * channels, 3 * channels));
    if (channels === 1) {
      expectClose(seenBy(settings.get('black and white exchanged')!, own), seenBy(pixels.map((p) => 1 - p), own)); // prettier-ignore
      return;
    }
    const reversed = (values: readonly number[]): number[] =>
      values.map((_, at) => values[at - (at % 3) + 2 - (at % 3)]!);
    expectClose(seenBy(settings.get('channels reversed')!, own), reversed(seenBy(pixels, own)));
    expectClose(
      seenBy(settings.get('pixels -1 to 1, channels reversed')!, own),
      reversed(seenBy(pixels, half)),
    );
  });

  it('leaves out the setting that the model has already', () => {
    const names = inputSettings(imagenet, [8, 4, 3]).map(({ name }) => name);
    expect(names).not.toContain('ImageNet');
    expect(names).not.toContain('rows and columns exchanged');
    expect(names).toHaveLength(12);
    expect(inputSettings(null, [4, 4, 4]).map(({ name }) => name)).toEqual([
      'as given',
      'rows and columns exchanged',
    ]);
  });
});
