import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWeights } from '../../src/models/weights/write.ts';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { sliceValue, toFloats } from '../../src/values/slices.ts';
import type { Transform } from '../../src/values/transform.ts';
import { failureOf, imagesOf, parametersOf, runStage, stageOf } from './run-stage.ts';

let model: NetworkModel;
let digits: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
  digits = await imagesOf('dataset/mnist', { limit: 24 });
});

async function attack(uses: string, given: Record<string, unknown>, images = digits): Promise<Images> {
  return (await runStage(uses, given, { inputs: { model, images } })).outputs['images'] as Images;
}
async function classify(images: Images): Promise<Predictions> {
  return (await runStage('predict/classify', {}, { inputs: { model, images } })).outputs[
    'predictions'
  ] as Predictions;
}
async function score(inputs: Record<string, unknown>): Promise<Metrics['rows'][number]['values']> {
  return ((await runStage('evaluate/robustness', {}, { inputs })).outputs['metrics'] as Metrics).rows[0]!
    .values;
}

describe('model/cnn', () => {
  it('draws the same weights from the same seed, others from another', async () => {
    const of = async (seed: readonly [number, number]) =>
      ((await runStage('model/cnn', {}, { seed })).outputs['model'] as NetworkModel).weights['conv1.weight']!
        .data;
    expect(await of([1, 2])).toEqual(await of([1, 2]));
    expect(await of([1, 2])).not.toEqual(await of([1, 3]));
  });

  it('takes weights from a file that fits exactly, and says what does not fit', async () => {
    const root = await mkdtemp(join(tmpdir(), 'ravelin-model-'));
    await writeFile(join(root, 'w.safetensors'), encodeWeights('cnn', model.weights));
    const given = { filters: [4, 8], dense: [16], weights: 'w.safetensors' };
    const read = (await runStage('model/cnn', given, { root, seed: [9, 9] })).outputs[
      'model'
    ] as NetworkModel;
    expect(read.weights).toEqual(model.weights);
    const failure = await failureOf(runStage('model/cnn', { ...given, dense: [17] }, { root }));
    expect(failure).toMatchObject({ code: 'bad-data', file: join(root, 'w.safetensors') });
    expect(failure.message).toContain('fc1.weight is [392, 16] instead of [392, 17]');
    await rm(root, { recursive: true });
  });

  it('checks what the schema cannot say', () => {
    const stage = stageOf('model/cnn');
    const problems = (given: Record<string, unknown>) =>
      stage.check!(parametersOf(stage, given)).map(({ path }) => path.join('.'));
    expect(problems({})).toEqual([]);
    expect(problems({ kernel: 4 })).toEqual(['kernel']);
    expect(problems({ channels: 3, mean: [0.1, 0.2] })).toEqual(['mean']);
    expect(problems({ filters: [1, 1, 1, 1, 1] })).toEqual(['filters']);
  });
});

