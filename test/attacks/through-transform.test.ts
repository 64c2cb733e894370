import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { attackImages } from './attack-classifier.ts';
import { throughTransform, type ThroughOptions } from '../../src/attacks/through-transform.ts';
import { takeRows } from '../../src/attacks/images.ts';
import type { OpenTransform } from '../../src/defenses/open-transform.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { Transform } from '../../src/values/transform.ts';
import { opened } from '../defenses/opened.ts';
import { readyBackends } from '../tensors/backends.ts';
import { randomImages, randomLinearModel } from './linear-classifier.ts';
import { iterated, plainFgsm } from './plain-attacks.ts';

const shape = [6, 6, 1] as const;
const size = 36;
const classes = 3;
const bitsRecipe: Transform = {
  kind: 'transform',
  steps: [{ name: 'bit-depth', params: { bits: 1, compat: 'paper' } }],
};
const cropRecipe: Transform = { kind: 'transform', steps: [{ name: 'crop', params: { crops: 8, size: 4 } }] };
const bits = await opened(bitsRecipe);
const crop = await opened(cropRecipe);
const both = await opened({ kind: 'transform', steps: [...bitsRecipe.steps, ...cropRecipe.steps] });
const plain: ThroughOptions = { draws: 4, average: 'loss', backward: 'differentiable', seed: [3, 1] };

