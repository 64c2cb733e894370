import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { versionMembers } from '../../src/attacks/auto-attack.ts';
import { measurePerturbation } from '../../src/attacks/dissimilarity.ts';
import { countMoved, projectOntoBallInBox } from '../../src/attacks/l1-box.ts';
import { lengthOf } from '../../src/attacks/norms.ts';
import { sparseSign, SparsitySchedule } from '../../src/attacks/sparse-steps.ts';
import { shrinkingAt } from '../../src/attacks/square.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { attackImages, classify } from './attack-classifier.ts';
import { apgdWith, squareWith } from './every-attack.ts';
import { randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [6, 6, 1] as const;
const size = 36;

beforeAll(async () => {
  await openBackend('wasm');
});

/** A random image and a perturbation that may leave the box. */
function drawn(seed: number, count: number): { image: Float32Array; delta: Float64Array } {
  const stream = randomStream([seed, 3], 0);
  return {
    image: Float32Array.from({ length: count }, () =>
      stream.bernoulli(0.2) ? stream.integer(2) : stream.uniform(),
    ),
    delta: Float64Array.from({ length: count }, () => 2 * stream.normal()),
  };
}

describe('the projection onto the L1 ball within the box', () => {
  it('has the values of a calculation by hand', () => {
    // The box cuts the first to 0.2; the others lose θ = 0.3 each: 0.2 + 0.5 + 0.1 = 0.8.
    const delta = Float64Array.of(3, 0.8, -0.4);
    projectOntoBallInBox(delta, Float32Array.of(0.8, 0.1, 0.5), 0.8);
    expect([...delta].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([0.2, 0.5, -0.1]);
  });

  it('leaves a point of the set where it is, and cuts at the box alone if the ball is large', () => {
    const inside = Float64Array.of(0.1, -0.2);
    projectOntoBallInBox(inside, Float32Array.of(0.5, 0.5), 0.5);
    expect([...inside]).toEqual([0.1, -0.2]);
    const outside = Float64Array.of(3, -0.2);
    projectOntoBallInBox(outside, Float32Array.of(0.5, 0.5), 9);
    expect([...outside]).toEqual([0.5, -0.2]);
  });

  it('is the nearest point of the set: the angle to every other point of it is obtuse', () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 1e-3, max: 8, noNaN: true }),
        (seed, count, epsilon) => {
          const { image, delta } = drawn(seed, count);
          const nearest = delta.slice();
          projectOntoBallInBox(nearest, image, epsilon);
          expect(lengthOf(nearest, 'l1')).toBeLessThanOrEqual(epsilon * (1 + 1e-9));
          nearest.forEach((value, at) => {
            expect(image[at]! + value).toBeGreaterThanOrEqual(0);
            expect(image[at]! + value).toBeLessThanOrEqual(1);
          });
          const stream = randomStream([seed, 4], 0);
          for (let round = 0; round < 20; round++) {
            const other = Float64Array.from(image, (pixel) => stream.uniform() - pixel);
            const factor = Math.min(1, (epsilon * stream.uniform()) / lengthOf(other, 'l1'));
            const product = delta.reduce(
              (sum, value, at) => sum + (value - nearest[at]!) * (factor * other[at]! - nearest[at]!),
              0,
            );
            expect(product).toBeLessThanOrEqual(1e-7);
          }
        },
      ),
      { numRuns: 300, seed: 9 },
    );
  });
});

