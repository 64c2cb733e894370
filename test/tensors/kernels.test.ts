import type { Scalar, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import { explicitPadding } from '../../src/tensors/padding.ts';
import { readyBackends } from './backends.ts';

interface Case {
  readonly size: readonly [number, number, number, number];
  readonly kernel: readonly [number, number];
  readonly filters: number;
  readonly stride: number;
  readonly padding: readonly [number, number, number, number];
}

// On wasm, six outputs and eight filters are computed together for images of one channel, and 16 outputs of a row for up to four filters
// with stride 1. Whole groups, parts of them and several of them occur, and so do windows that reach less than the image and far beyond it.
const cases: readonly Case[] = [
  { size: [2, 7, 8, 5], kernel: [3, 3], filters: 4, stride: 1, padding: [1, 1, 1, 1] },
  { size: [2, 9, 8, 5], kernel: [3, 3], filters: 2, stride: 2, padding: [1, 1, 1, 1] },
  { size: [2, 8, 8, 7], kernel: [3, 2], filters: 3, stride: 2, padding: [0, 1, 1, 0] },
  { size: [2, 9, 7, 34], kernel: [1, 1], filters: 3, stride: 2, padding: [0, 0, 0, 0] },
  { size: [1, 10, 11, 9], kernel: [2, 2], filters: 2, stride: 3, padding: [0, 0, 0, 0] },
  { size: [2, 4, 4, 5], kernel: [3, 3], filters: 2, stride: 1, padding: [3, 4, 3, 2] },
  { size: [2, 7, 8, 3], kernel: [3, 3], filters: 4, stride: 1, padding: [1, 1, 1, 1] },
  { size: [1, 5, 5, 1], kernel: [1, 1], filters: 1, stride: 1, padding: [0, 0, 0, 0] },
  { size: [3, 6, 5, 2], kernel: [5, 3], filters: 5, stride: 1, padding: [2, 2, 0, 0] },
  { size: [2, 9, 8, 3], kernel: [3, 3], filters: 2, stride: 2, padding: [1, 1, 1, 1] },
  { size: [2, 8, 8, 2], kernel: [3, 2], filters: 3, stride: 2, padding: [0, 1, 1, 0] },
  { size: [1, 11, 10, 3], kernel: [7, 7], filters: 4, stride: 2, padding: [3, 3, 3, 3] },
  { size: [2, 8, 7, 4], kernel: [1, 1], filters: 3, stride: 2, padding: [0, 0, 0, 0] },
  { size: [1, 10, 10, 2], kernel: [2, 2], filters: 2, stride: 3, padding: [0, 0, 0, 0] },
  { size: [2, 4, 4, 2], kernel: [3, 3], filters: 2, stride: 1, padding: [3, 4, 3, 2] },
  { size: [1, 5, 4, 1], kernel: [2, 2], filters: 2, stride: 2, padding: [3, 3, 4, 3] },
  { size: [2, 5, 37, 1], kernel: [5, 5], filters: 8, stride: 1, padding: [2, 2, 2, 2] },
  { size: [1, 6, 18, 1], kernel: [3, 3], filters: 15, stride: 1, padding: [1, 1, 1, 1] },
  { size: [2, 6, 7, 1], kernel: [2, 3], filters: 20, stride: 2, padding: [0, 0, 1, 1] },
  { size: [2, 4, 16, 9], kernel: [1, 1], filters: 3, stride: 1, padding: [0, 0, 0, 0] },
];

describe.each(readyBackends)('on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  describe.each(cases)(
    'convolution of $size by $kernel × $filters, stride $stride, padding $padding',
    (shape) => {
      it('has the gradients of its definition in float64', async () => {
        await compare(shape, false);
      });

      it.each(['linear', 'relu', 'relu6'] as const)(
        'is its definition in float64, %s',
        async (activation) => {
          const { size, kernel, filters, stride, padding } = shape;
          const x = tensor(size, 1) as Tensor4D;
          const filter = tensor([...kernel, size[3], filters], 3) as Tensor4D;
          const bias = tensor([filters], 4) as Tensor1D;
          for (const added of [null, bias]) {
            const options = { x, filter, strides: stride, pad: explicitPadding(padding), activation };
            const result = tf.fused.conv2d(added === null ? options : { ...options, bias: added });
            const sums = convolutionOf(
              await x.data(),
              await filter.data(),
              size,
              result.shape,
              filter.shape,
              stride,
              padding,
            );
            const shift = added === null ? null : await added.data();
            const [low, high] = { linear: [-Infinity, Infinity], relu: [0, Infinity], relu6: [0, 6] }[
              activation
            ];
            const expected = sums.map((sum, index) =>
              Math.min(Math.max(sum + (shift?.[index % filters] ?? 0), low!), high!),
            );
            expectClose(await result.data(), expected);
            result.dispose();
          }
        },
      );
    },
  );

  describe.each(cases)(
    'depthwise convolution of $size by $kernel, stride $stride, padding $padding',
    (shape) => {
      it('has the gradients of its definition in float64, multipliers included', async () => {
        await compare(shape, true);
      });
    },
  );

  describe('sign', () => {
    it('is exact for the smallest numbers, as the gradients of confident images are', async () => {
      // Down to the smallest normal number; TensorFlow takes those below it for zero.
      const values = [1e-3, 9e-8, -9e-8, 1e-30, -2e-38, 0, -2, NaN];
      const x = tf.tensor1d(values);
      expect([...(await tf.sign(x).data())]).toEqual(values.map(Math.sign));
    });
  });

  describe('the gradient kernels', () => {
    it('serve tf.grads of a strided convolution', async () => {
      const x = tensor([2, 6, 6, 2], 1) as Tensor4D;
      const w = tensor([3, 3, 2, 3], 2) as Tensor4D;
      const loss = (a: typeof x, b: typeof w): Scalar => tf.sum(tf.square(tf.conv2d(a, b, 2, 'same')));
      const [dx, dw] = tf.grads((a, b) => loss(a as typeof x, b as typeof w))([x, w]);
      for (const [gradient, index] of [
        [dx!, 5],
        [dw!, 7],
      ] as const) {
        const variable = gradient === dx ? x : w;
        const step = 1e-2;
        const value = async (sign: number): Promise<number> => {
          const moved = (await variable.data()).slice();
          moved[index]! += sign * step;
          const at: Tensor4D = tf.tensor4d(moved, variable.shape);
          return (await (gradient === dx ? loss(at, w) : loss(x, at)).data())[0]!;
        };
        const slope = ((await value(1)) - (await value(-1))) / (2 * step);
        expect((await gradient.data())[index]).toBeCloseTo(slope, 2);
      }
    });
  });
});