describe('attack stages', () => {
  it.each(['attack/fgsm', 'attack/i-fgsm'])('%s needs exactly one strength', (uses) => {
    const stage = stageOf(uses);
    const problems = (given: Record<string, unknown>) => stage.check!(parametersOf(stage, given)).length;
    expect(problems({})).toBe(1);
    expect(problems({ epsilon: 0.1 })).toBe(0);
    expect(problems({ dissimilarity: 0.1 })).toBe(0);
    expect(problems({ epsilon: 0.1, dissimilarity: 0.1 })).toBe(1);
    for (const given of [{ dissimilarity: 0.1 }, { dissimilarity: 0.1, per: 'image' }, { epsilon: 0.1 }])
      expect(stage.shard(parametersOf(stage, given))).toBe('images');
  });

  it.each([
    ['attack/fgsm', { epsilon: 0.1 }],
    ['attack/i-fgsm', { stepSize: 0.02, steps: 5 }],
    ['attack/i-fgsm', { epsilon: 0.1, steps: 4 }],
    ['attack/fgsm', { dissimilarity: 0.2, per: 'image' }],
    ['attack/i-fgsm', { dissimilarity: 0.2, per: 'image', steps: 3 }],
  ])('%s with %o gives the same bytes in shards of 5 as at once', async (uses, given) => {
    const whole = await attack(uses, given);
    for (let first = 0; first < 24; first += 5) {
      const count = Math.min(5, 24 - first);
      const part = await attack(uses, given, sliceValue(digits, first, count));
      const expected = sliceValue(whole, first, count);
      expect(part.pixels).toEqual(expected.pixels);
      expect(part.perturbation).toEqual(expected.perturbation);
    }
  });

  it.each(['attack/fgsm', 'attack/i-fgsm'])(
    '%s reaches the mean dissimilarity within 1 %% and reports it',
    async (uses) => {
      const { outputs, metrics, logs } = await runStage(
        uses,
        { dissimilarity: 0.3 },
        { inputs: { model, images: digits } },
      );
      const { dissimilarity } = (outputs['images'] as Images).perturbation!;
      const mean = dissimilarity.reduce((sum, value) => sum + value, 0) / 24;
      expect(Math.abs(mean - 0.3)).toBeLessThanOrEqual(0.003);
      expect(metrics['targetDissimilarity']).toBe(0.3);
      expect(metrics['achievedDissimilarity']).toBeCloseTo(mean, 6);
      expect(logs[0]).toContain('target 0.3, achieved 0.');
    },
  );

  it('at strength 0 leaves the pixels as they are and no prediction altered', async () => {
    for (const given of [{ epsilon: 0 }, { dissimilarity: 0 }]) {
      const images = await attack('attack/fgsm', given);
      expect(images.pixels).toEqual(Float32Array.from(digits.pixels, (byte) => byte / 255));
      const values = await score({ predictions: await classify(images), originals: digits });
      expect(values).toMatchObject({ n: 24, successRate: 0, dissimilarity: 0, l2: 0, linf: 0 });
    }
  });

  it('raise the loss: FGSM makes the true class less likely on most images', async () => {
    const before = await classify(digits);
    const after = await classify(await attack('attack/fgsm', { epsilon: 0.05 }));
    const worse = [...digits.labels].filter(
      (label, row) => after.probabilities[row * 10 + label]! < before.probabilities[row * 10 + label]!,
    );
    expect(worse.length).toBeGreaterThanOrEqual(22);
  });

  it('say the largest reachable dissimilarity where the target is too large', async () => {
    const failure = await failureOf(attack('attack/fgsm', { dissimilarity: 50 }));
    expect(failure.code).toBe('stage');
    expect(failure.message).toMatch(
      /^a dissimilarity of 50 is out of reach: the mean over the images reaches at most \d/,
    );
  });

  it('refuse black images where a dissimilarity is asked for, images of another size, unknown labels and views', async () => {
    const black: Images = { ...digits, pixels: new Uint8Array(digits.pixels.length) };
    expect((await failureOf(attack('attack/fgsm', { dissimilarity: 0.1 }, black))).message).toContain(
      'the image with id 0 is entirely black',
    );
    const flat: Images = { ...digits, shape: [24, 14, 56, 1] };
    expect((await failureOf(attack('attack/fgsm', { epsilon: 0.1 }, flat))).message).toContain(
      'the images are 14×56×1',
    );
    const odd: Images = { ...digits, labels: new Int32Array(24).fill(10) };
    expect((await failureOf(attack('attack/fgsm', { epsilon: 0.1 }, odd))).message).toContain('has label 10');
    const views: Images = { ...digits, views: 2 };
    expect((await failureOf(attack('attack/fgsm', { epsilon: 0.1 }, views))).message).toContain('2 views');
  });
});