describe('the sparse steps of APGD in L1', () => {
  it('go along the signs of the largest values, with a length of 1', () => {
    const gradient = Float32Array.of(0.1, -3, 2, 0, -0.5);
    sparseSign(gradient, 0.4);
    expect([...gradient]).toEqual([0, -0.5, 0.5, 0, 0]);
    const one = Float32Array.of(0.1, -3, 2);
    sparseSign(one, 0);
    expect([...one]).toEqual([0, -1, 0]);
    const flat = new Float32Array(3);
    sparseSign(flat, 0.5);
    expect([...flat]).toEqual([0, 0, 0]);
  });

  it('follow the schedule of the authors: the sparsity of the best point, and steps that shrink or start again', () => {
    const schedule = new SparsitySchedule(100, 300, null);
    expect([schedule.share, schedule.stepSize]).toEqual([0.2, 1]);
    const every4 = (moved: number): boolean => {
      const results = [1, 2, 3, 4].map(() => schedule.record(() => moved));
      expect(results.slice(0, 3)).toEqual([false, false, false]);
      return results[3]!;
    };
    // From 300 to 150 values: sparser, so the step is the radius and the ascent goes back.
    expect(every4(150)).toBe(true);
    expect(schedule.share).toBeCloseTo(150 / 300 / 1.5, 12);
    expect(schedule.stepSize).toBe(1);
    expect(every4(149)).toBe(false);
    expect(schedule.stepSize).toBeCloseTo(1 / 1.5, 12);
    for (let round = 0; round < 8; round++) expect(every4(149)).toBe(false);
    expect(schedule.stepSize).toBe(0.1);
    expect(every4(100)).toBe(true);
    expect(schedule.stepSize).toBe(1);
    expect(new SparsitySchedule(100, 300, 30).share).toBeCloseTo(30 / 300 / 1.5, 12);
  });

  it('reach the largest value of a linear loss in the ball within the box, to 1 percent', async () => {
    const model = randomLinearModel(shape, 2);
    const images = randomImages(6, shape, 2, { seed: 3, margin: 0.3 });
    const { classes: labels } = await classify(model.classifier, images);
    const epsilon = 2.5;
    const attack = apgdWith({ norm: 'l1', steps: 100, stopEarly: false, loss: 'margin' });
    const { pixels } = await attackImages(attack, model.classifier, { ...images, labels }, epsilon);
    for (let row = 0; row < 6; row++) {
      const sign = labels[row] === 0 ? 1 : -1;
      const slope = Array.from(
        { length: size },
        (_, at) => sign * (model.weights[2 * at + 1]! - model.weights[2 * at]!),
      );
      // The optimum fills the room of the steepest pixels, one after another.
      const original = images.pixels.subarray(row * size, (row + 1) * size);
      let [left, best] = [epsilon, 0];
      for (const at of [...slope.keys()].sort((a, b) => Math.abs(slope[b]!) - Math.abs(slope[a]!))) {
        const room = slope[at]! > 0 ? 1 - original[at]! : original[at]!;
        best += Math.abs(slope[at]!) * Math.min(room, left);
        left -= Math.min(room, left);
      }
      const moved = slope.reduce(
        (sum, value, at) => sum + value * (pixels[row * size + at]! - original[at]!),
        0,
      );
      expect(moved).toBeLessThanOrEqual(best * (1 + 1e-5));
      expect(moved).toBeGreaterThan(best * 0.99);
      expect(countMoved(original, pixels.subarray(row * size, (row + 1) * size))).toBeLessThan(size / 2);
    }
  });
});

describe('APGD and Square in L1', () => {
  it('stay in their ball and in the box', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.double({ min: 0.05, max: 6, noNaN: true }),
        fc.constantFrom('apgd', 'apgd in larger balls', 'square'),
        async (seed, epsilon, name) => {
          const model = randomLinearModel(shape, 4, seed);
          const images = randomImages(4, shape, 4, { seed });
          const { classes: labels } = await classify(model.classifier, images);
          const attack =
            name === 'square'
              ? squareWith({ norm: 'l1', queries: 12, seed: [seed, 1] })
              : apgdWith({
                  norm: 'l1',
                  steps: 12,
                  stopEarly: seed % 2 === 0,
                  largerEpsilons: name !== 'apgd',
                });
          const batch = { ...images, labels };
          const { pixels } = await attackImages(attack, model.classifier, batch, epsilon);
          for (const length of measurePerturbation(batch, pixels).l1)
            expect(length).toBeLessThanOrEqual(epsilon * (1 + 1e-5));
          for (const value of pixels) expect(value >= 0 && value <= 1).toBe(true);
          expect(pixels).not.toEqual(images.pixels);
        },
      ),
      { numRuns: 25, seed: 11 },
    );
  });

  it('AutoAttack restarts APGD-CE five times in L1 and takes five targets for APGD-T, in larger balls first', () => {
    expect(versionMembers('standard', 'l1')).toEqual([
      { name: 'apgd-ce', restarts: 5, largerEpsilons: true },
      { name: 'apgd-t', restarts: 1, largerEpsilons: true, targets: 5 },
      { name: 'fab-t', restarts: 1 },
      { name: 'square', restarts: 1 },
    ]);
    expect(versionMembers('standard', 'linf').map(({ name, restarts }) => [name, restarts])).toEqual([
      ['apgd-ce', 1],
      ['apgd-t', 1],
      ['fab-t', 1],
      ['square', 1],
    ]);
  });

  it('Square shrinks its squares as for 10,000 queries, or in proportion to its budget', () => {
    expect([0, 10, 11, 51, 201, 8001].map((at) => shrinkingAt(at, null))).toEqual([
      1,
      1,
      1 / 2,
      1 / 4,
      1 / 8,
      1 / 512,
    ]);
    expect([0, 1, 3, 90].map((at) => shrinkingAt(at, 100))).toEqual([1, 1 / 4, 1 / 8, 1 / 512]);
    expect(shrinkingAt(700, 10_000)).toBe(shrinkingAt(700, null));
  });
});