async function compare({ size, kernel, filters, stride, padding }: Case, depthwise: boolean): Promise<void> {
  const multiplier = 2;
  const outChannels = depthwise ? size[3] * multiplier : filters;
  const filterShape = [...kernel, size[3], depthwise ? multiplier : filters];
  const outSize = [
    size[0],
    Math.floor((size[1] + padding[0] + padding[1] - kernel[0]) / stride) + 1,
    Math.floor((size[2] + padding[2] + padding[3] - kernel[1]) / stride) + 1,
    outChannels,
  ];
  const x = tensor(size, 1);
  const dy = tensor(outSize, 2);
  const filter = tensor(filterShape, 3);
  const expected = definition(
    await x.data(),
    await dy.data(),
    await filter.data(),
    size,
    outSize,
    filterShape,
    stride,
    padding,
    depthwise,
  );
  const attrs = { strides: stride, pad: explicitPadding(padding), dataFormat: 'NHWC', dilations: 1 };
  const prefix = depthwise ? 'DepthwiseConv2dNative' : 'Conv2D';
  const engine = tf.engine();
  const before = [tf.memory().numTensors, tf.memory().numDataBuffers];
  const byInput = engine.runKernel<Tensor>(
    `${prefix}BackpropInput`,
    { dy, filter },
    { ...attrs, inputShape: size },
  );
  const byFilter = engine.runKernel<Tensor>(`${prefix}BackpropFilter`, { x, dy }, { ...attrs, filterShape });
  expect(byInput.shape).toEqual([...size]);
  expect(byFilter.shape).toEqual(filterShape);
  expectClose(await byInput.data(), expected.byInput);
  expectClose(await byFilter.data(), expected.byFilter);
  byInput.dispose();
  byFilter.dispose();
  expect([tf.memory().numTensors, tf.memory().numDataBuffers]).toEqual(before);
}

