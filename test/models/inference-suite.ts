/** The tests of inference, which several files run on different backends. */
import type { Rank, Tensor, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AttackLoss } from '../../src/models/classifier.ts';
import { openClassifier, type Evaluation } from '../../src/models/inference.ts';
import { leastSlope, lossGradient } from '../../src/models/loss-gradient.ts';
import { NetworkError } from '../../src/models/network.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { NetworkModel, Network } from '../../src/values/model.ts';
import { allOperations, networkWith, randomModel } from './networks.ts';
import { crossEntropy, dlr, margin, referenceGradient, referenceLogits, targetedDlr } from './reference.ts';

export const layers: Readonly<Record<string, () => Network>> = {
  'a convolution': () =>
    networkWith((b, x) => b.conv('c', x, { filters: 3, kernel: [3, 2], padding: [1, 1] })),
  'a strided convolution': () =>
    networkWith((b, x) => b.conv('c', x, { filters: 3, kernel: 3, stride: 2, padding: 1 })),
  'a 1 × 1 convolution of stride 2': () =>
    networkWith((b, x) => b.conv('c', x, { filters: 5, kernel: 1, stride: 2 })),
  'a convolution with batch norm and ReLU': () =>
    networkWith((b, x) =>
      b.relu('r', b.batchNorm('n', b.conv('c', x, { filters: 5, kernel: 3, padding: 1 }))),
    ),
  'a depthwise convolution with batch norm and ReLU6': () =>
    networkWith((b, x) =>
      b.relu6(
        'r',
        b.batchNorm('n', b.conv('c', x, { filters: 4, kernel: 3, padding: 1, groups: 4, bias: false })),
      ),
    ),
  'a strided depthwise convolution with multiplier 2': () =>
    networkWith((b, x) => b.conv('c', x, { filters: 8, kernel: 3, stride: 2, padding: 1, groups: 4 })),
  'a convolution in two groups': () =>
    networkWith((b, x) => b.conv('c', x, { filters: 6, kernel: 3, padding: [1, 0], groups: 2 })),
  'a strided convolution in two groups with batch norm and ReLU': () =>
    networkWith((b, x) =>
      b.relu(
        'r',
        b.batchNorm(
          'n',
          b.conv('c', x, { filters: 4, kernel: 3, stride: 2, padding: 1, groups: 2, bias: false }),
        ),
      ),
    ),
  'a sigmoid': () => networkWith((b, x) => b.sigmoid('s', b.scale('k', x, 3))),
  SiLU: () => networkWith((b, x) => b.silu('s', b.scale('k', x, 3))),
  'hard swish': () => networkWith((b, x) => b.hardSwish('s', b.scale('k', x, 6))),
  'hard sigmoids of both frameworks': () =>
    networkWith((b, x) =>
      b.add('a', b.hardSigmoid('s', b.scale('k', x, 6)), b.hardSigmoid('t', x, { slope: 0.2, offset: 0.6 })),
    ),
  'a product of two activations': () =>
    networkWith((b, x) => b.multiply('m', b.multiply('mm', x, x), b.conv('c', x, { filters: 4, kernel: 1 }))),
  'a product of an image with a number for each channel': () =>
    networkWith((b, x) => b.multiply('m', x, b.sigmoid('s', b.globalAveragePool('g', x)))),
  'squeeze and excitation': () =>
    networkWith((b, x) => {
      const squeezed = b.reshape('q', b.globalAveragePool('g', x), [1, 1, 4]);
      const narrow = b.relu('r', b.conv('n', squeezed, { filters: 3, kernel: 1 }));
      return b.multiply('m', x, b.sigmoid('s', b.conv('w', narrow, { filters: 4, kernel: 1 })));
    }),
  'a flattened image as another image': () =>
    networkWith((b, x) =>
      b.conv('c', b.reshape('r', b.flatten('f', x), [14, 4, 3]), { filters: 3, kernel: 3 }),
    ),
  'a batch norm of its own': () => networkWith((b, x) => b.batchNorm('n', b.relu('r', x))),
  'ReLU and ReLU6 of an amplified input': () =>
    networkWith((b, x) => b.relu6('r6', b.scale('s', b.relu('r', x), 6))),
  'max-pooling': () => networkWith((b, x) => b.maxPool('p', x, { kernel: 2 })),
  'overlapping padded max-pooling': () =>
    networkWith((b, x) => b.maxPool('p', x, { kernel: 3, stride: 2, padding: 1 })),
  'max-pooling rounded up': () =>
    networkWith((b, x) => b.maxPool('p', x, { kernel: 2, stride: 2, ceil: true })),
  'average pooling': () => networkWith((b, x) => b.averagePool('p', x, { kernel: 2 })),
  'average pooling that counts padding': () =>
    networkWith((b, x) => b.averagePool('p', x, { kernel: 3, stride: 2, padding: 1 })),
  'average pooling that does not count padding': () =>
    networkWith((b, x) => b.averagePool('p', x, { kernel: 3, stride: 1, padding: 1, countPadding: false })),
  'average pooling rounded up with padding': () =>
    networkWith((b, x) => b.averagePool('p', x, { kernel: 3, stride: 3, padding: 1, ceil: true })),
  'global average pooling': () => networkWith((b, x) => b.globalAveragePool('g', x)),
  'a sum of a node with itself and another': () =>
    networkWith((b, x) => b.add('a', b.add('aa', x, x), b.conv('c', x, { filters: 4, kernel: 1 }))),
  concatenation: () =>
    networkWith((b, x) => b.concat('k', [x, b.conv('c', x, { filters: 3, kernel: 1 }), x])),
  'a shortcut of stride 2': () =>
    networkWith((b, x) => b.shortcut('s', x, { stride: 2, before: 1, after: 3 })),
  'a shortcut of stride 1': () =>
    networkWith((b, x) => b.shortcut('s', x, { stride: 1, before: 0, after: 2 })),
  'dropout and a dense layer with ReLU': () =>
    networkWith((b, x) => b.relu('r', b.dense('d', b.dropout('o', b.flatten('f', x), 0.5), { units: 6 }))),
  'GELU and its approximation': () =>
    networkWith((b, x) => b.gelu('g', b.scale('k', b.gelu('t', x, 'tanh'), 2))),
  reciprocals: () => networkWith((b, x) => b.reciprocal('q', b.affine('a', b.sigmoid('s', x)))),
  'a softmax': () => networkWith((b, x) => b.softmax('s', b.scale('k', x, 2))),
  'a layer norm': () => networkWith((b, x) => b.layerNorm('n', x, 1e-3)),
  'an affine map of its own, and one after a convolution': () =>
    networkWith((b, x) =>
      b.affine('a', b.relu('r', b.affine('f', b.conv('c', x, { filters: 3, kernel: 1 })))),
    ),
  'positions and tokens before and after': () =>
    networkWith((b, x) =>
      b.offset('o', b.tokens('s', b.tokens('t', b.reshape('r', x, [42, 4]), 2), 1, 'after')),
    ),
  'a dense layer for every place': () =>
    networkWith((b, x) =>
      b.dense('e', b.relu('r', b.dense('d', x, { units: 5 })), { units: 3, bias: false }),
    ),
  'axes in another order': () =>
    networkWith((b, x) =>
      b.permute('q', b.permute('p', b.reshape('r', x, [7, 3, 2, 2, 2]), [3, 0, 1, 4, 2]), [1, 2, 0, 4, 3]),
    ),
  'parts of an axis': () =>
    networkWith((b, x) =>
      b.add(
        'a',
        b.slice('s', x, { axis: 1, start: 1, end: 3 }),
        b.slice('t', x, { axis: 1, start: 4, end: 6 }),
      ),
    ),
  'repeated axes': () =>
    networkWith((b, x) =>
      b.multiply('m', x, b.expand('e', b.slice('s', x, { axis: 0, start: 2, end: 3 }), [7, 6, 4])),
    ),
  'products of matrices': () =>
    networkWith((b, x) => b.matmul('m', b.permute('p', x, [0, 2, 1]), b.scale('k', x, 0.5))),
  'self-attention of two heads': () =>
    networkWith((b, x) => {
      const rows = b.tokens('t', b.layerNorm('n', b.reshape('r', x, [42, 4])), 1);
      const split = b.reshape('h', b.dense('qkv', rows, { units: 12 }), [43, 3, 2, 2]);
      const part = (name: string, at: number, order: readonly number[]): string =>
        b.permute(
          name,
          b.reshape(
            `${name}.r`,
            b.slice(`${name}.s`, split, { axis: 1, start: at, end: at + 1 }),
            [43, 2, 2],
          ),
          order,
        );
      const weights = b.softmax('w', b.matmul('qk', part('q', 0, [1, 0, 2]), part('k', 1, [1, 2, 0])));
      const mixed = b.matmul('wv', weights, part('v', 2, [1, 0, 2]));
      const joined = b.reshape('j', b.permute('back', mixed, [1, 0, 2]), [43, 4]);
      return b.slice('class', b.add('a', rows, b.dense('out', joined, { units: 4 })), {
        axis: 0,
        start: 0,
        end: 1,
      });
    }),
  'every operation at once': allOperations,
};

