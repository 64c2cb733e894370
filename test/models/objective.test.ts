import { readFileSync } from 'node:fs';
import type { Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateObjective } from '../../src/models/objective.ts';
import { trainingPass } from '../../src/models/training-network.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { readyBackends } from '../tensors/backends.ts';
import { allOperations, randomModel } from './networks.ts';
import { expectSameSteps } from './same-steps.ts';

interface Case {
  readonly labelSmoothing: number;
  readonly divergence: number;
  readonly logits: readonly number[];
  readonly counterparts: readonly number[];
  readonly labels: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
  readonly counterpartGradient: readonly number[] | null;
}

const { objectives } = JSON.parse(
  readFileSync(new URL('../reference/training.json', import.meta.url), 'utf8'),
) as { readonly objectives: readonly Case[] };

describe.each(readyBackends)('on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  it.each(objectives)(
    'has the loss and the gradients of torch at smoothing $labelSmoothing and divergence $divergence',
    async ({ logits, counterparts, labels, loss, gradient, counterpartGradient, ...objective }) => {
      const shape: [number, number] = [labels.length, logits.length / labels.length];
      const other = objective.divergence === 0 ? null : tf.tensor2d([...counterparts], shape);
      const found = evaluateObjective(
        objective,
        tf.tensor2d([...logits], shape),
        other,
        tf.tensor1d([...labels], 'int32'),
      );
      expectClose(await found.loss.data(), [loss]);
      expectClose(await found.gradient.data(), gradient);
      if (counterpartGradient === null) expect(found.counterpartGradient).toBeNull();
      else expectClose(await found.counterpartGradient!.data(), counterpartGradient);
    },
  );

  it('pulls at every weight through the counterparts too, as central differences along it show', async () => {
    const model = randomModel(allOperations());
    const weights: Record<string, Tensor> = {};
    for (const [name, { data, shape }] of Object.entries(model.weights))
      weights[name] = tf.tensor(data, [...shape]);
    const count = 8;
    const pixels = noise(count, model, [2, 3]);
    const counterparts = noise(count, model, [4, 5]);
    const run = (at: Record<string, Tensor>): ReturnType<typeof trainingPass> =>
      trainingPass(
        model.network,
        model.preprocessing,
        at,
        {
          pixels,
          counterparts,
          labels: tf.tensor1d([0, 1, 2, 3, 4, 0, 1, 2], 'int32'),
          keep: (dropout, size) =>
            Float32Array.from({ length: count * size }, (_, index) => ((index + dropout) % 3 === 0 ? 0 : 1)),
        },
        { labelSmoothing: 0.1, divergence: 2 },
      );
    const { gradients, correct } = run(weights);
    expect(correct.shape).toEqual([2 * count]);
    // Small, for batch norm over a nearly dead channel amplifies the kinks of the ReLUs.
    const step = 2e-4;
    // A GPU in software takes minutes for all of them.
    const some = Object.entries(gradients).filter((_, index) => backend !== 'webgpu' || index % 6 === 0);
    const measured = some.map(([name, gradient]) =>
      tf.tidy(() => {
        const norm = tf.norm(gradient);
        const loss = (sign: number): Tensor =>
          run({ ...weights, [name]: tf.add(weights[name]!, tf.mul(gradient, tf.div(sign * step, norm))) })
            .loss;
        return tf.stack([norm, loss(1), loss(-1)]);
      }),
    );
    const values = await tf.stack(measured).data();
    for (const [index, [name]] of some.entries()) {
      // A bias before a batch norm has no effect at all: its gradient is rounding.
      if (name === 'deep.bias') continue;
      const [norm, above, below] = values.slice(3 * index) as unknown as [number, number, number];
      expect(norm).toBeGreaterThan(1e-4);
      expect(Math.abs((above - below) / (2 * step) / norm - 1), name).toBeLessThan(0.02);
    }
  });
});

describe.runIf(readyBackends.includes('tensorflow'))('as a graph', () => {
  beforeAll(async () => {
    await openBackend('tensorflow');
  });

  it('takes the steps that the kernels take, with counterparts, dropout and batch statistics', async () => {
    const model = randomModel(allOperations());
    const pixels = (await noise(12, model, [6, 7]).data()) as Float32Array;
    await expectSameSteps(model, pixels, 2e-3, {
      objective: { labelSmoothing: 0.1, divergence: 3 },
      adversary: (batch) =>
        Promise.resolve({ ...batch, counterparts: batch.pixels.map((value) => 0.9 * value + 0.05) }),
    });
  });
});

function noise(count: number, model: NetworkModel, seed: readonly [number, number]) {
  const [height, width, channels] = model.network.inputShape;
  const data = new Float32Array(count * height * width * channels);
  randomStream(seed).fillUniform(data);
  return tf.tensor4d(data, [count, height, width, channels]);
}

function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, index) =>
    expect(Math.abs(found[index]! - value)).toBeLessThan(2e-6 * (1 + Math.abs(value))),
  );
}
