import { probeSize } from '../../src/attacks/probe-size.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack, TargetDissimilarity } from '../../src/attacks/attack.ts';
import { attackImages, prepareAttack } from '../../src/attacks/attack-images.ts';
import {
  meanOf,
  perturbationNorms,
  pixelSpace,
  ratios,
  referenceNorms,
} from '../../src/attacks/dissimilarity.ts';
import type { SetPart } from '../../src/attacks/image-set.ts';
import { allRows, type ImageBatch, sliceRows } from '../../src/attacks/images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { UndefinedDissimilarityError, UnreachableTargetError } from '../../src/attacks/search.ts';
import {
  directionStrength,
  judgeStrength,
  probeStrength,
  type SearchHistory,
} from '../../src/attacks/set-strength.ts';
import { stepAlong } from '../../src/attacks/step-along.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import type { Preparation } from '../../src/values/preparation.ts';
import { randomImages, randomLinearModel } from './linear-classifier.ts';
import { iterated, plainFgsm } from './plain-attacks.ts';

const { classifier } = randomLinearModel([3, 3, 2], 4);
const queries = openQueries(classifier);
const images = randomImages(40, [3, 3, 2], 4);
const target: TargetDissimilarity = { dissimilarity: 0.1, per: 'set', tolerance: 0.01, space: pixelSpace };

beforeAll(async () => {
  await openBackend('wasm');
});

function meanBy(batch: ImageBatch, perturbed: Float32Array): number {
  return meanOf(ratios(perturbationNorms(batch, perturbed, pixelSpace), referenceNorms(batch, pixelSpace)));
}

/** The images in parts of a size, prepared with an attack if one is given. */
async function inParts(
  batch: ImageBatch,
  size: number,
  attack?: Parameters<typeof prepareAttack>[0],
): Promise<readonly SetPart[]> {
  const parts: SetPart[] = [];
  for (let first = 0; first < batch.shape[0]; first += size) {
    const some = sliceRows(batch, first, Math.min(batch.shape[0], first + size));
    parts.push({
      images: some,
      ...(attack && { preparation: await prepareAttack(attack, queries, some) }),
    });
  }
  return parts;
}

const prepared = (parts: readonly SetPart[]): readonly Required<SetPart>[] =>
  parts as readonly Required<SetPart>[];

describe('the strength of an attack with one direction', () => {
  it('gives the target in the mean, and the same bits however the set is cut', async () => {
    const whole = prepared(await inParts(images, 40, plainFgsm));
    const found = directionStrength(whole, target, 1);
    expect(found.factor).toBe(1);
    const { displacement } = whole[0]!.preparation;
    const strengths = new Float64Array(40).fill(found.strength);
    const moved = stepAlong(images, displacement, allRows(40), strengths);
    expect(meanBy(images, moved)).toBeCloseTo(0.1, 4);
    for (const size of [1, 7, 16])
      expect(directionStrength(prepared(await inParts(images, size, plainFgsm)), target, 1)).toEqual(found);
  });

  it('refuses a target that clipping puts out of reach, and a black image by its id', async () => {
    const parts = prepared(await inParts(images, 16, plainFgsm));
    expect(() => directionStrength(parts, { ...target, dissimilarity: 50 }, 1)).toThrow(
      UnreachableTargetError,
    );
    const black: ImageBatch = {
      ...images,
      pixels: images.pixels.slice(),
      ids: images.ids.map((id) => id + 100),
    };
    black.pixels.fill(0, 18 * 20, 18 * 21);
    const blank = prepared(await inParts(black, 16, plainFgsm));
    expect(() => directionStrength(blank, target, 1)).toThrow(UndefinedDissimilarityError);
    expect(() => directionStrength(blank, target, 1)).toThrow(/id 120/);
  });
});