const losses = ['cross-entropy', 'margin', 'dlr'] as const;
const definition = { 'cross-entropy': crossEntropy, margin, dlr };
const preprocessing = { mean: [0.4, 0.5], std: [0.25, 0.2] };

const models = new Map<string, NetworkModel>();

/** The same model for every backend, so that its reference is computed once. */
function modelOf(name: string): NetworkModel {
  const model = models.get(name) ?? randomModel(layers[name]!(), preprocessing);
  models.set(name, model);
  return model;
}

/** The logits and gradients of every kind of layer, in each of these ways to evaluate a network. */
export function describeInference(
  evaluations: readonly (readonly [backend: string, evaluation: Evaluation])[],
): void {
  describe.each(evaluations)('on %s (%s)', (backend, evaluation) => {
    beforeAll(async () => {
      await openBackend(backend);
    });

    describe.each(Object.keys(layers))('a classifier with %s', (name) => {
      const model = modelOf(name);
      // TensorFlow chooses its algorithm by the shape of the batch.
      const same = backend === 'wasm' ? 0 : 1e-5;

      it('has the logits and input gradients of its definition', async () => {
        const classifier = await openClassifier(model, evaluation);
        const { pixels, images } = batch(model, 3);
        for (const loss of losses) {
          // Of the third-largest logit the ratio is 1 whatever the image, so ask for the largest.
          const labels =
            loss === 'dlr' ? images.map((image) => largestOf(referenceLogits(model, image))) : [1, 3, 0];
          const result = await classifier.inputGradient(pixels, tf.tensor1d(labels, 'int32'), loss);
          for (const [row, image] of images.entries()) {
            const value = (logits: Float64Array): number => definition[loss](logits, labels[row]!);
            expectClose(await rowOf(result.logits, row), referenceLogits(model, image), 1e-5);
            expectClose(await rowOf(result.gradient, row), referenceGradient(model, image, value), 1e-4);
          }
          expectClose(await (await classifier.logits(pixels)).data(), await result.logits.data(), same);
        }
        classifier.dispose();
      });

      it('has the input gradients of the targeted ratio, each row with its own target', async () => {
        const classifier = await openClassifier(model, evaluation);
        const { pixels, images } = batch(model, 3);
        const labels = [1, 3, 0];
        const targets = [2, 0, 3];
        const loss = { kind: 'targeted-dlr', targets: Int32Array.from(targets) } as const;
        const result = await classifier.inputGradient(pixels, tf.tensor1d(labels, 'int32'), loss);
        for (const [row, image] of images.entries()) {
          const value = (logits: Float64Array): number => targetedDlr(logits, labels[row]!, targets[row]!);
          expectClose(await rowOf(result.gradient, row), referenceGradient(model, image, value), 1e-4);
        }
        classifier.dispose();
      });

      it('has the gradients of single logits and of any combination of them', async () => {
        const classifier = await openClassifier(model, evaluation);
        const { pixels, images } = batch(model, 2);
        const chosen = [
          [0, 3, 1],
          [2, 2, 0],
        ];
        const each = await classifier.classGradients(pixels, tf.tensor2d(chosen, [2, 3], 'int32'));
        const { classes } = model.network;
        const cotangent = [1, -2].map((first, row) =>
          Array.from({ length: classes }, (_, index) => first * (index === row ? 2 : 0.5 - index)),
        );
        const combined = await classifier.vectorJacobianProduct(pixels, tf.tensor2d(cotangent));
        expect(each.gradients.shape).toEqual([2, 3, ...pixels.shape.slice(1)]);
        for (const [row, image] of images.entries()) {
          const expected = chosen[row]!.flatMap((label) => [
            ...referenceGradient(model, image, (logits) => logits[label]!),
          ]);
          expectClose(await rowOf(each.gradients, row), expected, 1e-4);
          const weighted = (logits: Float64Array): number =>
            logits.reduce((sum, logit, index) => sum + logit * cotangent[row]![index]!, 0);
          expectClose(await rowOf(combined.gradient, row), referenceGradient(model, image, weighted), 1e-4);
        }
        expectClose(await each.logits.data(), await combined.logits.data(), same);
        classifier.dispose();
      });

      it(`gives a row the same ${same === 0 ? 'bits' : 'numbers but for rounding'} in every batch`, async () => {
        const classifier = await openClassifier(model, evaluation);
        // A GPU in software takes minutes for what the others do in seconds.
        const [count, sizes] = backend === 'webgpu' ? [4, [1, 3]] : [64, [1, 3, 16, 63]];
        const { pixels } = batch(model, count);
        const labels = tf.tensor1d(
          Array.from({ length: count }, (_, row) => row % 4),
          'int32',
        );
        const whole = await classifier.inputGradient(pixels, labels, 'cross-entropy');
        for (const size of sizes) {
          for (const first of [0, count - size]) {
            const part = await classifier.inputGradient(
              tf.slice(pixels, first, size),
              tf.slice(labels, first, size),
              'cross-entropy',
            );
            expectClose(await part.logits.data(), await tf.slice(whole.logits, first, size).data(), same);
            expectClose(await part.gradient.data(), await tf.slice(whole.gradient, first, size).data(), same);
          }
        }
        classifier.dispose();
      });

      it('leaves no tensor behind', async () => {
        const { pixels } = batch(model, 2);
        const labels = tf.tensor1d([0, 1], 'int32');
        const cotangent = tf.ones<Rank.R2>([2, model.network.classes]);
        const chosen = tf.tensor2d([0, 1, 2, 3, 1, 0], [2, 3], 'int32');
        const before = [tf.memory().numTensors, tf.memory().numDataBuffers];
        const classifier = await openClassifier(model, evaluation);
        const open = [tf.memory().numTensors, tf.memory().numDataBuffers];
        const targeted = { kind: 'targeted-dlr', targets: Int32Array.of(2, 3) } as const;
        for (const loss of [...losses, targeted]) {
          (await classifier.logits(pixels)).dispose();
          const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss);
          tf.dispose([gradient, logits]);
        }
        const product = await classifier.vectorJacobianProduct(pixels, cotangent);
        const each = await classifier.classGradients(pixels, chosen);
        tf.dispose([product.gradient, product.logits, each.gradients, each.logits]);
        expect([tf.memory().numTensors, tf.memory().numDataBuffers]).toEqual(open);
        classifier.dispose();
        expect([tf.memory().numTensors, tf.memory().numDataBuffers]).toEqual(before);
      });
    });

    describe('the gradient of a loss', () => {
      const gradient = async (logits: number[], label: number, loss: AttackLoss): Promise<number[]> =>
        Array.from(await lossGradient(tf.tensor2d([logits]), tf.tensor1d([label], 'int32'), loss).data());

      it('does not vanish for a confident image', async () => {
        const [other, label] = await gradient([0, 40], 1, 'cross-entropy');
        expect(other! / Math.exp(-40)).toBeCloseTo(1, 4);
        expect(label).toBe(-other!);
      });

      it('keeps its direction when all other probabilities underflow', async () => {
        // e^−120 is 7.7e-53. The others are to each other as 1 and e^−2.
        const [label, first, second] = await gradient([120, 0, -2], 0, 'cross-entropy');
        expect(first! / leastSlope).toBeCloseTo(1, 5);
        expect(second! / first!).toBeCloseTo(Math.exp(-2), 5);
        expect(label! / -(first! + second!)).toBeCloseTo(1, 5);
        // A probability above the bound is left as it is.
        const [, above] = await gradient([45, 0, -2], 0, 'cross-entropy');
        expect(above! / Math.exp(-45)).toBeCloseTo(1, 4);
        expect((await gradient([NaN, 0, 1], 0, 'cross-entropy')).every(Number.isNaN)).toBe(true);
      });

      it('is finite for huge logits', async () => {
        expect(await gradient([1e4, -1e4, 0], 1, 'cross-entropy')).toEqual([1, -1, 0]);
        const [label, ...others] = await gradient([1e4, -1e4, 0], 0, 'cross-entropy');
        expect(label! / -leastSlope).toBeCloseTo(1, 5);
        expect(others[0]).toBe(0);
        expect(others[1]! / leastSlope).toBeCloseTo(1, 5);
      });

      it('of the margin points from the label to the best other class', async () => {
        expect(await gradient([3, 5, 4], 1, 'margin')).toEqual([0, -1, 1]);
        expect(await gradient([3, 5, 4], 0, 'margin')).toEqual([-1, 1, 0]);
      });

      it('of the difference-of-logits ratio does not change with the scale of the logits, but for the scale', async () => {
        const plain = await gradient([3, 5, 4, 1], 1, 'dlr');
        const scaled = await gradient([30, 50, 40, 10], 1, 'dlr');
        plain.forEach((value, index) => expect(scaled[index]! * 10).toBeCloseTo(value, 5));
        // m = −1, d = 2: ((−1, 1) + ½ (1, −1)) / 2 on the rival, the label and the third.
        expect(plain.map((value) => Number(value.toFixed(6)))).toEqual([-0.25, -0.25, 0.5, 0]);
      });

      it('of a ratio is refused with fewer classes than it ranks', () => {
        const labels = tf.tensor1d([0], 'int32');
        expect(() => lossGradient(tf.tensor2d([[1, 2]]), labels, 'dlr')).toThrow(
          new RangeError('the dlr loss needs at least 3 classes, but there are 2'),
        );
        const loss = { kind: 'targeted-dlr', targets: Int32Array.of(1) } as const;
        expect(() => lossGradient(tf.tensor2d([[1, 2, 3]]), labels, loss)).toThrow(
          new RangeError('the targeted-dlr loss needs at least 4 classes, but there are 3'),
        );
      });
    });
  });
}

