/** Attacks whose images stay on the device take the steps of those with plain arrays, to the last bit. */
import { beforeAll, describe, expect, it } from 'vitest';
import { adaptiveAscent } from '../../src/attacks/adaptive.ts';
import { apgd } from '../../src/attacks/apgd.ts';
import { attackImages, type AttackResult } from '../../src/attacks/attack-images.ts';
import type { Attack } from '../../src/attacks/attack.ts';
import { countQueries, type PassCounts } from '../../src/attacks/count-queries.ts';
import { ensembleClassifier } from '../../src/attacks/ensemble-classifier.ts';
import { fgsm } from '../../src/attacks/fgsm.ts';
import { carliniWagner, type CarliniWagnerOptions } from '../../src/attacks/cw-l2.ts';
import { squaredDistance } from '../../src/attacks/halving-sums.ts';
import { pixelsOf } from '../../src/attacks/on-device/cw-moves.ts';
import { readSquaredDistances } from '../../src/attacks/on-device/euclid.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { uploadImages } from '../../src/attacks/on-device/upload.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { pgd, type PgdOptions } from '../../src/attacks/pgd.ts';
import type { Queries } from '../../src/attacks/queries.ts';
import { TraceRecorder } from '../../src/attacks/trace-recorder.ts';
import { zoo } from '../../src/models/architectures/zoo.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { measureTransfers, type Transfers } from '../../src/timing/transfers.ts';
import { keepsTensors } from '../../src/tensors/tensorflow/graph/session.ts';
import { tf } from '../../src/tensors/tf.ts';
import { BatchSizes } from '../../src/values/batch-size.ts';
import { readyBackends } from '../tensors/backends.ts';
import { iterated, plainGoal } from './plain-attacks.ts';

const isReady = readyBackends.includes('tensorflow');
if (!isReady)
  process.stderr.write('SKIPPED: attacks on the device, for the tensorflow backend is not ready\n');

const likeTorchattacks = { variable: 'tanh', shrink: 1, stopAbove: 1, otherwise: 'original' } as const;

function withCw(options: Partial<CarliniWagnerOptions>): Attack {
  return carliniWagner({
    ...{ kappa: 0, lambda: 10, steps: 8, learningRate: 0.01, variable: 'clip', shrink: 0.999999 },
    ...{ searchSteps: 1, keep: 'best', otherwise: 'last', seed: [1, 2], ...options },
  });
}

const plainApgd = {
  norm: 'linf',
  loss: 'cross-entropy',
  restarts: 1,
  targets: 9,
  seed: [1, 2],
} as const;