describe('the probe of an iterated attack', () => {
  const attack = iterated({ steps: 4 });

  it('searches a set itself that is not larger than a probe', async () => {
    const few = sliceRows(images, 0, 12);
    const { found, tries } = await probeStrength(attack, queries, await inParts(few, 5), target);
    const { pixels } = await attackImages(attack, queries, few, found.strength);
    expect(Math.abs(meanBy(few, pixels) / 0.1 - 1)).toBeLessThan(0.01);
    expect(Number.isInteger(tries)).toBe(true);
  });

  it('comes near on the set from a few of its images, whether or not the first step is known', async () => {
    const many = randomImages(400, [3, 3, 2], 4, { seed: 5 });
    const probes = [await inParts(many, 64), await inParts(many, 64, attack)];
    for (const parts of probes) {
      const { found, tries } = await probeStrength(attack, queries, parts, target);
      const { pixels } = await attackImages(attack, queries, many, found.strength);
      expect(Math.abs(meanBy(many, pixels) / 0.1 - 1)).toBeLessThan(0.05);
      expect(tries).toBeLessThan(0.7);
    }
  });

  it('corrects for images that are not like the others: every 16th is dark, and only those are probed', async () => {
    const many = randomImages(256, [3, 3, 2], 4, { seed: 6, margin: 0.3 });
    for (let row = 0; row < 256; row += 8)
      for (let at = row * 18; at < (row + 1) * 18; at++) many.pixels[at]! *= 0.5;
    const { found } = await probeStrength(attack, queries, await inParts(many, 64), target);
    const { pixels } = await attackImages(attack, queries, many, found.strength);
    expect(Math.abs(meanBy(many, pixels) / 0.1 - 1)).toBeLessThan(0.06);
  });

  it('gives the same bits however the set is cut', async () => {
    const found = await probeStrength(attack, queries, await inParts(images, 40), target);
    for (const size of [3, 16])
      expect(await probeStrength(attack, queries, await inParts(images, size), target)).toEqual(found);
  });

  it('needs two tries for a power law whose exponent the attack knows, and one more if it does not', async () => {
    const triesOf = async (elasticity: number): Promise<number> => {
      let calls = 0;
      // Every pixel moves by 0.1 s^0.6, which no image clips.
      const law: Attack = {
        kind: 'iterated',
        maximum: 10,
        search: { guess: 1, elasticity },
        prepare: ({ images: some }) => ({
          perturb: (rows, strengths) => {
            calls++;
            const size = some.pixels.length / some.shape[0];
            const moved = Float32Array.from(
              { length: rows.length * size },
              (_, at) => 0.4 + 0.1 * strengths[Math.floor(at / size)]! ** 0.6,
            );
            return Promise.resolve(moved);
          },
        }),
      };
      const grey = { ...images, pixels: images.pixels.map(() => 0.4) };
      const { found } = await probeStrength(law, queries, await inParts(sliceRows(grey, 0, 16), 16), target);
      // 0.25 s^0.6 = 0.1
      expect(found.strength / 0.4 ** (1 / 0.6)).toBeCloseTo(1, 5);
      return calls;
    };
    expect(await triesOf(0.6)).toBe(2);
    expect(await triesOf(1)).toBe(3);
  });

  it('says when the greatest strength of the attack is not enough', async () => {
    const far = { ...target, dissimilarity: 50 };
    const few = await inParts(sliceRows(images, 0, 12), 12);
    await expect(probeStrength(attack, queries, few, far)).rejects.toThrow(UnreachableTargetError);
  });

  it('takes 16 to 64 images, a third of the set', () => {
    expect([5, 16, 40, 100, 1000].map(probeSize)).toEqual([5, 16, 16, 34, 64]);
  });
});

describe('the judgement of a strength', () => {
  const first: SearchHistory = { elasticity: 0.5, before: null };
  const tried = { strength: 2, factor: 1 };

  it('accepts what is within the tolerance, and changes nothing then', () => {
    const judged = judgeStrength(tried, 0.1009, first, target, 10);
    expect(judged).toEqual({ next: tried, history: first, isReached: true });
    expect(judged.next).toBe(tried);
  });

  it('follows the power law of the probe, and then that of its own two points', () => {
    // Dissimilarity 0.05 √s: s = 4 reaches 0.1.
    const at = (strength: number): number => 0.05 * Math.sqrt(strength);
    const once = judgeStrength(tried, at(2), first, target, 10);
    expect(once.isReached).toBe(false);
    expect(once.next).toEqual({ strength: expect.closeTo(4, 10) as number, factor: 1 });
    const wrong = judgeStrength(tried, at(2), { ...first, elasticity: 1 }, target, 10);
    const { strength } = wrong.next;
    const again = judgeStrength(wrong.next, at(strength), wrong.history, target, 10);
    expect(again.next.strength).toBeCloseTo(4, 10);
  });

  it('scales the stronger perturbation down if the second try is not within the tolerance either', () => {
    const history: SearchHistory = { elasticity: 1, before: { strength: 1, dissimilarity: 0.05 } };
    expect(judgeStrength(tried, 0.2, history, target, 10).next).toEqual({ strength: 2, factor: 0.5 });
    const above: SearchHistory = { elasticity: 1, before: { strength: 3, dissimilarity: 0.125 } };
    expect(judgeStrength(tried, 0.05, above, target, 10).next).toEqual({ strength: 3, factor: 0.8 });
  });

  it('refuses a target that the greatest strength does not reach, and goes no farther than that', () => {
    expect(() => judgeStrength({ strength: 10, factor: 1 }, 0.05, first, target, 10)).toThrow(
      UnreachableTargetError,
    );
    expect(judgeStrength(tried, 0.01, first, target, 10).next.strength).toBe(10);
  });
});

describe('what an attack prepares', () => {
  it.each([
    ['fgsm', plainFgsm],
    ['i-fgsm', iterated({ steps: 4 })],
  ] as const)('%s: gives the same images as without, and asks for fewer gradients', async (_name, attack) => {
    const counted = randomLinearModel([3, 3, 2], 4);
    const ask = openQueries(counted.classifier);
    const preparation: Preparation = await prepareAttack(attack, ask, images);
    const before = counted.gradients();
    const shared = await attackImages(attack, ask, images, 0.05, { preparation });
    const afterwards = counted.gradients();
    const alone = await attackImages(attack, ask, images, 0.05);
    expect(shared).toEqual(alone);
    expect(afterwards - before).toBeLessThan(counted.gradients() - afterwards);
  });
});