describe('defense stages', () => {
  it.each([
    ['defense/none', {}, []],
    ['defense/bit-depth', { bits: 2 }, [{ name: 'bit-depth', params: { bits: 2, compat: 'paper' } }]],
    ['defense/jpeg', {}, [{ name: 'jpeg', params: { quality: 75, chroma: '4:2:0' } }]],
    ['defense/crop', { crops: 3, size: 20 }, [{ name: 'crop', params: { crops: 3, size: 20 } }]],
  ])(
    '%s hands on labels, ids and perturbation, and its recipe classifies alike',
    async (uses, given, steps) => {
      const images = await attack('attack/fgsm', { epsilon: 0.1 });
      const { outputs } = await runStage(uses, given, { inputs: { images } });
      const defended = outputs['images'] as Images;
      expect(defended.shape).toEqual([images.shape[0] * defended.views, ...images.shape.slice(1)]);
      expect(defended.perturbation).toEqual(images.perturbation);
      expect(defended.ids).toEqual(images.ids);
      expect(outputs['transform']).toMatchObject({ kind: 'transform', steps });
      const inputs = { model, images, transform: outputs['transform'] };
      const through = (await runStage('predict/classify', {}, { inputs })).outputs[
        'predictions'
      ] as Predictions;
      expect(through).toEqual(await classify(defended));
    },
  );

  it.each(['defense/none', 'defense/bit-depth', 'defense/jpeg', 'defense/crop'])(
    '%s without images gives its recipe alone, the same as with images',
    async (uses) => {
      const given = uses === 'defense/crop' ? { size: 20 } : {};
      const { outputs } = await runStage(uses, given, { inputs: {} });
      expect(Object.keys(outputs)).toEqual(['transform']);
      const with_ = await runStage(uses, given, { inputs: { images: digits } });
      expect(with_.outputs['transform']).toEqual(outputs['transform']);
    },
  );

  it('keep the seed in the recipe of a randomised defense only, and the version in each', async () => {
    const recipe = async (uses: string): Promise<Transform> =>
      (await runStage(uses, {}, { inputs: {}, seed: [8, 9] })).outputs['transform'] as Transform;
    expect(await recipe('defense/crop')).toMatchObject({ seed: [8, 9], steps: [{ version: 1 }] });
    expect(await recipe('defense/bit-depth')).not.toHaveProperty('seed');
    // The arithmetic is ours, so no version of a library decides the images.
    const [step] = (await recipe('defense/jpeg')).steps;
    expect(step).toEqual({ name: 'jpeg', version: 2, params: { quality: 75, chroma: '4:2:0' } });
  });

  it('refuse what they cannot take, by image and with a fix', async () => {
    const failure = (uses: string, given: object, images: Images) =>
      failureOf(runStage(uses, { ...given }, { inputs: { images } }));
    const large = await failure('defense/crop', { size: 90 }, digits);
    expect(large.message).toBe('a crop of 90 pixels does not fit into 28×28 images');
    expect(large.fix).toContain('set size: 11');
    const pixels = toFloats(digits.pixels).slice();
    pixels[3 * 784 + 5] = NaN;
    const holed = await failure('defense/bit-depth', {}, { ...digits, pixels });
    expect(holed.message).toBe(`image ${digits.ids[3]!} has pixels that are not numbers (NaN)`);
    const four = { ...digits, shape: [digits.shape[0] / 4, 28, 28, 4] as const };
    expect((await failure('defense/jpeg', {}, four)).message).toContain('1 or 3 channels');
  });

  it('let the views of an image be averaged as probabilities or as logits', async () => {
    const { outputs } = await runStage(
      'defense/crop',
      { crops: 2, size: 20 },
      { inputs: { images: digits } },
    );
    const images = outputs['images'] as Images;
    const views = await classify({
      ...images,
      views: 1,
      labels: new Int32Array(48),
      ids: Int32Array.from({ length: 48 }, (_, row) => row),
    });
    const of = async (average: string) =>
      (
        (await runStage('predict/classify', { average }, { inputs: { model, images } })).outputs[
          'predictions'
        ] as Predictions
      ).probabilities;
    const [a, b] = [views.probabilities.subarray(0, 10), views.probabilities.subarray(10, 20)];
    const geometric = a.map((p, index) => Math.sqrt(p * b[index]!));
    const sum = geometric.reduce((total, p) => total + p, 0);
    const [probabilities, logits] = [await of('probabilities'), await of('logits')];
    for (let index = 0; index < 10; index++) {
      expect(probabilities[index]).toBeCloseTo((a[index]! + b[index]!) / 2, 6);
      expect(logits[index]).toBeCloseTo(geometric[index]! / sum, 5);
    }
  });
});

