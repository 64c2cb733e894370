import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attackImages } from '../../src/attacks/attack-images.ts';
import { countQueries } from '../../src/attacks/count-queries.ts';
import { type ImageBatch, takeRows } from '../../src/attacks/images.ts';
import { distanceBetween } from '../../src/attacks/norms.ts';
import type { Queries } from '../../src/attacks/queries.ts';
import reference from '../reference/hop_skip_jump.json' with { type: 'json' };
import { hopSkipJumpWith } from './every-attack.ts';
import { plainImages, plainNetwork } from './plain-network.ts';

const sides = [6, 6, 3] as const;
const bothNorms = ['l2', 'linf'] as const;

function distancesOf(images: ImageBatch, pixels: Float32Array, norm: 'l2' | 'linf'): number[] {
  const size = pixels.length / images.shape[0];
  return Array.from(images.labels, (_, row) => {
    const [first, end] = [row * size, (row + 1) * size];
    return distanceBetween(images.pixels.subarray(first, end), pixels.subarray(first, end), norm);
  });
}

/** Classes of a half-space, Σ w x > 0.5 Σ w, as logits that say nothing but the class. */
function halfSpace(weights: readonly number[]): Queries {
  const middle = weights.reduce((sum, weight) => sum + weight / 2, 0);
  const answer = (batch: ImageBatch): Float32Array =>
    Float32Array.from(
      Array.from(batch.labels, (_, row) => {
        const image = batch.pixels.subarray(row * weights.length, (row + 1) * weights.length);
        return image.reduce((sum, x, at) => sum + x * weights[at]!, 0) > middle ? [1, 0] : [0, 1];
      }).flat(),
    );
  const refuse = (): never => {
    throw new Error('a decision has no gradient');
  };
  return {
    classes: 2,
    inputShape: [1, weights.length, 1],
    logits: (batch) => Promise.resolve(answer(batch)),
    gradient: refuse,
    vectorJacobianProduct: refuse,
    classGradients: refuse,
  };
}

