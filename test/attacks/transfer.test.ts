import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attackImages } from '../../src/attacks/attack-images.ts';
import { countQueries } from '../../src/attacks/count-queries.ts';
import { goalGradient } from '../../src/attacks/goal.ts';
import {
  drawPlacement,
  place,
  type Placement,
  pullBackPlacement,
} from '../../src/attacks/input-diversity.ts';
import { momentumFgsm } from '../../src/attacks/mi-fgsm.ts';
import { convolve, gaussianKernel } from '../../src/attacks/translation-kernel.ts';
import type { TransferOptions } from '../../src/attacks/transfer.ts';
import { randomStream } from '../../src/tensors/random.ts';
import reference from '../reference/transfer_attacks.json' with { type: 'json' };
import { everyIdea, transferWith } from './every-attack.ts';
import { plainGoal } from './plain-attacks.ts';
import { plainImage, plainImages, plainNetwork } from './plain-network.ts';

const sides = [10, 10, 3] as const;
const epsilon = 0.1;
const diversity = { probability: 0.6, smallest: 0.7 };

/** The attacks of test/reference/transfer_attacks.py. */
const attacks: Readonly<Record<keyof typeof reference.attacks, Partial<TransferOptions>>> = {
  mi: {},
  ni: { nesterov: true, decay: 0.9 },
  di: { decay: 0.8, diversity },
  ti: { kernel: 5 },
  'ti-di': { kernel: 7, diversity },
  vmi: { variance: { samples: 3, range: 1.5 } },
  vni: { nesterov: true, variance: { samples: 2, range: 2 } },
};

describe('attack/transfer beside torchattacks, with the same draws', () => {
  it.each(Object.keys(attacks) as (keyof typeof attacks)[])('%s gives the same images', async (name) => {
    const network = plainNetwork(sides);
    const images = plainImages(sides, network, 3);
    const attack = transferWith({ steps: 6, clipped: false, ...attacks[name] });
    const { pixels } = await attackImages(attack, network.queries, images, epsilon);
    for (const [row, expected] of reference.attacks[name].entries()) {
      expect(images.labels[row]).toBe(expected.label);
      const own = pixels.subarray(row * 300, (row + 1) * 300);
      // The sign of a momentum that is nearly zero is decided by the last bits: none is here.
      for (const [at, value] of own.entries()) expect(value).toBeCloseTo(expected.pixels[at]!, 4);
    }
  });

  it('tells the ideas apart: each gives other images than momentum alone', () => {
    for (const [name, results] of Object.entries(reference.attacks)) {
      for (const [row, { pixels }] of results.entries()) {
        const apart = pixels.filter(
          (value, at) => Math.abs(value - reference.attacks.mi[row]!.pixels[at]!) > 1e-3,
        );
        if (name !== 'mi') expect(apart.length, name).toBeGreaterThan(3);
      }
    }
  });
});