describe.skipIf(!isReady)('images on the device', () => {
  let classifier: Classifier;
  let images: ImageBatch;
  beforeAll(async () => {
    await openBackend('tensorflow');
    const network = zoo['cifar-resnet20'].build({ size: 32, classes: 10 });
    const model = initializeModel(network, { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] }, [1, 2]);
    classifier = await openClassifier(model);
    images = await classified(classifier, imagesOf(9, [32, 32, 3]));
  });

  const withPgd = (options: Partial<PgdOptions> = {}): Attack =>
    pgd({
      ...plainGoal,
      norm: 'linf',
      steps: 6,
      stepSize: { relative: 0.3 },
      randomStart: true,
      restarts: 1,
      stopEarly: false,
      ...options,
    });

  it.each<[string, Attack]>([
    ['FGSM', fgsm({ ...plainGoal, randomStart: 0 })],
    ['FGSM from a random start', fgsm({ ...plainGoal, randomStart: 0.01 })],
    ['targeted FGSM', fgsm({ ...plainGoal, randomStart: 0, targeted: 'random' })],
    ['I-FGSM without a ball', iterated({ steps: 5 })],
    ['I-FGSM in a ball', iterated({ steps: 5, epsilon: 0.013 })],
    ['PGD', withPgd()],
    ['PGD with an absolute step', withPgd({ stepSize: { absolute: 1 / 255 }, randomStart: false })],
    ['PGD that ends images early', withPgd({ stopEarly: true })],
    ['PGD of several runs', withPgd({ restarts: 3, stopEarly: true })],
    ['targeted PGD on margins', withPgd({ loss: 'margin', targeted: 'least-likely', stopEarly: true })],
    ['APGD', apgd({ ...plainApgd, steps: 12, stopEarly: false })],
    [
      'APGD that ends images early',
      apgd({ ...plainApgd, loss: 'dlr', steps: 8, restarts: 2, stopEarly: true }),
    ],
    [
      'APGD towards one class after another',
      apgd({ ...plainApgd, loss: 'targeted-dlr', steps: 6, targets: 2, stopEarly: true }),
    ],
  ])('of %s go the same way', (_, attack) => goTheSameWay(attack));

  it.each<[string, Attack]>([
    ['CW', withCw({})],
    ['CW in a ball', withCw({ radius: 0.5, kappa: 2, keep: 'last' })],
    ['CW in tanh space', withCw({ variable: 'tanh', otherwise: 'original' })],
    ['CW as in torchattacks', withCw({ ...likeTorchattacks, steps: 20, learningRate: 0.05 })],
    ['CW that searches its weight', withCw({ searchSteps: 4, steps: 4, lambda: 0.1, stopAbove: 0.9999 })],
    ['CW that searches in tanh space', withCw({ variable: 'tanh', searchSteps: 3, steps: 5, keep: 'last' })],
    ['targeted CW', withCw({ targeted: 'least-likely', kappa: 0.1, variable: 'tanh' })],
    ['PGD in L2', withPgd({ norm: 'l2' })],
    ['PGD in L2 that ends images early', withPgd({ norm: 'l2', restarts: 3, stopEarly: true })],
    ['targeted PGD in L2', withPgd({ norm: 'l2', targeted: 'random', randomStart: false })],
    ['APGD in L2', apgd({ ...plainApgd, norm: 'l2', steps: 12, stopEarly: false })],
    [
      'APGD in L2 towards one class after another',
      apgd({ ...plainApgd, norm: 'l2', loss: 'targeted-dlr', steps: 8, targets: 2, stopEarly: true }),
    ],
    ['the adaptive attack', adaptiveAscent({ ...plainGoal, steps: 6, learningRate: 0.3 })],
  ])('of %s go the same way', (_, attack) => goTheSameWay(attack, 1));

  async function goTheSameWay(attack: Attack, strength = 0.03): Promise<void> {
    expect(keepsTensors()).toBe(true);
    for (const most of [4, 64]) {
      const own = await run(attack, openQueries(classifier), images, most, strength);
      const other = await run(attack, withPlainArrays(openQueries(classifier)), images, most, strength);
      expect(own.counts).toEqual(other.counts);
      expect(own.result).toEqual(other.result);
      expect(bitsOf(own.result)).toEqual(bitsOf(other.result));
      expect(own.result.pixels).not.toEqual(images.pixels);
      const bytes = ({ transfers: { fed, fetched } }: typeof own): number => fed + fetched;
      expect(bytes(own)).toBeLessThan(bytes(other));
    }
  }

  it.each([0, 1e-3, 30, Infinity])('have the logistic function of plain arrays around ±%f', async (scale) => {
    const stream = randomStream([3, 5]);
    const values = Float32Array.from({ length: 1 << 16 }, (_, at) =>
      scale === 0 ? Math.atanh((2 * at) / 65535 - 1) : (2 * stream.uniform() - 1) * Math.min(scale, 3e38),
    );
    const w = tf.tensor4d(values, [4, 16384, 1, 1]);
    const pixels = pixelsOf(w);
    const found = (await pixels.data()) as Float32Array;
    tf.dispose([w, pixels]);
    expect(found).toEqual(values.map((value) => 1 / (1 + Math.exp(-2 * value))));
  });

  it.each([1, 2, 7, 64, 299, 3072, 4095])('of %i values have the lengths of plain arrays', async (size) => {
    const stream = randomStream([size, 6]);
    const values = Float32Array.from({ length: 3 * size }, () => stream.uniform());
    const points = values.map((value) => value + 0.01 * stream.uniform());
    const [x, y] = [values, points].map((own) => tf.tensor4d(own, [3, size, 1, 1]));
    const found = await readSquaredDistances(x!, y!);
    tf.dispose([x!, y!]);
    const expected = [0, 1, 2].map((row) => squaredDistance(values, row * size, points, row * size, size));
    expect([...found]).toEqual(expected);
  });

  it.each<[string, (steps: number) => Attack, number, number, number]>([
    ['I-FGSM', (steps) => iterated({ steps, epsilon: 0.013 }), 9, 0, 0],
    ['PGD', (steps) => withPgd({ steps }), 9, 0, 0],
    // One image is misclassified already. Of the others go the label, two flags and four numbers.
    ['APGD', (steps) => apgd({ ...plainApgd, steps, stopEarly: false }), 8, 4 + 2 * 4 + 4 * 8, 0],
    ['PGD in L2', (steps) => withPgd({ steps, norm: 'l2' }), 9, 0, 0],
    [
      'APGD in L2',
      (steps) => apgd({ ...plainApgd, norm: 'l2', steps, stopEarly: false }),
      8,
      4 + 2 * 4 + 4 * 8,
      0,
    ],
    // The weight of the gradient and the shares of Adam's moments go.
    ['CW', (steps) => withCw({ steps, kappa: 1e3 }), 9, 3 * 8, 0],
    // No image ends; the distance of each comes back in every tenth of the steps.
    ['CW in tanh space', (steps) => withCw({ steps, kappa: 1e3, variable: 'tanh' }), 9, 3 * 8, 0],
  ])('of %s do not cross in a step', async (_, attackOf, moving, fed, fetched) => {
    const few = await run(attackOf(3), openQueries(classifier), images);
    const more = await run(attackOf(13), openQueries(classifier), images);
    expect(more.transfers.fed - few.transfers.fed).toBe(10 * moving * fed);
    // The logits of 10 classes come back.
    expect(more.transfers.fetched - few.transfers.fetched).toBe(10 * moving * (10 * 4 + fetched));
  });

  it('of an attack on an ensemble go the same way', async () => {
    const ensemble = ensembleClassifier([classifier, classifier], 'logits');
    const own = await run(withPgd(), openQueries(ensemble), images);
    const other = await run(withPgd(), withPlainArrays(openQueries(ensemble)), images);
    expect(bitsOf(own.result)).toEqual(bitsOf(other.result));
    expect(own.counts).toEqual(other.counts);
    expect(own.transfers.fed).toBeLessThan(0.5 * other.transfers.fed);
  });

  it('of FGSM come back as signs of one byte', async () => {
    const { transfers } = await run(fgsm({ ...plainGoal, randomStart: 0 }), openQueries(classifier), images);
    expect(transfers).toEqual({
      fed: images.pixels.length + images.labels.byteLength,
      fetched: images.pixels.length + 9 * 10 * 4,
    });
  });

  it('go there once, one byte for each value, and start where they were classified', async () => {
    const { transfers } = await run(withPgd({ randomStart: false }), openQueries(classifier), images);
    // The labels, and the length of the steps and the radius of each image. Logits come back, and whether a gradient is zero.
    expect(transfers.fed).toBe(images.pixels.length + images.labels.byteLength + 9 * 2 * 8);
    expect(transfers.fetched).toBe(images.pixels.byteLength + 7 * 9 * 10 * 4 + 9 * 4);
    const other = { ...images, pixels: images.pixels.map((pixel) => Math.min(pixel + 1e-4, 1)) };
    const { transfers: floats } = await run(withPgd({ randomStart: false }), openQueries(classifier), other);
    expect(floats.fed - transfers.fed).toBe(3 * images.pixels.length);
  });

  it.each([4, 64])('are the same bits if they go as bytes, at batch %i', async (rows) => {
    const pixels = Float32Array.from({ length: rows * 256 }, (_, at) => ((at * 37) % 256) / 255);
    pixels.fill(0, 300, 399);
    const transfers = measureTransfers();
    const tensor = uploadImages(pixels, [rows, 8, 8, 4]);
    expect(transfers().fed).toBe(pixels.length);
    const back = (await tensor.data()) as Float32Array;
    tensor.dispose();
    expect(new Int32Array(back.buffer, back.byteOffset, back.length)).toEqual(new Int32Array(pixels.buffer));
  });

  it.each([NaN, -0, 0.5, 1.5, -1 / 255, Infinity])('go as they are if one value is %f', async (value) => {
    const pixels = new Float32Array(2 * 4 * 4 * 3);
    pixels[70] = value;
    const transfers = measureTransfers();
    const tensor = uploadImages(pixels, [2, 4, 4, 3]);
    // It goes there when something is computed with it.
    const turned = tf.reverse(tensor, 0);
    const back = (await turned.data()) as Float32Array;
    tf.dispose([tensor, turned]);
    expect(transfers().fed).toBe(pixels.byteLength + 4);
    const expected = [...pixels.subarray(48), ...pixels.subarray(0, 48)];
    expect(expected.every((own, at) => Object.is(own, back[at]))).toBe(true);
  });

  it('take the plain way if somebody has to see each point, with the same result', async () => {
    const plain = await run(withPgd(), openQueries(classifier), images);
    const { queries } = countQueries(openQueries(classifier));
    const trace = new TraceRecorder(images);
    const traced = await attackImages(withPgd(), queries, images, 0.03, { trace });
    expect(bitsOf(traced)).toEqual(bitsOf(plain.result));
    const { lengths } = await trace.finish(queries, traced.pixels, {});
    expect([...lengths]).toEqual(images.labels.length === 9 ? Array<number>(9).fill(7) : []);
    const limited = await attackImages(withPgd(), queries, images, 0.03, { limit: 13 });
    expect(bitsOf(limited)).toEqual(bitsOf(plain.result));
  });
});

