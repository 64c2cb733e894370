import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { attackImages as attackWith } from '../../src/attacks/attack-images.ts';
import { countQueries } from '../../src/attacks/count-queries.ts';
import { measurePerturbation } from '../../src/attacks/dissimilarity.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { proposalOf, startOf } from '../../src/attacks/square-proposals.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { attackImages, classify } from './attack-classifier.ts';
import { apgdWith, deepFoolWith, squareWith } from './every-attack.ts';
import { type LinearModel, randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [7, 6, 2] as const;
const size = 84;
const proposalShape = { height: 7, width: 6, channels: 2 };

beforeAll(async () => {
  await openBackend('wasm');
});

async function labelled({ classifier }: LinearModel, count: number, seed = 1): Promise<ImageBatch> {
  const images = randomImages(count, shape, classifier.classes, { seed });
  return { ...images, labels: (await classify(classifier, images)).classes };
}

describe('Square', () => {
  it('stays in its ball, never loses its best margin, keeps to its queries and takes no gradient', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.constantFrom('linf' as const, 'l2' as const),
        fc.double({ min: 1e-3, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 3 }),
        async (seed, norm, epsilon, queries, restarts) => {
          const model = randomLinearModel(shape, 4, seed);
          const images = await labelled(model, 5, seed);
          const best = new Map<number, { margin: number; asked: number }>();
          const attack = squareWith({
            norm,
            queries,
            restarts,
            watch: (row, margin, bestMargin) => {
              const { margin: before, asked } = best.get(row) ?? { margin: -Infinity, asked: 0 };
              const isStart = asked % queries === 0;
              expect(bestMargin).toBe(isStart ? margin : Math.max(before, margin));
              best.set(row, { margin: bestMargin, asked: asked + 1 });
            },
          });
          const counted = countQueries(openQueries(model.classifier));
          const { pixels } = await attackWith(attack, counted.queries, images, epsilon);
          for (const distance of measurePerturbation(images, pixels)[norm])
            expect(distance).toBeLessThanOrEqual(epsilon + 1e-6);
          for (const { asked } of best.values()) expect(asked).toBeLessThanOrEqual(queries * restarts);
          const asked = [...best.values()].reduce((sum, image) => sum + image.asked, 0);
          // The originals are classified once.
          expect(counted.counts()).toEqual({ forward: 5 + asked, backward: 0 });
          expect(model.gradients()).toBe(0);
        },
      ),
      { numRuns: 40, seed: 2 },
    );
  });

  it('misclassifies most images where APGD misclassifies all', async () => {
    const model = randomLinearModel([8, 8, 1], 3);
    const drawn = randomImages(40, [8, 8, 1], 3);
    const images = { ...drawn, labels: (await classify(model.classifier, drawn)).classes };
    const right = async (attack: ReturnType<typeof squareWith>, epsilon: number): Promise<number> => {
      const { pixels } = await attackImages(attack, model.classifier, images, epsilon);
      const { classes } = await classify(model.classifier, { ...images, pixels });
      return classes.filter((predicted, row) => predicted === images.labels[row]).length;
    };
    expect(await right(apgdWith({ steps: 50 }), 0.3)).toBe(0);
    expect(await right(squareWith({ queries: 500 }), 0.3)).toBeLessThanOrEqual(4);
    expect(await right(squareWith({ queries: 1 }), 0.3)).toBeGreaterThan(20);
  });
});

it('counts the passes of other attacks: one forward and k backward for the gradients of k classes', async () => {
  const model = randomLinearModel(shape, 4);
  const images = await labelled(model, 6);
  const counted = countQueries(openQueries(model.classifier));
  await attackWith(deepFoolWith({ steps: 1 }), counted.queries, images, 1);
  expect(counted.counts()).toEqual({ forward: 12, backward: 24 });
});

describe('the changes that Square proposes', () => {
  const original = randomImages(1, shape, 2, { margin: 0.3 }).pixels;
  const stream = (): ReturnType<typeof randomStream> => randomStream([3, 4], 1);
  const deltaOf = (point: Float32Array, from: Float32Array): number[] =>
    Array.from(point, (value, at) => value - from[at]!);

  it('start in L∞ with vertical stripes of ±ε', () => {
    const delta = deltaOf(startOf(original, proposalShape, 0.1, 'linf', stream()), original);
    delta.forEach((value, at) => {
      expect(Math.abs(value)).toBeCloseTo(0.1, 6);
      expect(value).toBeCloseTo(delta[at % 12]!, 6);
    });
  });

  it('set in L∞ one square of the right size to ±ε, one sign for each channel', () => {
    const best = startOf(original, proposalShape, 0.1, 'linf', stream());
    const draws = stream();
    for (let round = 0; round < 50; round++) {
      const change = deltaOf(proposalOf(original, best, proposalShape, 0.1, 'linf', 0.2, draws), best);
      for (const channel of [0, 1]) {
        const changed = [...change.keys()].filter((at) => at % 2 === channel && Math.abs(change[at]!) > 1e-6);
        const [rows, columns] = [
          (at: number) => Math.floor(at / 12),
          (at: number) => Math.floor((at % 12) / 2),
        ];
        // √(0.2 · 42) is 2.9, so the side is 3; stripes that have the sign already do not change.
        const spread = (of: (at: number) => number): number =>
          changed.length === 0 ? 0 : Math.max(...changed.map(of)) - Math.min(...changed.map(of));
        expect(spread(rows)).toBeLessThan(3);
        expect(spread(columns)).toBeLessThan(3);
        expect(new Set(changed.map((at) => Math.sign(change[at]!))).size).toBeLessThanOrEqual(1);
      }
    }
  });

  it('lie in L2 on the sphere, and empty the second square', () => {
    const start = startOf(original, proposalShape, 0.2, 'l2', stream());
    const length = (delta: readonly number[]): number => Math.hypot(...delta);
    expect(length(deltaOf(start, original))).toBeCloseTo(0.2, 5);
    let emptied = 0;
    const draws = stream();
    for (let round = 0; round < 50; round++) {
      const delta = deltaOf(proposalOf(original, start, proposalShape, 0.2, 'l2', 0.2, draws), original);
      expect(length(delta)).toBeCloseTo(0.2, 5);
      const before = deltaOf(start, original);
      if (delta.some((value, at) => Math.abs(value) < 1e-7 && Math.abs(before[at]!) > 1e-3)) emptied++;
    }
    expect(emptied).toBeGreaterThan(20);
    expect(size).toBe(original.length);
  });
});
