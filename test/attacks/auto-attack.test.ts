import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { attackImages as attackWith } from '../../src/attacks/attack-images.ts';
import { members, versionMembers } from '../../src/attacks/auto-attack.ts';
import { countQueries } from '../../src/attacks/count-queries.ts';
import { measurePerturbation } from '../../src/attacks/dissimilarity.ts';
import { type ImageBatch, takeRows } from '../../src/attacks/images.ts';
import { judgeImages } from '../../src/attacks/judge-images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import type { Queries } from '../../src/attacks/queries.ts';
import { throughTransform } from '../../src/attacks/through-transform.ts';
import { memberCounts, membersWarnings } from '../../src/metrics/members.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { opened } from '../defenses/opened.ts';
import { attackImages, classify } from './attack-classifier.ts';
import { apgdWith, autoAttackWith } from './every-attack.ts';
import { type LinearModel, randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [6, 6, 1] as const;

beforeAll(async () => {
  await openBackend('wasm');
});

async function labelled({ classifier }: LinearModel, count: number, seed = 1): Promise<ImageBatch> {
  const images = randomImages(count, shape, classifier.classes, { seed });
  return { ...images, labels: (await classify(classifier, images)).classes };
}

describe('AutoAttack', () => {
  it('has the versions of its authors', () => {
    const of = (list: readonly { name: string; restarts: number }[]): string =>
      list.map(({ name, restarts }) => `${name} × ${restarts}`).join(', ');
    expect(of(versionMembers('standard', 'linf'))).toBe('apgd-ce × 1, apgd-t × 1, fab-t × 1, square × 1');
    expect(of(versionMembers('plus', 'linf'))).toBe(
      'apgd-ce × 5, apgd-dlr × 5, fab × 5, square × 1, apgd-t × 1, fab-t × 1',
    );
    expect(of(versionMembers('rand', 'linf'))).toBe('apgd-ce × 1, apgd-dlr × 1');
  });

  it('stays in its ball, says which attack misclassified an image, and keeps to that', async () => {
    const by = new Set<number>();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.constantFrom('linf' as const, 'l2' as const),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.shuffledSubarray(['apgd-ce', 'apgd-dlr', 'apgd-t', 'fab', 'fab-t', 'square'] as const, {
          minLength: 1,
        }),
        async (seed, norm, share, names) => {
          const epsilon = norm === 'linf' ? share * 0.06 : share * 0.3;
          const model = randomLinearModel(shape, 5, seed);
          const images = await labelled(model, 6, seed);
          const attack = autoAttackWith({ norm, members: members(2, ...names) });
          const result = await attackImages(attack, model.classifier, images, epsilon);
          for (const distance of measurePerturbation(images, result.pixels)[norm])
            expect(distance).toBeLessThanOrEqual(epsilon + 1e-6);
          const { classes } = await classify(model.classifier, { ...images, pixels: result.pixels });
          expect(result.members!.names).toEqual(names);
          for (const [row, member] of result.members!.by.entries()) {
            by.add(member);
            expect(member < 0).toBe(classes[row] === images.labels[row]);
            expect(result.members!.rightShare[row]).toBe(member < 0 ? 1 : 0);
          }
        },
      ),
      { numRuns: 25, seed: 8 },
    );
    // The cases are of both kinds.
    expect([...by].sort().slice(0, 2)).toEqual([-1, 0]);
  });

  it('gives an attack only the images that the earlier ones have left', async () => {
    const model = randomLinearModel(shape, 4);
    const images = await labelled(model, 20);
    const passes = async (...names: Parameters<typeof members>[1][]) => {
      const counted = countQueries(openQueries(model.classifier));
      const attack = autoAttackWith({ members: members(1, ...names), queries: 50 });
      const result = await attackWith(attack, counted.queries, images, 0.3);
      return { ...counted.counts(), by: result.members!.by };
    };
    const alone = await passes('apgd-ce');
    expect([...alone.by]).toEqual(Array.from({ length: 20 }, () => 0));
    expect(await passes('apgd-ce', 'apgd-t', 'square')).toEqual(alone);
    const square = await passes('square');
    expect(square.backward).toBe(0);
  });

  it('leaves no more images right than any of its attacks alone', async () => {
    const model = randomLinearModel(shape, 5);
    const images = await labelled(model, 40);
    const left = async (...names: Parameters<typeof members>[1][]): Promise<number> => {
      const attack = autoAttackWith({ members: members(1, ...names), steps: 3 });
      const result = await attackImages(attack, model.classifier, images, 0.02);
      return result.members!.by.filter((member) => member < 0).length;
    };
    const all = await left('square', 'apgd-ce', 'fab-t');
    for (const name of ['square', 'apgd-ce', 'fab-t'] as const)
      expect(all).toBeLessThanOrEqual(await left(name));
    expect(all).toBeLessThan(await left('square'));
  });

  it('refuses the ratios of logits for a model with too few classes', async () => {
    const model = randomLinearModel(shape, 3);
    const images = await labelled(model, 2);
    await expect(attackImages(autoAttackWith(), model.classifier, images, 0.1)).rejects.toThrow(
      'the targeted-dlr loss needs at least 4 classes, but the model has 3',
    );
    const targeted = apgdWith({ loss: 'targeted-dlr' });
    await expect(attackImages(targeted, model.classifier, images, 0.1)).rejects.toThrow('at least 4 classes');
  });
});

