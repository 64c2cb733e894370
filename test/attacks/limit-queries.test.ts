import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { attackImages } from '../../src/attacks/attack-images.ts';
import { measurePerturbation } from '../../src/attacks/dissimilarity.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { limitQueries } from '../../src/attacks/limit-queries.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { classify } from './attack-classifier.ts';
import { everyAttack, hopSkipJumpWith, pgdWith } from './every-attack.ts';
import { linearModel, randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [4, 4, 1] as const;

beforeAll(async () => {
  await openBackend('wasm');
});

/** The classifier, which counts the passes of each image by itself, apart from everything in the engine. */
function counting(classifier: Classifier): { classifier: Classifier; passes: Map<number, number> } {
  const passes = new Map<number, number>();
  const count = (ids: Int32Array | undefined, cost: number): void => {
    for (const id of ids!) passes.set(id, (passes.get(id) ?? 0) + cost);
  };
  return {
    passes,
    classifier: {
      ...classifier,
      logits: (pixels, ids) => {
        count(ids, 1);
        return classifier.logits(pixels, ids);
      },
      inputGradient: (pixels, labels, loss, ids) => {
        count(ids, 2);
        return classifier.inputGradient(pixels, labels, loss, ids);
      },
      vectorJacobianProduct: (pixels, cotangent, ids) => {
        count(ids, 2);
        return classifier.vectorJacobianProduct(pixels, cotangent, ids);
      },
      classGradients: (pixels, chosen, ids) => {
        count(ids, 1 + chosen.shape[1]);
        return classifier.classGradients(pixels, chosen, ids);
      },
    },
  };
}

async function labelled(classifier: Classifier, seed: number): Promise<ImageBatch> {
  const images = randomImages(6, shape, 4, { seed });
  const { classes } = await classify(classifier, images);
  // The last one is misclassified from the start.
  return { ...images, labels: classes.map((own, row) => (row === 5 ? (own + 1) % 4 : own)) };
}

describe.each(everyAttack)('%s', (_, attack, strength) => {
  it('never makes more passes of an image than it may, and ends in [0, 1]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.integer({ min: 1, max: 40 }), async (seed, limit) => {
        const { classifier, passes } = counting(randomLinearModel(shape, 4, seed).classifier);
        const images = await labelled(classifier, seed);
        passes.clear();
        const result = await attackImages(attack, openQueries(classifier), images, strength, { limit });
        expect(Math.max(...passes.values())).toBeLessThanOrEqual(limit);
        expect(passes.size).toBe(6);
        expect(result.pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
        expect(result.zeroGradients).toBe(0);
        expect(result.initial).toEqual((await classify(classifier, images)).classes);
      }),
      { numRuns: 6, seed: 3 },
    );
  });

  it('does as without a limit if it needs less, and gives the same bytes for an image alone', async () => {
    const { classifier } = randomLinearModel(shape, 4);
    const images = await labelled(classifier, 1);
    const queries = openQueries(classifier);
    const free = await attackImages(attack, queries, images, strength);
    const rich = await attackImages(attack, queries, images, strength, { limit: 1_000_000 });
    expect(rich.pixels).toEqual(free.pixels);
    expect(rich.spent).toBe(0);
    const poor = await attackImages(attack, queries, images, strength, { limit: 11 });
    const { pixels, shape: whole, labels, ids } = images;
    const alone = {
      pixels: pixels.slice(32, 48),
      shape: [1, ...shape] as const,
      labels: labels.slice(2, 3),
      ids: ids.slice(2, 3),
    };
    const one = await attackImages(attack, queries, alone, strength, { limit: 11 });
    expect(one.pixels).toEqual(poor.pixels.subarray(32, 48));
    expect(whole[0]).toBe(6);
  });
});

/** Those without a target, which may find a class farther away when the original is misclassified already, and not in L0. */
const untargeted = everyAttack.filter(([name]) =>
  /^(fab|ddn|fmn|hop-skip-jump)(?!.*( class| L0))/.test(name),
);
describe.each(untargeted)('%s', (name, attack) => {
  it('keeps what it has found: misclassified or the original, and no farther with more queries', async () => {
    const { classifier } = randomLinearModel(shape, 4);
    const images = await labelled(classifier, 7);
    const norm = /L∞|^fab$/.test(name) ? 'linf' : 'l2';
    let before = new Float64Array(6).fill(Infinity);
    for (const limit of [2, 9, 17, 30, 60, 120]) {
      const { pixels } = await attackImages(attack, openQueries(classifier), images, 1, { limit });
      const { classes } = await classify(classifier, { ...images, pixels });
      const distances = Float64Array.from(measurePerturbation(images, pixels)[norm], (distance, row) => {
        const isFound = classes[row] !== images.labels[row];
        if (!isFound) expect(distance).toBe(0);
        return isFound ? distance : Infinity;
      });
      for (const [row, distance] of distances.entries()) expect(distance).toBeLessThanOrEqual(before[row]!);
      before = distances;
    }
    expect(before.filter((distance) => distance < Infinity).length).toBeGreaterThanOrEqual(3);
  });
});

