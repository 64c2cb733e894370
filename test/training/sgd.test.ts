import { beforeAll, describe, expect, it } from 'vitest';
import { networkBuilder } from '../../src/models/builder.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import { cropAndFlip } from '../../src/training/augment.ts';
import { learningRateAt } from '../../src/training/schedule.ts';
import { DivergedError, trainSgd } from '../../src/training/sgd.ts';
import type { SgdOptions } from '../../src/training/sgd.ts';
import { TrainingStateError } from '../../src/training/state.ts';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { decodeSafetensors } from '../../src/values/safetensors.ts';
import { readyEvaluations } from '../tensors/backends.ts';

/** Softmax regression on three numbers (an image of 1 × 1 × 3) and two classes, from given weights. */
function regression(weight: readonly number[], bias: readonly number[]): NetworkModel {
  const b = networkBuilder({ architecture: 'regression', inputShape: [1, 1, 3], classes: 2 });
  const network = b.build(b.dense('fc', b.flatten('flat', 'input'), { units: 2 }));
  const weights = {
    'fc.weight': { shape: [3, 2], data: Float32Array.from(weight) },
    'fc.bias': { shape: [2], data: Float32Array.from(bias) },
  };
  return { kind: 'model', network, weights, preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] } };
}

function small(dropout: boolean): NetworkModel {
  const b = networkBuilder({ architecture: 'small', inputShape: [6, 6, 1], classes: 2 });
  let x = b.relu(
    'r',
    b.batchNorm('bn', b.conv('c', 'input', { filters: 3, kernel: 3, padding: 1, bias: false })),
  );
  x = b.flatten('f', b.maxPool('p', x, { kernel: 2 }));
  if (dropout) x = b.dropout('d', x, 0.3);
  return initializeModel(b.build(b.dense('fc', x, { units: 2 })), { mean: [0.5], std: [0.5] }, [1, 2]);
}

/** Bright upper or bright lower halves, with noise. */
function halves(count: number): Images {
  const pixels = new Uint8Array(count * 36);
  const labels = Int32Array.from({ length: count }, (_, id) => id % 2);
  for (let id = 0; id < count; id++) {
    const random = randomStream([4, 4], id);
    for (let at = 0; at < 36; at++)
      pixels[id * 36 + at] = random.integer(150) + (at < 18 === (labels[id] === 0) ? 100 : 0);
  }
  return {
    kind: 'images',
    pixels,
    shape: [count, 6, 6, 1],
    views: 1,
    labels,
    ids: Int32Array.from(labels.keys()),
    classes: [],
  };
}

function points(pixels: readonly number[], labels: readonly number[]): Images {
  return {
    kind: 'images',
    pixels: Float32Array.from(pixels),
    shape: [labels.length, 1, 1, 3],
    views: 1,
    labels: Int32Array.from(labels),
    ids: Int32Array.from(labels.keys()),
    classes: [],
  };
}

const defaults: Omit<SgdOptions, 'model' | 'images'> = {
  seed: [1, 1],
  epochs: 1,
  batchSize: 8,
  learningRate: 0.1,
  momentum: 0,
  weightDecay: 0,
  nesterov: false,
  schedule: { kind: 'constant' },
};