describe('predict and evaluate', () => {
  it('gives the same probabilities in shards as at once, each row summing to 1', async () => {
    const whole = await classify(digits);
    const part = await classify(sliceValue(digits, 7, 3));
    expect(part.probabilities).toEqual(sliceValue(whole, 7, 3).probabilities);
    for (let row = 0; row < 24; row++) {
      const sum = whole.probabilities.subarray(row * 10, row * 10 + 10).reduce((total, p) => total + p, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
  });

  it('averages over views', async () => {
    const [a, b] = [sliceValue(digits, 0, 1), sliceValue(digits, 1, 1)];
    const both = await classify({ ...sliceValue(digits, 0, 2), views: 2, labels: a.labels, ids: a.ids });
    const [pa, pb] = [await classify(a), await classify(b)];
    expect(both.shape).toEqual([1, 10]);
    expect(both.probabilities[3]).toBeCloseTo((pa.probabilities[3]! + pb.probabilities[3]!) / 2, 6);
  });

  it('averages predictions with weights by label, splitting a shared one', async () => {
    const clean = await classify(digits);
    const other: Predictions = { ...clean, probabilities: Float32Array.from(clean.probabilities).fill(0.1) };
    const predictions = [
      { axes: { defense: 'quilting' }, value: clean },
      { axes: { defense: 'tvm', draw: 1 }, value: other },
      { axes: { defense: 'tvm', draw: 2 }, value: other },
    ];
    const average = async (given: Record<string, unknown>) =>
      (await runStage('predict/average', given, { inputs: { predictions } })).outputs[
        'predictions'
      ] as Predictions;
    const p = clean.probabilities[0]!;
    expect((await average({ weights: { quilting: 0.5, tvm: 0.5 } })).probabilities[0]).toBeCloseTo(
      (p + 0.1) / 2,
      6,
    );
    expect((await average({ weights: [2, 1, 1] })).probabilities[0]).toBeCloseTo((p + 0.1) / 2, 6);
    expect((await average({})).probabilities[0]).toBeCloseTo((p + 0.2) / 3, 6);
    expect((await failureOf(average({ weights: [1] }))).message).toBe('1 weights for 3 predictions');
    expect((await failureOf(average({ weights: { quilting: 1 } }))).message).toContain(
      'no weight is given for the prediction [defense=tvm,draw=1]',
    );
    expect((await failureOf(average({ weights: { quilting: 1, tvm: 1, jpeg: 1 } }))).message).toContain(
      "'jpeg'",
    );
  });

  it('warns of predictions that are equal in every number', async () => {
    const clean = await classify(digits);
    const other: Predictions = { ...clean, probabilities: Float32Array.from(clean.probabilities).fill(0.1) };
    const warningsOf = async (...values: readonly Predictions[]): Promise<readonly string[]> => {
      const predictions = values.map((value, draw) => ({ axes: { draw }, value }));
      return (await runStage('predict/average', {}, { inputs: { predictions } })).warnings;
    };
    expect(await warningsOf(clean, other)).toEqual([]);
    expect(await warningsOf(clean, other, { ...clean })).toEqual([
      expect.stringMatching(/^predictions\[0\] and predictions\[2\] are equal in every number/),
    ]);
  });

  it('refuses predictions that do not pair up with the originals', async () => {
    const predictions = await classify(digits);
    const shorter = await failureOf(score({ predictions, originals: sliceValue(digits, 0, 5) }));
    expect(shorter).toMatchObject({
      code: 'bad-data',
      message: "'predictions' has 24 images and 'originals' has 5",
    });
    const shifted = { ...digits, ids: digits.ids.map((id) => id + 1) };
    expect((await failureOf(score({ predictions, originals: shifted }))).message).toContain(
      "image 0 of 'predictions' has id 0, but id 1",
    );
    const relabelled = { ...digits, labels: digits.labels.map((label) => (label + 1) % 10) };
    expect((await failureOf(score({ predictions, originals: relabelled }))).message).toContain('has label 7');
  });

  it('measures success against clean predictions where they are given', async () => {
    const images = await attack('attack/fgsm', { epsilon: 0.3 });
    const predictions = await classify(images);
    const clean = await classify(digits);
    const own = await score({ predictions });
    const given = await score({ predictions, clean });
    expect(given['successRate']).toBe(own['successRate']);
    expect((await score({ predictions, clean: predictions }))['successRate']).toBe(0);
    expect((await score({ predictions: clean }))['successRate']).toBeNull();
  });
});

describe('debug stages', () => {
  it('return their number, and wait until they are cancelled', async () => {
    expect((await runStage('debug/constant', { value: 3 })).outputs['metrics']).toMatchObject({
      rows: [{ values: { value: 3 } }],
    });
    expect((await runStage('debug/sleep', { ms: 0 })).outputs['metrics']).toMatchObject({
      rows: [{ values: { ms: 0 } }],
    });
    const cancel = new AbortController();
    const sleeping = runStage('debug/sleep', { ms: 86_400_000 }, { signal: cancel.signal });
    cancel.abort();
    await expect(sleeping).rejects.toMatchObject({ name: 'AbortError' });
  });
});