describe('input diversity', () => {
  it('resizes and pads as PyTorch does, and pulls gradients back as its autograd', () => {
    const image = plainImage(sides, 1);
    for (const { rows, top, left, placed, gradient } of reference.placements) {
      const placement = { height: rows, width: rows, top, left };
      const own = place(image, sides, placement);
      for (const [at, value] of own.entries()) expect(value).toBeCloseTo(placed[at]!, 5);
      const slopes = Float32Array.from(own, (_, at) => Math.sin(at));
      const pulled = pullBackPlacement(slopes, sides, placement);
      for (const [at, value] of pulled.entries()) expect(value).toBeCloseTo(gradient[at]!, 4);
    }
  });

  it('draws placements that fit, uniformly over sizes, as often as it should', () => {
    const stream = randomStream([1, 2], 0);
    const drawn = Array.from({ length: 4000 }, () =>
      drawPlacement([10, 20, 1], { probability: 0.5, smallest: 0.7 }, stream),
    );
    const placed = drawn.filter((placement): placement is Placement => placement !== null);
    expect(Math.abs(placed.length - 2000)).toBeLessThan(150);
    for (const { height, width, top, left } of placed) {
      expect([7, 8, 9]).toContain(height);
      expect(width).toBe(2 * height);
      expect(top + height).toBeLessThanOrEqual(10);
      expect(left + width).toBeLessThanOrEqual(20);
    }
    for (const height of [7, 8, 9]) {
      const share = placed.filter((placement) => placement.height === height).length / placed.length;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.04);
    }
  });

  it('has the gradient of its loss: finite differences through the placement', async () => {
    const network = plainNetwork([6, 5, 2]);
    const images = plainImages([6, 5, 2], network, 1);
    const goal = { loss: 'cross-entropy', rounded: false, labels: images.labels, sign: 1 } as const;
    await fc.assert(
      fc.asyncProperty(fc.nat(1e6), async (seed) => {
        const placement = drawPlacement(
          [6, 5, 2],
          { probability: 1, smallest: 0.4 },
          randomStream([seed, 1], 0),
        )!;
        const lossOf = (image: Float32Array): number => {
          const logits = network.logitsOf(place(image, [6, 5, 2], placement));
          const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
          return Math.log(total) - logits[images.labels[0]!]!;
        };
        const pixels = place(images.pixels, [6, 5, 2], placement);
        const { gradient } = await goalGradient(network.queries, { ...images, pixels }, goal);
        const pulled = pullBackPlacement(gradient, [6, 5, 2], placement);
        for (const at of [0, 17, 31, 59]) {
          const [up, down] = [1e-2, -1e-2].map((step) => {
            const moved = images.pixels.slice();
            moved[at]! += step;
            return lossOf(moved);
          });
          expect(pulled[at]).toBeCloseTo((up! - down!) / 2e-2, 3);
        }
      }),
      { numRuns: 30, seed: 1 },
    );
  });
});

describe('the kernel of TI', () => {
  it('is a Gaussian with sum 1, from −3 to 3 standard deviations', () => {
    const kernel = gaussianKernel(5);
    expect(kernel.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    expect(kernel[2]! / kernel[1]!).toBeCloseTo(Math.exp(1.5 ** 2 / 2), 9);
    expect(kernel[2]! / kernel[0]!).toBeCloseTo(Math.exp(4.5), 6);
    expect([...gaussianKernel(1)]).toEqual([1]);
  });

  it('convolves each channel, with zeros beyond the border, as the sum over the window does', () => {
    const [height, width, channels] = [4, 6, 2];
    const image = Float32Array.from({ length: 48 }, (_, at) => Math.cos(at * at));
    const kernel = gaussianKernel(5);
    const smoothed = convolve(image, [height, width, channels], kernel);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0;
          for (let down = -2; down <= 2; down++)
            for (let across = -2; across <= 2; across++) {
              const [y, x] = [row + down, column + across];
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              sum += kernel[down + 2]! * kernel[across + 2]! * image[(y * width + x) * channels + channel]!;
            }
          expect(smoothed[(row * width + column) * channels + channel]).toBeCloseTo(sum, 5);
        }
  });
});

describe('attack/transfer', () => {
  it('without any idea but momentum is MI-FGSM, bit for bit', async () => {
    const network = plainNetwork(sides);
    const images = plainImages(sides, network, 3);
    const own = await attackImages(transferWith({ steps: 5 }), network.queries, images, epsilon);
    const other = await attackImages(
      momentumFgsm({ ...plainGoal, steps: 5, decay: 1 }),
      network.queries,
      images,
      epsilon,
    );
    expect(own.pixels).toEqual(other.pixels);
  });

  it('takes one gradient a step, and as many more as it has neighbours; all stay in the ball', async () => {
    const network = plainNetwork(sides);
    const images = plainImages(sides, network, 2);
    const counted = countQueries(network.queries);
    const { pixels } = await attackImages(transferWith(everyIdea), counted.queries, images, epsilon);
    // Two images, four steps of 1 + 2 gradients, and the originals.
    expect(counted.counts()).toEqual({ forward: 2 * (4 * 3 + 1), backward: 2 * 4 * 3 });
    for (const [at, value] of pixels.entries())
      expect(Math.abs(value - images.pixels[at]!)).toBeLessThanOrEqual(epsilon + 1e-6);
  });
});