describe('attack/hop-skip-jump', () => {
  it.each(bothNorms)(
    'in %s: never asks for a gradient, and its distance never rises from jump to jump',
    async (norm) => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 30 }), async (first) => {
          const network = plainNetwork(sides);
          const images = plainImages(sides, network, 3);
          const counted = countQueries(network.queries);
          const last = new Map<number, number>();
          const attack = hopSkipJumpWith({
            norm,
            steps: 4,
            firstSamples: first,
            watch: (row, distance) => {
              expect(distance).toBeLessThanOrEqual(last.get(row) ?? Infinity);
              last.set(row, distance);
            },
          });
          const { pixels } = await attackImages(attack, counted.queries, images, 1);
          expect(counted.counts().backward).toBe(0);
          expect(network.gradients()).toBe(0);
          const logits = await network.queries.logits({ ...images, pixels });
          for (const [row, distance] of distancesOf(images, pixels, norm).entries()) {
            expect(distance).toBeCloseTo(last.get(row)!, 6);
            const own = [...logits.subarray(row * 4, row * 4 + 4)];
            expect(own.indexOf(Math.max(...own))).not.toBe(images.labels[row]);
          }
        }),
        { numRuns: 6, seed: 1 },
      );
    },
  );

  it.each(bothNorms)('in %s comes near the distance to a plane, which is known', async (norm) => {
    const weights = [3, -1, 2, 0.5, -2, 1, 1.5, -0.5, 0.7, -1.2];
    const pixels = Float32Array.from(weights, (weight) => 0.5 - 0.05 * Math.sign(weight));
    const images = { pixels, shape: [1, 1, 10, 1], labels: Int32Array.of(1), ids: Int32Array.of(0) } as const;
    const sum = (of: (weight: number) => number): number =>
      weights.reduce((all, weight) => all + of(weight), 0);
    // |w · x − b| / ‖w‖ in the dual norm.
    const gap = 0.05 * sum(Math.abs);
    const nearest = norm === 'l2' ? gap / Math.sqrt(sum((weight) => weight * weight)) : 0.05;
    const attack = hopSkipJumpWith({ norm, steps: 25, firstSamples: 100, mostSamples: 1000 });
    const result = await attackImages(attack, halfSpace(weights), images, 1);
    const [distance] = distancesOf(images, result.pixels, norm);
    expect(distance! / nearest).toBeGreaterThan(0.999);
    expect(distance! / nearest).toBeLessThan(1.02);
  });

  it.each(bothNorms)(
    'in %s: median distance and queries are near those of ART on the same images',
    async (norm) => {
      const { images: count, steps, results } = reference;
      const network = plainNetwork(sides);
      const images = plainImages(sides, network, count);
      const counted = countQueries(network.queries);
      const attack = hopSkipJumpWith({ norm, steps, firstSamples: 100, mostSamples: 10_000, starts: 100 });
      const { pixels } = await attackImages(attack, counted.queries, images, 1);
      const distances = distancesOf(images, pixels, norm).sort((a, b) => a - b);
      const mean = distances.reduce((sum, distance) => sum + distance / count, 0);
      const median = (distances[count / 2 - 1]! + distances[count / 2]!) / 2;
      const expected = results[norm];
      expect(expected.reached).toBe(count);
      process.stderr.write(
        `${norm}: mean ${mean.toFixed(6)} (${expected.mean}), median ${median.toFixed(6)} (${expected.median}), queries ${(counted.counts().forward / count).toFixed(0)} (${expected.queries})\n`,
      );
      // Both are random and far from their limit after eight jumps, and an image that has begun badly rules the mean.
      expect(median / expected.median).toBeGreaterThan(0.6);
      expect(median / expected.median).toBeLessThan(1.1);
      expect(mean / expected.mean).toBeLessThan(1.1);
      const queries = counted.counts().forward / count;
      expect(Math.abs(queries / expected.queries - 1)).toBeLessThan(0.15);
    },
  );

  it.each(bothNorms)('in %s goes to a target as near as that of ART does', async (norm) => {
    const { images: count, steps, results } = reference;
    const expected = results[`${norm} to the next class`];
    const network = plainNetwork(sides);
    const images = plainImages(sides, network, count);
    const distances: number[] = [];
    for (let target = 0; target < 4; target++) {
      const rows = [...images.labels.keys()].filter((row) => (images.labels[row]! + 1) % 4 === target);
      if (rows.length === 0) continue;
      const some = takeRows(images, rows);
      const attack = hopSkipJumpWith({
        norm,
        steps,
        targeted: target,
        firstSamples: 100,
        mostSamples: 10_000,
        starts: 100,
      });
      const { pixels } = await attackImages(attack, network.queries, some, 1);
      const logits = await network.queries.logits({ ...some, pixels });
      for (const [index, distance] of distancesOf(some, pixels, norm).entries()) {
        const own = [...logits.subarray(index * 4, index * 4 + 4)];
        expect(own.indexOf(Math.max(...own))).toBe(distance === 0 ? images.labels[rows[index]!] : target);
        if (distance > 0) distances.push(distance);
      }
    }
    distances.sort((a, b) => a - b);
    const mean = distances.reduce((sum, distance) => sum + distance / distances.length, 0);
    const median =
      (distances[Math.ceil(distances.length / 2) - 1]! + distances[Math.floor(distances.length / 2)]!) / 2;
    process.stderr.write(
      `${norm} to a class: ${distances.length} reached (${expected.reached}), mean ${mean.toFixed(6)} (${expected.mean}), median ${median.toFixed(6)} (${expected.median})\n`,
    );
    expect(distances.length).toBeGreaterThanOrEqual(expected.reached);
    expect(median / expected.median).toBeLessThan(1.1);
    expect(mean / expected.mean).toBeLessThan(1.1);
  });

  it('leaves images alone that have the target, and those for which no start is found', async () => {
    const network = plainNetwork(sides);
    const images = plainImages(sides, network, 6);
    const target = images.labels[0]!;
    const { pixels, states } = await attackImages(
      hopSkipJumpWith({ targeted: target, starts: 1, steps: 1 }),
      network.queries,
      images,
      1,
    );
    const logits = await network.queries.logits({ ...images, pixels });
    for (const [row, label] of images.labels.entries()) {
      expect(states[row]).toBe(label === target ? 'at-goal' : 'active');
      const own = [...logits.subarray(row * 4, row * 4 + 4)];
      const [distance] = distancesOf(
        takeRows(images, [row]),
        pixels.subarray(row * 108, (row + 1) * 108),
        'l2',
      );
      if (distance! > 0) expect(own.indexOf(Math.max(...own))).toBe(target);
    }
  });
});