function definition(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  filter: ArrayLike<number>,
  [count, height, width, channels]: Case['size'],
  outSize: readonly number[],
  filterShape: readonly number[],
  stride: number,
  padding: readonly number[],
  depthwise: boolean,
): { byInput: Float64Array; byFilter: Float64Array } {
  const byInput = new Float64Array(x.length);
  const byFilter = new Float64Array(filter.length);
  const [, outHeight, outWidth, outChannels] = outSize as [number, number, number, number];
  const [kernelHeight, kernelWidth, , last] = filterShape as [number, number, number, number];
  for (let n = 0; n < count; n++)
    for (let row = 0; row < outHeight; row++)
      for (let column = 0; column < outWidth; column++)
        for (let o = 0; o < outChannels; o++)
          for (let a = 0; a < kernelHeight; a++)
            for (let b = 0; b < kernelWidth; b++)
              for (let i = 0; i < channels; i++) {
                if (depthwise && Math.floor(o / last) !== i) continue;
                const inRow = row * stride + a - padding[0]!;
                const inColumn = column * stride + b - padding[2]!;
                if (inRow < 0 || inRow >= height || inColumn < 0 || inColumn >= width) continue;
                const pixel = ((n * height + inRow) * width + inColumn) * channels + i;
                const weight = ((a * kernelWidth + b) * channels + i) * last + (depthwise ? o % last : o);
                const gradient = dy[((n * outHeight + row) * outWidth + column) * outChannels + o]!;
                byInput[pixel]! += gradient * filter[weight]!;
                byFilter[weight]! += gradient * x[pixel]!;
              }
  return { byInput, byFilter };
}

function convolutionOf(
  x: ArrayLike<number>,
  filter: ArrayLike<number>,
  [, height, width, channels]: Case['size'],
  [count, outHeight, outWidth, filters]: Tensor4D['shape'],
  [kernelHeight, kernelWidth]: Tensor4D['shape'],
  stride: number,
  padding: readonly number[],
): Float64Array {
  const result = new Float64Array(count * outHeight * outWidth * filters);
  let at = 0;
  for (let n = 0; n < count; n++)
    for (let row = 0; row < outHeight; row++)
      for (let column = 0; column < outWidth; column++)
        for (let o = 0; o < filters; o++, at++)
          for (let a = 0; a < kernelHeight; a++)
            for (let b = 0; b < kernelWidth; b++) {
              const inRow = row * stride + a - padding[0]!;
              const inColumn = column * stride + b - padding[2]!;
              if (inRow < 0 || inRow >= height || inColumn < 0 || inColumn >= width) continue;
              for (let i = 0; i < channels; i++) {
                const pixel = x[((n * height + inRow) * width + inColumn) * channels + i]!;
                result[at]! += pixel * filter[((a * kernelWidth + b) * channels + i) * filters + o]!;
              }
            }
  return result;
}

function expectClose(actual: ArrayLike<number>, expected: Float64Array): void {
  let worst = 0;
  let scale = 1;
  for (let index = 0; index < expected.length; index++) {
    worst = Math.max(worst, Math.abs(actual[index]! - expected[index]!));
    scale = Math.max(scale, Math.abs(expected[index]!));
  }
  expect(worst / scale).toBeLessThan(1e-5);
}

function tensor(shape: readonly number[], stream: number): Tensor {
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  randomStream([11, 12], stream).fillNormal(data);
  return tf.tensor(data, [...shape]);
}
