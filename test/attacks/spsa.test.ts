import { describe, expect, it } from 'vitest';
import { attackImages } from '../../src/attacks/attack-images.ts';
import { countQueries } from '../../src/attacks/count-queries.ts';
import { estimateGradients } from '../../src/attacks/estimate-gradient.ts';
import { marginOf } from '../../src/attacks/logits.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { BatchSizes } from '../../src/values/batch-size.ts';
import { pgdWith, spsaWith } from './every-attack.ts';
import { type PlainNetwork, plainImages, plainNetwork } from './plain-network.ts';

const sides = [4, 4, 2] as const;
const goal = { loss: 'cross-entropy', sign: 1 } as const;
const bothDirections = ['signs', 'normal'] as const;

function lossAt(network: PlainNetwork, image: Float32Array, label: number): number {
  const logits = network.logitsOf(image);
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[label]!;
}

/** Mean over directions of v (ℓ(clip(x + δ v)) − ℓ(clip(x − δ v))) / 2δ, written out. */
function bruteForce(
  network: PlainNetwork,
  image: Float32Array,
  label: number,
  { samples, delta, directions }: { samples: number; delta: number; directions: 'signs' | 'normal' },
): Float64Array {
  const stream = randomStream([5, 6], 0);
  const gradient = new Float64Array(image.length);
  for (let sample = 0; sample < samples; sample++) {
    const v = Array.from(image, () =>
      directions === 'normal' ? stream.normal() : stream.bernoulli(0.5) ? 1 : -1,
    );
    const ends = [1, -1].map((end) =>
      lossAt(
        network,
        image.map((x, at) => Math.min(1, Math.max(0, x + end * delta * v[at]!))),
        label,
      ),
    );
    for (const [at, value] of v.entries())
      gradient[at]! += (value * (ends[0]! - ends[1]!)) / (2 * delta * samples);
  }
  return gradient;
}

describe('the estimate of a gradient', () => {
  it.each(bothDirections)(
    'with %s is the mean of the slopes along the drawn directions',
    async (directions) => {
      const network = plainNetwork(sides);
      const images = plainImages(sides, network, 3);
      const options = { samples: 7, delta: 0.05, directions };
      const streams = [0, 1, 2].map(() => randomStream([5, 6], 0));
      const { gradient, logits } = await estimateGradients(
        network.queries,
        images,
        goal,
        options,
        streams,
        {},
      );
      for (let row = 0; row < 3; row++) {
        const image = images.pixels.subarray(row * 32, (row + 1) * 32);
        const expected = bruteForce(network, image, images.labels[row]!, options);
        for (const [at, value] of expected.entries()) expect(gradient[row * 32 + at]).toBeCloseTo(value, 3);
        expect([...logits.subarray(row * 4, row * 4 + 4)]).toEqual([
          ...Float32Array.from(network.logitsOf(image)),
        ]);
      }
      expect(network.gradients()).toBe(0);
    },
  );

  it.each(bothDirections)('with %s approaches the gradient as 1 / √samples', async (directions) => {
    const network = plainNetwork(sides);
    const drawn = plainImages(sides, network, 1);
    const images = { ...drawn, pixels: drawn.pixels.map((x) => 0.3 + 0.4 * x) };
    const exact = network.gradientOf(images.pixels, images.labels[0]!);
    const length = Math.hypot(...exact);
    const errorAt = async (samples: number): Promise<number> => {
      const options = { samples, delta: 1e-2, directions };
      const { gradient } = await estimateGradients(
        network.queries,
        images,
        goal,
        options,
        [randomStream([9, 9], samples)],
        {},
      );
      return Math.hypot(...exact.map((value, at) => gradient[at]! - value)) / length;
    };
    // The variance of each component is about ‖g‖² / samples, of 32 components.
    expect(await errorAt(320)).toBeLessThan(0.6);
    expect(await errorAt(32_000)).toBeLessThan(0.06);
  });

  it('does not depend on the batch: the same bytes one pair at a time', async () => {
    const network = plainNetwork(sides);
    const images = plainImages(sides, network, 3);
    const options = { samples: 5, delta: 0.05, directions: 'signs' } as const;
    const run = (hooks: { batchSizes?: BatchSizes }) =>
      estimateGradients(
        network.queries,
        images,
        goal,
        options,
        [0, 1, 2].map((row) => randomStream([5, 6], row)),
        hooks,
      );
    const small = new BatchSizes();
    Object.defineProperty(small, 'rows', { value: () => 2 });
    expect((await run({ batchSizes: small })).gradient).toEqual((await run({})).gradient);
  });
});

describe('attack/spsa', () => {
  it.each(bothDirections)(
    'with %s never asks for a gradient, and makes 2 · samples + 1 queries a step',
    async (directions) => {
      const network = plainNetwork(sides);
      const images = plainImages(sides, network, 3);
      const counted = countQueries(network.queries);
      const attack = spsaWith({ directions, samples: 9, steps: 3 });
      const { pixels } = await attackImages(attack, counted.queries, images, 0.05);
      expect(counted.counts()).toEqual({ forward: 3 * (1 + 3 * 19), backward: 0 });
      expect(network.gradients()).toBe(0);
      for (const [at, value] of pixels.entries())
        expect(Math.abs(value - images.pixels[at]!)).toBeLessThanOrEqual(0.05 + 1e-6);
    },
  );

  it.each(bothDirections)(
    'with %s raises the margin nearly as far as PGD with gradients',
    async (directions) => {
      const network = plainNetwork(sides);
      const images = plainImages(sides, network, 6);
      const marginsAfter = async (attack: ReturnType<typeof spsaWith>): Promise<number> => {
        const { pixels } = await attackImages(attack, network.queries, images, 0.05);
        const logits = await network.queries.logits({ ...images, pixels });
        return images.labels.reduce((sum, label, row) => sum + marginOf(logits, 4, row, label) / 6, 0);
      };
      const before = await marginsAfter(spsaWith({ steps: 1, samples: 1, learningRate: 1e-9 }));
      const exact = await marginsAfter(pgdWith({ randomStart: false, steps: 20 }));
      const estimated = await marginsAfter(
        spsaWith({ loss: 'cross-entropy', directions, samples: 64, steps: 20, learningRate: 0.01 }),
      );
      expect(exact).toBeGreaterThan(before);
      expect((estimated - before) / (exact - before)).toBeGreaterThan(0.85);
    },
  );

  it('ends early where it is to, at the first point that is misclassified', async () => {
    const network = plainNetwork(sides);
    const images = plainImages(sides, network, 4);
    const counted = countQueries(network.queries);
    const attack = spsaWith({ samples: 32, steps: 200, stopEarly: true });
    const { pixels } = await attackImages(attack, counted.queries, images, 1);
    const logits = await network.queries.logits({ ...images, pixels });
    for (const [row, label] of images.labels.entries())
      expect(marginOf(logits, 4, row, label)).toBeGreaterThan(0);
    expect(counted.counts().forward).toBeLessThan(4 * 200 * 65);
  });
});