describe('limitQueries', () => {
  it('answers a refused query with the logits of the original and zeros, and the others as ever', async () => {
    const { classifier } = linearModel([1, 1, 1], 2, Float32Array.of(1, -1));
    const images = {
      pixels: Float32Array.of(0.25, 0.5, 0.75),
      shape: [3, 1, 1, 1],
      labels: Int32Array.of(0, 0, 0),
      ids: Int32Array.of(7, 8, 9),
    } as const;
    const known = { ids: images.ids, logits: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const limited = limitQueries(openQueries(classifier), 3, known);
    const cotangent = Float32Array.of(1, 0, 1, 0, 1, 0);
    // Image 8 pays for a gradient and a class, and has nothing left; the others have a pass left.
    const some = {
      ...images,
      pixels: images.pixels.slice(1, 2),
      shape: [1, 1, 1, 1],
      ids: Int32Array.of(8),
    } as const;
    await limited.logits({ ...some, labels: Int32Array.of(0) });
    const { gradient, logits } = await limited.vectorJacobianProduct(images, cotangent);
    expect([...gradient]).toEqual([1, 1, 1]);
    expect([...logits]).toEqual([0.25, -0.25, 0.5, -0.5, 0.75, -0.75]);
    expect([7, 8, 9].map(limited.isSpent)).toEqual([false, false, false]);
    expect([...(await limited.logits(images))]).toEqual([0.25, -0.25, 3, 4, 0.75, -0.75]);
    expect([7, 8, 9].map(limited.isSpent)).toEqual([false, true, false]);
    const chosen = Int32Array.of(0, 1, 0, 1, 0, 1);
    const refused = await limited.classGradients(images, chosen);
    expect([...refused.gradients]).toEqual([0, 0, 0, 0, 0, 0]);
    expect([...refused.logits]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('counts an image that is several times in a batch each time, and leaves what is reserved', async () => {
    const { classifier } = linearModel([1, 1, 1], 2, Float32Array.of(1, -1));
    const batch = {
      pixels: Float32Array.of(0.25, 0.5, 0.75),
      shape: [3, 1, 1, 1],
      labels: Int32Array.of(0, 0, 0),
      ids: Int32Array.of(4, 4, 4),
    } as const;
    const limited = limitQueries(openQueries(classifier), 3, {
      ids: Int32Array.of(4),
      logits: Float32Array.of(8, 9),
    });
    const reserving = limited.reserving(1);
    expect([...(await reserving.logits(batch))]).toEqual([0.25, -0.25, 0.5, -0.5, 8, 9]);
    expect([reserving.isSpent(4), limited.isSpent(4), limited.wasRefused(4)]).toEqual([true, false, true]);
    expect([...(await limited.logits(batch))]).toEqual([0.25, -0.25, 8, 9, 8, 9]);
  });
});

it('PGD that has to end keeps the last of its points that is known to be misclassified', async () => {
  // The class is 0 as long as the first pixel is not below the second, so that the first step is misclassified.
  const { classifier } = linearModel([1, 2, 1], 2, Float32Array.of(1, -1, -1, 1));
  const images = {
    pixels: Float32Array.of(0.58, 0.4),
    shape: [1, 1, 2, 1],
    labels: Int32Array.of(0),
    ids: Int32Array.of(0),
  } as const;
  const attack = pgdWith({ randomStart: false, steps: 8, stepSize: { absolute: 0.1 } });
  const endOf = async (gradients: number): Promise<readonly number[]> => {
    const limit = 1 + 2 * gradients;
    const { pixels, spent } = await attackImages(attack, openQueries(classifier), images, 0.5, { limit });
    expect(spent).toBe(1);
    return [...pixels];
  };
  const near = (...pixels: number[]): unknown[] => pixels.map((pixel) => expect.closeTo(pixel, 5) as unknown);
  // After one gradient the next point has not been queried, but no better one is known; after two the point of before is.
  expect(await endOf(1)).toEqual(near(0.48, 0.5));
  expect(await endOf(2)).toEqual(near(0.48, 0.5));
});

it('AutoAttack and PGD with restarts keep passes for their judgement, so that a success at the end counts', async () => {
  const { classifier } = randomLinearModel(shape, 4);
  const images = await labelled(classifier, 1);
  for (const [name, attack, strength] of everyAttack.filter(([some]) => /^(auto-attack|pgd)$/.test(some))) {
    let least = 6;
    for (let limit = 1; limit < 60; limit++) {
      const { pixels } = await attackImages(attack, openQueries(classifier), images, 4 * strength, { limit });
      const { classes } = await classify(classifier, { ...images, pixels });
      const right = classes.filter((own, row) => own === images.labels[row]).length;
      expect(right, `${name} with ${limit}`).toBeLessThanOrEqual(least + 1);
      least = Math.min(least, right);
    }
    expect(least, name).toBe(0);
  }
});

it('HopSkipJump without a misclassified start leaves the image alone', async () => {
  const { classifier } = linearModel([2, 2, 1], 2, new Float32Array(8));
  const images = { ...randomImages(2, [2, 2, 1], 2), labels: new Int32Array(2) };
  const { pixels } = await attackImages(hopSkipJumpWith(), openQueries(classifier), images, 1);
  expect(pixels).toEqual(images.pixels);
});