describe.each(readyEvaluations)('on %s (%s)', (backend, evaluation) => {
  const plain = { ...defaults, evaluation };
  beforeAll(async () => {
    await openBackend(backend);
  });

  describe('trainSgd', () => {
    it('follows the gradient (p − y) xᵀ of softmax regression', async () => {
      const x = [0.2, 0.9, 0.4, 0.7, 0.1, 0.5];
      const labels = [1, 0];
      const w = [0.3, -0.2, 0.1, 0.4, -0.5, 0.2];
      const trained = await trainSgd({
        ...plain,
        model: regression(w, [0.1, -0.1]),
        images: points(x, labels),
      });
      const expectedWeight = [...w];
      const expectedBias = [0.1, -0.1];
      labels.forEach((label, n) => {
        const z = [0, 1].map((k) =>
          [0, 1, 2].reduce((sum, f) => sum + x[n * 3 + f]! * w[f * 2 + k]!, [0.1, -0.1][k]!),
        );
        const total = Math.exp(z[0]!) + Math.exp(z[1]!);
        for (const k of [0, 1]) {
          const error = Math.exp(z[k]!) / total - (k === label ? 1 : 0);
          for (const f of [0, 1, 2]) expectedWeight[f * 2 + k]! -= (0.1 * error * x[n * 3 + f]!) / 2;
          expectedBias[k]! -= (0.1 * error) / 2;
        }
      });
      expectClose(trained.weights['fc.weight']!.data, expectedWeight, 1e-6);
      expectClose(trained.weights['fc.bias']!.data, expectedBias, 1e-6);
    });

    it.each([false, true])(
      'takes the steps of torch.optim.SGD with momentum and weight decay (nesterov: %s)',
      async (nesterov) => {
        // One image in every batch and epoch, so that the steps can be done by hand in float64.
        const x = [0.6, 0.3, 0.8];
        const options = { momentum: 0.9, weightDecay: 0.02, nesterov, learningRate: 0.5, epochs: 4 };
        const trained = await trainSgd({
          ...plain,
          ...options,
          model: regression([0.3, -0.2, 0.1, 0.4, -0.5, 0.2], [0.1, -0.1]),
          images: points(x, [0]),
        });
        const w = [0.3, -0.2, 0.1, 0.4, -0.5, 0.2, 0.1, -0.1];
        const inputs = [...x, 1];
        let v: number[] | null = null;
        for (let step = 0; step < 4; step++) {
          const z = [0, 1].map((k) => inputs.reduce((sum, value, f) => sum + value * w[f * 2 + k]!, 0));
          const p = z.map((value) => Math.exp(value) / (Math.exp(z[0]!) + Math.exp(z[1]!)));
          const g = w.map(
            (value, at) => (p[at % 2]! - (at % 2 === 0 ? 1 : 0)) * inputs[Math.floor(at / 2)]! + 0.02 * value,
          );
          v = v === null ? g : v.map((old, at) => 0.9 * old + g[at]!);
          for (const at of w.keys()) w[at]! -= 0.5 * (nesterov ? g[at]! + 0.9 * v[at]! : v[at]!);
        }
        expectClose(trained.weights['fc.weight']!.data, w.slice(0, 6), 1e-6);
        expectClose(trained.weights['fc.bias']!.data, w.slice(6), 1e-6);
      },
    );

    it('learns, with batch norm, dropout and augmentation', async () => {
      const reports: number[] = [];
      const images = halves(96);
      await trainSgd({
        ...plain,
        model: small(true),
        images,
        epochs: 6,
        momentum: 0.9,
        learningRate: 0.02,
        augment: cropAndFlip([7, 7], { padding: 1, flip: true }),
        onEpoch: ({ accuracy }) => void reports.push(accuracy!),
      });
      expect(reports).toHaveLength(6);
      expect(reports.at(-1)).toBeGreaterThan(0.95);
    });

    it('resumes to the very bits of an uninterrupted training', async () => {
      // A GPU in software takes half a minute for what the others do in a second.
      const [count, epochs] = backend === 'webgpu' ? [16, 2] : [40, 4];
      const options = {
        ...plain,
        model: small(true),
        images: halves(count),
        epochs,
        momentum: 0.9,
        weightDecay: 1e-3,
        schedule: { kind: 'cosine' } as const,
        augment: cropAndFlip([7, 7], { padding: 1, flip: true }),
      };
      const states: Uint8Array[] = [];
      const whole = await trainSgd({
        ...options,
        onStep: async ({ epoch, step, state }) => {
          // One after the last step of an epoch among them.
          if ((epoch * 5 + step) % 4 === 1 || step === 5) states.push(await state());
        },
        onEpoch: async ({ state }) => void states.push(await state()),
      });
      expect(states.length).toBeGreaterThan(epochs);
      const again = await trainSgd(options);
      expect(again.weights).toEqual(whole.weights);
      for (const state of states) {
        const resumed = await trainSgd({ ...options, resume: state });
        expect(resumed.weights).toEqual(whole.weights);
      }
      const other = await trainSgd({ ...options, seed: [1, 2] });
      expect(other.weights).not.toEqual(whole.weights);
    });

    it('averages the weights of all steps, statistics of batch norms included, and resumes with the average', async () => {
      const options = { ...plain, model: small(false), images: halves(20), epochs: 2, ema: 0.75 };
      const after: NetworkModel['weights'][] = [];
      const states: Uint8Array[] = [];
      const averaged = await trainSgd({
        ...options,
        onStep: async ({ state }) => {
          const { tensors } = decodeSafetensors(await state());
          const names = Object.keys(options.model.weights);
          after.push(
            Object.fromEntries(
              names.map((name) => [
                name,
                { shape: [], data: tensors[`weight/${name}`]!.data as Float32Array },
              ]),
            ),
          );
          states.push(await state());
        },
      });
      expect(after).toHaveLength(6);
      for (const [name, { data }] of Object.entries(averaged.weights)) {
        // a₆ = d⁵ w₁ + (1 − d) Σ d^(6 − k) w_k
        const expected = Array.from(data, (_, at) =>
          after.reduce((sum, weights, k) => {
            const share = k === 0 ? 0.75 ** 5 : 0.25 * 0.75 ** (5 - k);
            return sum + share * weights[name]!.data[at]!;
          }, 0),
        );
        expectClose(data, expected, 1e-5);
      }
      expect(
        'bn.mean' in averaged.weights || Object.keys(averaged.weights).some((name) => /mean/.test(name)),
      ).toBe(true);
      const resumed = await trainSgd({ ...options, resume: states[2]! });
      expect(resumed.weights).toEqual(averaged.weights);
      expect(
        (await trainSgd({ ...plain, model: small(false), images: halves(20), epochs: 2 })).weights,
      ).not.toEqual(averaged.weights);
    });

    it('refuses the state of another network', async () => {
      let state = new Uint8Array();
      const first = { ...plain, model: small(false), images: halves(8) };
      await trainSgd({
        ...first,
        onEpoch: async (report) => void (state = new Uint8Array(await report.state())),
      });
      const other = {
        ...plain,
        model: regression([0, 0, 0, 0, 0, 0], [0, 0]),
        images: points([1, 1, 1], [0]),
      };
      await expect(trainSgd({ ...other, resume: state })).rejects.toThrow(TrainingStateError);
    });

    it('says where it diverged', async () => {
      const diverging = trainSgd({
        ...plain,
        model: small(false),
        images: halves(40),
        learningRate: 1e38,
        epochs: 3,
      });
      await expect(diverging).rejects.toThrow(DivergedError);
      await expect(diverging).rejects.toMatchObject({ epoch: 1, step: 2 });
    });

    it('stops when aborted and leaves no tensor behind', async () => {
      const before = tf.memory().numTensors;
      const controller = new AbortController();
      const training = trainSgd({
        ...plain,
        model: small(true),
        images: halves(40),
        epochs: 50,
        signal: controller.signal,
        onEpoch: ({ epoch }) => epoch === 2 && controller.abort(new Error('enough')),
      } as SgdOptions);
      await expect(training).rejects.toThrow('enough');
      expect(tf.memory().numTensors).toBe(before);
      await trainSgd({ ...plain, model: small(true), images: halves(9) });
      expect(tf.memory().numTensors).toBe(before);
    });

    it('counts every image once an epoch and views as images', async () => {
      const done: number[] = [];
      const images = {
        ...halves(20),
        labels: Int32Array.from({ length: 10 }, (_, n) => n % 2),
        ids: Int32Array.from({ length: 10 }, (_, n) => n),
        views: 2,
      };
      const seen: number[] = [];
      await trainSgd({
        ...plain,
        model: small(false),
        images,
        epochs: 2,
        progress: (count, total) => void done.push(count / total),
        augment: (pixels, _shape, ids) => {
          seen.push(...ids);
          return pixels;
        },
      });
      expect(done).toEqual([0.2, 0.4, 0.5, 0.7, 0.9, 1]);
      expect(seen.slice(0, 20).sort((a, b) => a - b)).toEqual([
        0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9,
      ]);
    });

    it('refuses images and labels that the model cannot take', async () => {
      const images = halves(4);
      await expect(
        trainSgd({ ...plain, model: regression([0, 0, 0, 0, 0, 0], [0, 0]), images }),
      ).rejects.toThrow(/6 × 6 × 1/);
      await expect(
        trainSgd({ ...plain, model: small(false), images: { ...images, labels: Int32Array.of(0, 1, 2, 0) } }),
      ).rejects.toThrow(/label 2/);
    });
  });

  describe('learningRateAt', () => {
    it('multiplies at the steps', () => {
      const schedule = {
        kind: 'steps',
        steps: [
          { epoch: 2, factor: 0.1 },
          { epoch: 4, factor: 0.5 },
        ],
      } as const;
      expect([0, 1.99, 2, 3.5, 4].map((at) => learningRateAt(schedule, 1, at, 6))).toEqual([
        1, 1, 0.1, 0.1, 0.05,
      ]);
    });

    it('falls along half a cosine', () => {
      expect([0, 5, 10].map((at) => learningRateAt({ kind: 'cosine' }, 0.4, at, 10))).toEqual([0.4, 0.2, 0]);
    });

    it('rises and falls in one cycle', () => {
      const at = (time: number): number => learningRateAt({ kind: 'one-cycle' }, 1, time, 10);
      expect(at(0)).toBeCloseTo(1 / 25, 12);
      expect(at(3)).toBeCloseTo(1, 12);
      expect(at(6.5)).toBeCloseTo(0.5, 4);
      expect(at(10)).toBeCloseTo(1 / 250_000, 12);
    });
  });
});

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, index) => expect(Math.abs(actual[index]! - value)).toBeLessThan(tolerance));
}
