import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainedWeights, trainingPass } from '../../src/models/training-network.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import { readyBackends } from '../tensors/backends.ts';
import { allOperations, networkWith, randomModel, smallTransformer } from './networks.ts';

describe.each(readyBackends)('on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  describe('trainingPass', () => {
    it.each([
      ['every operation', allOperations],
      ['a transformer', smallTransformer],
    ])('has the gradient of every weight of %s, as central differences along it show', async (_, build) => {
      const model = randomModel(build());
      const weights: Record<string, Tensor> = {};
      for (const [name, { data, shape }] of Object.entries(model.weights))
        weights[name] = tf.tensor(data, [...shape]);
      const run = (at: Record<string, Tensor>): ReturnType<typeof trainingPass> =>
        trainingPass(model.network, model.preprocessing, at, {
          pixels: images(8),
          labels: tf.tensor1d([0, 1, 2, 3, 4, 0, 1, 2], 'int32'),
          keep: (_, size) =>
            Float32Array.from({ length: 8 * size }, (_value, index) => (index % 3 === 0 ? 0 : 1)),
        });
      const { gradients } = run(weights);
      expect(Object.keys(gradients).sort()).toEqual(trainedWeights(weights).sort());
      // Small, for batch norm over a nearly dead channel amplifies the kinks of the ReLUs.
      const step = 2e-4;
      // Read once at the end: a device takes longer to answer than to compute.
      // A GPU in software takes minutes for all of them.
      const some = Object.entries(gradients).filter((_, index) => backend !== 'webgpu' || index % 4 === 0);
      const measured = some.map(([name, gradient]) =>
        tf.tidy(() => {
          const norm = tf.norm(gradient);
          const loss = (sign: number): Tensor => {
            const moved = tf.add(weights[name]!, tf.mul(gradient, tf.div(sign * step, norm)));
            return run({ ...weights, [name]: moved }).loss;
          };
          return tf.stack([norm, loss(1), loss(-1)]);
        }),
      );
      const values = await tf.stack(measured).data();
      for (const [index, [name]] of some.entries()) {
        const [norm, above, below] = values.slice(3 * index) as unknown as [number, number, number];
        // A bias before a batch norm has no effect at all: its gradient is rounding.
        if (name === 'deep.bias') {
          expect(norm).toBeLessThan(1e-5);
          continue;
        }
        expect(norm).toBeGreaterThan(1e-4);
        expect(Math.abs((above - below) / (2 * step) / norm - 1), name).toBeLessThan(0.02);
      }
    });

    it('normalises by the batch and blends its statistics in, the variance unbiased', async () => {
      const model = randomModel(networkWith((b, x) => b.batchNorm('n', x)));
      const weights: Record<string, Tensor> = {};
      for (const [name, { data, shape }] of Object.entries(model.weights))
        weights[name] = tf.tensor(data, [...shape]);
      const pixels = images(3, [7, 6, 2]);
      const { statistics } = trainingPass(model.network, model.preprocessing, weights, {
        pixels,
        labels: tf.tensor1d([0, 1, 2], 'int32'),
        keep: () => new Float32Array(),
      });
      const x = tf.conv2d(pixels, weights['first.weight'] as Tensor4D, 1, 'same').add(weights['first.bias']!);
      const values = Array.from(await x.data());
      for (let c = 0; c < 4; c++) {
        const channel = values.filter((_, index) => index % 4 === c);
        const mean = channel.reduce((sum, value) => sum + value, 0) / channel.length;
        const variance = channel.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (channel.length - 1);
        const blended = (part: string, value: number): number =>
          0.9 * model.weights[`n.${part}`]!.data[c]! + 0.1 * value;
        expect((await statistics['n.running_mean']!.data())[c]).toBeCloseTo(blended('running_mean', mean), 5);
        expect((await statistics['n.running_var']!.data())[c]).toBeCloseTo(
          blended('running_var', variance),
          5,
        );
      }
    });
  });
});

function images(count: number, size: [number, number, number] = [9, 10, 2]): Tensor4D {
  const data = new Float32Array(count * size[0] * size[1] * size[2]);
  randomStream([2, 3]).fillUniform(data);
  return tf.tensor4d(data, [count, ...size]);
}