describe.each(readyBackends)('a classifier behind a defense on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });
  const { classifier } = randomLinearModel(shape, classes);
  const images = randomImages(6, shape, classes);
  const ids = Int32Array.from({ length: 6 }, (_, row) => 100 + row);
  const through = (transform: OpenTransform, options: Partial<ThroughOptions> = {}): Classifier =>
    throughTransform(classifier, transform, { ...plain, ...options });

  /** Gradient of the loss at the given rows, queried `times` times; the last answer. */
  async function gradientOf(
    target: Classifier,
    { rows = [0, 1, 2, 3, 4, 5], times = 1, loss = 'cross-entropy' as const } = {},
  ): Promise<Float32Array> {
    const pixels = tf.tensor4d(pick(images.pixels, rows), [rows.length, ...shape]);
    const labels = tf.tensor1d(
      rows.map((row) => images.labels[row]!),
      'int32',
    );
    const some = Int32Array.from(rows, (row) => ids[row]!);
    let result = new Float32Array();
    for (let time = 0; time < times; time++) {
      const { gradient, logits } = await target.inputGradient(pixels, labels, loss, some);
      result = Float32Array.from(await gradient.data());
      tf.dispose([gradient, logits]);
    }
    tf.dispose([pixels, labels]);
    return result;
  }

  it('answers at the transformed pixels and hands the gradient back unchanged: BPDA with the identity', async () => {
    const quantised = images.pixels.map((value) => Math.round(value));
    const pixels = tf.tensor4d(quantised, [6, ...shape]);
    const labels = tf.tensor1d(images.labels, 'int32');
    const expected = await classifier.inputGradient(pixels, labels, 'cross-entropy');
    expect(await gradientOf(through(bits))).toEqual(await expected.gradient.data());
    const original = tf.tensor4d(images.pixels, [6, ...shape]);
    const logits = await through(bits).logits(original);
    expect(await logits.data()).toEqual(await expected.logits.data());
  });

  it.each([
    ['crop', crop],
    ['bit depth and crop', both],
  ])('averages a linear model over draws of %s exactly', async (_, transform) => {
    // The logits of a linear model are linear in the pixels, so their mean over draws is one matrix product with the mean draw.
    const draws = 5;
    const mean = new Float32Array(images.pixels.length);
    for (let draw = 0; draw < draws; draw++) {
      const drawn = await transform.apply(images.pixels, images.shape, { seed: [3, 1], draw, ids });
      drawn.forEach((value, index) => (mean[index]! += value / draws));
    }
    const pixels = tf.tensor4d(images.pixels, [6, ...shape]);
    const averaged = tf.tensor4d(mean, [6, ...shape]);
    const found = await through(transform, { draws }).logits(pixels, ids);
    const expected = await classifier.logits(averaged);
    expectClose(await found.data(), await expected.data());
  });

  it.each(['loss', 'logits'] as const)(
    'follows the exact derivative of a crop: finite differences agree, averaging %s',
    async (average) => {
      const seeded = (): Classifier => through(crop, { average, draws: 3 });
      const gradient = await gradientOf(seeded(), { rows: [2] });
      const lossAt = async (pixels: Float32Array): Promise<number> => {
        let total = 0;
        for (const losses of await draws(pixels, average)) total += losses;
        return total;
      };
      // Reference: the loss written out in float64 on the logits of each draw.
      const draws = async (pixels: Float32Array, kind: 'loss' | 'logits'): Promise<number[]> => {
        const all: Float32Array[] = [];
        for (let draw = 0; draw < 3; draw++) {
          const options = { seed: [3, 1] as const, draw, ids: ids.subarray(2, 3) };
          const view = (await crop.apply(pixels, [1, ...shape], options)) as Float32Array;
          const tensor = tf.tensor4d(view, [1, ...shape]);
          all.push((await (await classifier.logits(tensor)).data()) as Float32Array);
          tensor.dispose();
        }
        if (kind === 'loss') return all.map((logits) => crossEntropy(logits, images.labels[2]!) / 3);
        const mean = all[0]!.map((_, k) => (all[0]![k]! + all[1]![k]! + all[2]![k]!) / 3);
        return [crossEntropy(mean, images.labels[2]!)];
      };
      const start = pick(images.pixels, [2]);
      for (const index of [0, 7, 21, 35]) {
        const step = 1e-2;
        const [up, down] = [Float32Array.from(start), Float32Array.from(start)];
        up[index]! += step;
        down[index]! -= step;
        const slope = ((await lossAt(up)) - (await lossAt(down))) / (2 * step);
        expect(gradient[index]).toBeCloseTo(slope, 2);
      }
    },
  );

  it('takes the identity for the crop too where asked: every pixel gets a gradient, also outside the crop', async () => {
    const corner = await opened({
      kind: 'transform',
      steps: [{ name: 'crop', params: { crops: 1, size: 1 } }],
    });
    const exact = await gradientOf(through(corner, { draws: 1 }), { rows: [0] });
    expect(exact.filter((value) => value !== 0)).toHaveLength(1);
    const identity = await gradientOf(through(corner, { draws: 1, backward: 'identity' }), { rows: [0] });
    expect(identity.filter((value) => value !== 0)).toHaveLength(size);
  });

  it('pulls class gradients and products with a vector back like the gradient of the loss', async () => {
    const pixels = tf.tensor4d(images.pixels, [6, ...shape]);
    const chosen = tf.tensor2d(new Int32Array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]), [6, 2], 'int32');
    const { gradients } = await through(crop).classGradients(pixels, chosen, ids);
    const values = await gradients.data();
    for (const [column, wanted] of [
      [0, [0, 2, 1, 0, 2, 1]],
      [1, [1, 0, 2, 1, 0, 2]],
    ] as const) {
      const cotangent = tf.oneHot(tf.tensor1d([...wanted], 'int32'), classes).cast<Tensor2D>('float32');
      const { gradient } = await through(crop).vectorJacobianProduct(pixels, cotangent, ids);
      const product = await gradient.data();
      for (let row = 0; row < 6; row++) {
        const from = (2 * row + column) * size;
        expectClose(product.subarray(row * size, (row + 1) * size), values.subarray(from, from + size));
      }
    }
  });

  it('draws afresh at every query, and the same again from the same seed', async () => {
    const once = await gradientOf(through(crop));
    expect(await gradientOf(through(crop))).toEqual(once);
    expect(await gradientOf(through(crop), { times: 2 })).not.toEqual(once);
    expect(await gradientOf(through(crop, { seed: [3, 2] }))).not.toEqual(once);
  });

  it('gives each image the same bytes in any batch, also when batches refill and images are at different steps', async () => {
    const expected = [0, 1, 2, 3].map(async (row) => {
      const target = through(crop);
      const answers: Float32Array[] = [];
      for (let time = 0; time < 3; time++) answers.push(await gradientOf(target, { rows: [row] }));
      return answers;
    });
    const alone = await Promise.all(expected);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat(3), { minLength: 1 }), { minLength: 1, maxLength: 3 }),
        async (batches) => {
          const target = through(crop);
          const asked = [0, 0, 0, 0];
          for (const rows of batches) {
            const found = await gradientOf(target, { rows });
            rows.forEach((row, place) => {
              const own = found.slice(place * size, (place + 1) * size);
              // TensorFlow's last bits depend on the shape of the batch; the draws do not.
              if (backend === 'wasm') expect(own).toEqual(alone[row]![asked[row]!]);
              else expectClose(own, alone[row]![asked[row]!]!);
              asked[row]!++;
            });
          }
        },
      ),
      // Enough on a slow backend: what is drawn does not depend on it.
      { numRuns: backend === 'wasm' ? 25 : 4, seed: 1 },
    );
  });

  it('makes the iterated attack give each image the same bytes alone as among 70 that refill the batch', async () => {
    const many = randomImages(70, shape, classes);
    const attack = iterated({ steps: 3 });
    const together = await attackImages(attack, through(crop), many, 0.03);
    for (const row of [0, 69]) {
      const alone = await attackImages(attack, through(crop), takeRows(many, [row]), 0.03);
      const own = together.pixels.slice(row * size, (row + 1) * size);
      if (backend === 'wasm') expect(alone.pixels).toEqual(own);
      else expectClose(alone.pixels, own);
    }
  });

  it('applies a deterministic defense once however many draws are asked for', async () => {
    let calls = 0;
    const counted: Classifier = {
      ...classifier,
      inputGradient: (...given) => {
        calls++;
        return classifier.inputGradient(...given);
      },
    };
    await gradientOf(throughTransform(counted, bits, plain));
    expect(calls).toBe(1);
    await gradientOf(throughTransform(counted, crop, plain));
    expect(calls).toBe(1 + plain.draws);
  });

  it('refuses to draw for rows that it cannot name', async () => {
    const pixels: Tensor4D = tf.tensor4d(images.pixels, [6, ...shape]);
    await expect(through(crop).logits(pixels)).rejects.toThrow('0 ids for 6 rows');
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await gradientOf(through(both, { average: 'logits' }), { times: 2 });
    await attackImages(plainFgsm, through(crop), images, 0.1);
    expect(tf.memory().numTensors).toBe(before);
  });
});

function pick(pixels: Float32Array, rows: readonly number[]): Float32Array {
  const result = new Float32Array(rows.length * size);
  rows.forEach((row, index) => result.set(pixels.subarray(row * size, (row + 1) * size), index * size));
  return result;
}

function crossEntropy(logits: Float32Array, label: number): number {
  const largest = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return largest + Math.log(sum) - logits[label]!;
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  for (let index = 0; index < found.length; index++) expect(found[index]).toBeCloseTo(expected[index]!, 4);
}
