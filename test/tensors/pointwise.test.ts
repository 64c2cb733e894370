import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { channelMean, channelSum } from '../../src/models/operations/batch-norm.ts';
import { activationGradient } from '../../src/models/operations/pointwise.ts';
import { maxPoolGradient, poolGeometry } from '../../src/models/operations/pooling.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from './backends.ts';

describe.each(readyBackends)('on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  it('the gradient of a ReLU passes where the output is above 0, that of a ReLU6 where it is also below 6', async () => {
    // Six numbers, so that a vector of four has a rest.
    const output = tf.tensor1d([0, 1, 6, 5.5, 0, 2]);
    const dy = tf.tensor1d([1, -2, 3, 4, -5, 6]);
    // A gradient that is not passed may be −0.
    const read = async (tensor: Tensor): Promise<number[]> =>
      [...(await tensor.data())].map((value) => value + 0);
    expect(await read(activationGradient(dy, output, 'relu'))).toEqual([0, -2, 3, 4, 0, 6]);
    expect(await read(activationGradient(dy, output, 'relu6'))).toEqual([0, -2, 0, 4, 0, 6]);
  });

  it.each([1, 4, 7, 12, 19])('sums and means over %i channels are those in float64', async (channels) => {
    // More rows than one block of a sum, and an odd number of them.
    const x = made([3, 11, 9, channels], 1);
    const numbers = await x.data();
    const sums = new Float64Array(channels);
    numbers.forEach((value, index) => (sums[index % channels]! += value));
    const rows = numbers.length / channels;
    [...(await channelSum(x).data())].forEach((sum, c) => expect(sum).toBeCloseTo(sums[c]!, 3));
    [...(await channelMean(x).data())].forEach((mean, c) => expect(mean).toBeCloseTo(sums[c]! / rows, 5));
  });

  it('the mean of numbers that are finite is finite, whatever their sum is', async () => {
    expect([...(await channelMean(tf.fill([1, 10, 10, 4], 1e37)).data())].every(Number.isFinite)).toBe(true);
  });

  it.each([
    { channels: 8, kernel: 2, stride: 2, padding: 0 },
    { channels: 5, kernel: 3, stride: 2, padding: 1 },
    { channels: 3, kernel: 3, stride: 1, padding: 1 },
    { channels: 4, kernel: 2, stride: 3, padding: 0 },
  ])('the gradient of max pooling goes to the first maximum of each window: %o', async (pool) => {
    const { channels, kernel, stride, padding } = pool;
    const geometry = poolGeometry(
      {
        op: 'max-pool',
        name: 'p',
        inputs: ['input'],
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: [padding, padding, padding, padding],
        ceil: false,
        countPadding: false,
      },
      [9, 8, channels],
    );
    // Few different values, so that windows have several maxima; TensorFlow.js on webgpu takes the last of them.
    const values = made([2, 9, 8, channels], 2) as Tensor4D;
    const x = backend === 'webgpu' ? values : tf.round(values);
    const output = tf.maxPool(x, geometry.filterSize, geometry.strides, geometry.pad);
    const dy = made(output.shape, 3);
    const gradient = await maxPoolGradient(dy, x, output, geometry).data();
    const expected = poolGradientOf(await x.data(), await dy.data(), [9, 8, channels], output.shape, pool);
    gradient.forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 5));
  });
});

function poolGradientOf(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  [height, width, channels]: readonly [number, number, number],
  [count, outHeight, outWidth]: Tensor4D['shape'],
  { kernel, stride, padding }: { readonly kernel: number; readonly stride: number; readonly padding: number },
): Float64Array {
  const result = new Float64Array(x.length);
  for (let n = 0; n < count; n++)
    for (let row = 0; row < outHeight; row++)
      for (let column = 0; column < outWidth; column++)
        for (let c = 0; c < channels; c++) {
          let first = -1;
          for (let a = 0; a < kernel; a++)
            for (let b = 0; b < kernel; b++) {
              const y = row * stride + a - padding;
              const z = column * stride + b - padding;
              if (y < 0 || y >= height || z < 0 || z >= width) continue;
              const at = ((n * height + y) * width + z) * channels + c;
              if (first < 0 || x[at]! > x[first]!) first = at;
            }
          result[first]! += dy[((n * outHeight + row) * outWidth + column) * channels + c]!;
        }
  return result;
}

function made(shape: readonly number[], stream: number): Tensor {
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  randomStream([21, 22], stream).fillNormal(data);
  return tf.tensor(data, [...shape]);
}