function bitsOf({ pixels }: AttackResult): Int32Array {
  return new Int32Array(pixels.buffer, pixels.byteOffset, pixels.length);
}

async function run(
  attack: Attack,
  plain: Queries,
  images: ImageBatch,
  most = 64,
  strength = 0.03,
): Promise<{ counts: PassCounts; result: AttackResult; transfers: Transfers }> {
  const { queries, counts } = countQueries(plain);
  const tensors = tf.memory().numTensors;
  const transfers = measureTransfers();
  const result = await attackImages(attack, queries, images, strength, { batchSizes: new BatchSizes(most) });
  expect(tf.memory().numTensors).toBe(tensors);
  return { counts: counts(), result, transfers: transfers() };
}

/** Queries that have no form on the device. */
function withPlainArrays(queries: Queries): Queries {
  return { ...queries, gradient: (...call) => queries.gradient(...call) };
}

function imagesOf(count: number, [height, width, channels]: [number, number, number]): ImageBatch {
  const pixels = new Float32Array(count * height * width * channels);
  const stream = randomStream([7, 8]);
  for (let at = 0; at < pixels.length; at++) pixels[at] = stream.integer(256) / 255;
  const ids = Int32Array.from({ length: count }, (_, id) => id + 3);
  return { pixels, shape: [count, height, width, channels], labels: ids.map((id) => id % 10), ids };
}

/** The images with the classes that the model gives them as labels, but for the last, which is wrong. */
async function classified(classifier: Classifier, images: ImageBatch): Promise<ImageBatch> {
  const logits = await openQueries(classifier).logits(images);
  const labels = Int32Array.from(images.labels, (_, row) => {
    const own = logits.subarray(row * classifier.classes, (row + 1) * classifier.classes);
    const best = own.indexOf(Math.max(...own));
    return row === images.labels.length - 1 ? (best + 1) % classifier.classes : best;
  });
  return { ...images, labels };
}