describe('on a randomised defense', async () => {
  const crop = await opened({ kind: 'transform', steps: [{ name: 'crop', params: { crops: 8, size: 4 } }] });
  const model = randomLinearModel(shape, 4);
  const behind = (eot: number): Queries =>
    openQueries(
      throughTransform(model.classifier, crop, {
        draws: eot,
        average: 'loss',
        backward: 'differentiable',
        seed: [3, 1],
      }),
    );
  const attack = autoAttackWith({ members: members(1, 'apgd-ce', 'apgd-dlr'), draws: 8 });
  const images = async (): Promise<ImageBatch> => {
    const drawn = randomImages(24, shape, 4);
    const logits = await behind(64).logits(drawn);
    const labels = Int32Array.from(drawn.labels, (_, row) => {
      const own = logits.subarray(row * 4, (row + 1) * 4);
      return own.indexOf(Math.max(...own));
    });
    return { ...drawn, labels };
  };

  it('judges each result on several fresh single draws, and again on others at the end', async () => {
    const given = await images();
    let single = 0;
    const queries = behind(4);
    const watched: Queries = {
      ...queries,
      drawLogits: (batch) => {
        single += batch.shape[0];
        return queries.drawLogits!(batch);
      },
    };
    const { members: outcomes, states } = await attackWith(attack, watched, given, 0.02);
    const { by, rightShare } = outcomes!;
    const active = [...by.keys()].filter((row) => states[row] === 'active');
    const second = active.filter((row) => by[row] !== 0).length;
    expect(single).toBe(8 * (active.length + second + active.length));
    for (const row of active) expect((8 * rightShare[row]!) % 1).toBeCloseTo(0, 5);
    // Some images are right in some of the draws only, which a single draw would hide.
    expect(active.filter((row) => rightShare[row]! > 0 && rightShare[row]! < 1).length).toBeGreaterThan(2);
  });

  it('gives the same outcomes for some of the images alone', async () => {
    const given = await images();
    const whole = await attackWith(attack, behind(4), given, 0.02);
    const rows = [3, 17, 20];
    const some = await attackWith(attack, behind(4), takeRows(given, rows), 0.02);
    for (const [index, row] of rows.entries()) {
      expect(some.pixels.subarray(index * 36, (index + 1) * 36)).toEqual(
        whole.pixels.subarray(row * 36, (row + 1) * 36),
      );
      expect(some.members!.by[index]).toBe(whole.members!.by[row]);
      expect(some.members!.rightShare[index]).toBe(whole.members!.rightShare[row]);
    }
  });

  it('judges by the share of draws, and once without draws', async () => {
    const given = await images();
    const { rightShares } = await judgeImages(behind(4), given, 40, {});
    expect(rightShares.some((share) => share > 0 && share < 1)).toBe(true);
    const plain = await judgeImages(openQueries(model.classifier), given, 40, {});
    expect(plain.rightShares.every((share) => share === 0 || share === 1)).toBe(true);
  });
});

describe('the outcomes of all parts', () => {
  const part = (labels: number[], initial: number[], by: number[], rightShare: number[]) => ({
    names: ['apgd-ce', 'square'],
    labels: Int32Array.from(labels),
    initial: Int32Array.from(initial),
    by: Int32Array.from(by),
    rightShare: Float32Array.from(rightShare),
  });

  it('are added up: what each attack got, broke and left', () => {
    const counts = memberCounts([
      part([0, 1, 2], [0, 1, 0], [0, -1, -1], [0, 1, 0]),
      part([1, 1], [1, 1], [1, 0], [0, 0]),
    ]);
    expect(counts).toEqual({
      cleanAccuracy: 0.8,
      accuracy: 0.2,
      deviation: 0,
      isRandom: false,
      members: [
        { name: 'apgd-ce', attacked: 4, broken: 2, share: 2 / 3, accuracyAfter: 0.4 },
        { name: 'square', attacked: 2, broken: 1, share: 1 / 3, accuracyAfter: 0.2 },
      ],
    });
    expect(membersWarnings(counts, false)).toEqual([expect.stringContaining('indicates masked gradients')]);
  });

  it('have the spread over draws of independent images', () => {
    const counts = memberCounts([part([0, 0, 0, 0], [0, 0, 0, 0], [-1, -1, 0, 0], [1, 0.5, 0.5, 0])]);
    expect(counts.accuracy).toBe(0.5);
    expect(counts.deviation).toBeCloseTo(Math.sqrt(0.5) / 4, 12);
    expect(membersWarnings(counts, true)).toEqual([]);
    expect(membersWarnings(counts, false)).toEqual([expect.stringContaining('the model draws at random')]);
  });
});