/** The models that no classifier can be opened for. */
export function describeOpening(): void {
  describe('opening a classifier', () => {
    const model = randomModel(layers['a convolution']!());

    it('names every weight that does not fit', async () => {
      const { 'first.weight': _gone, ...rest } = model.weights;
      const weights = {
        ...rest,
        'logits.bias': { shape: [4], data: Float32Array.of(0, NaN, 0, 0) },
        'c.bias': { shape: [2], data: new Float32Array(2) },
        stray: { shape: [1], data: new Float32Array(1) },
      };
      await expect(openClassifier({ ...model, weights })).rejects.toThrow(
        new NetworkError(
          'the weights do not fit the network test; missing: first.weight; unexpected: stray; ' +
            'of another shape: c.bias is [2] instead of [3]; with NaN or infinite values: logits.bias',
        ),
      );
    });

    it('refuses preprocessing of another channel count', async () => {
      await expect(openClassifier({ ...model, preprocessing: { mean: [0], std: [1] } })).rejects.toThrow(
        /2 means and stds/,
      );
    });
  });
}

function batch(model: NetworkModel, count: number): { pixels: Tensor4D; images: Float32Array[] } {
  const [height, width, channels] = model.network.inputShape;
  const images = Array.from({ length: count }, (_, id) => {
    const image = new Float32Array(height * width * channels);
    randomStream([8, 9], id).fillUniform(image);
    return image;
  });
  return {
    pixels: tf.tensor4d(Float32Array.from(images.flatMap((image) => [...image])), [
      count,
      height,
      width,
      channels,
    ]),
    images,
  };
}

async function rowOf(tensor: Tensor, row: number): Promise<number[]> {
  const values = Array.from(await tensor.data());
  const size = values.length / tensor.shape[0];
  return values.slice(row * size, (row + 1) * size);
}

function largestOf(values: Float64Array): number {
  return values.indexOf(Math.max(...values));
}

/** The largest difference, relative to the largest expected value. */
function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  let scale = 0;
  for (let index = 0; index < expected.length; index++) {
    worst = Math.max(worst, Math.abs(actual[index]! - expected[index]!));
    scale = Math.max(scale, Math.abs(expected[index]!));
  }
  expect(scale).toBeGreaterThan(0);
  expect(worst / scale).toBeLessThanOrEqual(tolerance);
}
