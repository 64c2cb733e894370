/** Targeted forms of minimum-norm attacks, FMN in L0, and CW-L2 in a ball. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack } from '../../src/attacks/attack.ts';
import { measurePerturbation } from '../../src/attacks/dissimilarity.ts';
import * as engine from '../../src/attacks/attack-images.ts';
import { type ImageBatch, takeRows } from '../../src/attacks/images.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { attackImages, classify } from './attack-classifier.ts';
import deepFoolReference from '../reference/targeted_deepfool.json' with { type: 'json' };
import { carliniWagnerWith, ddnWith, deepFoolWith, fmnWith } from './every-attack.ts';
import { type LinearModel, randomImages, randomLinearModel } from './linear-classifier.ts';
import { plainImages, plainNetwork } from './plain-network.ts';

const shape = [5, 5, 1] as const;
const size = 25;
const count = 12;

beforeAll(async () => {
  await openBackend('wasm');
});

async function labelled({ classifier }: LinearModel, margin = 0.35): Promise<ImageBatch> {
  const images = randomImages(count, shape, classifier.classes, { seed: 5, margin });
  return { ...images, labels: (await classify(classifier, images)).classes };
}

const towards: readonly (readonly [name: string, attackAt: (target: number) => Attack])[] = [
  ['DeepFool', (targeted) => deepFoolWith({ targeted, steps: 50 })],
  ['DDN', (targeted) => ddnWith({ targeted, steps: 200 })],
  ['FMN in L2', (targeted) => fmnWith({ norm: 'l2', targeted, steps: 200, firstStep: 0.3 })],
  ['FMN in L∞', (targeted) => fmnWith({ norm: 'linf', targeted, steps: 200, firstStep: 0.3 })],
  ['FMN in L1', (targeted) => fmnWith({ norm: 'l1', targeted, steps: 200, firstStep: 0.3 })],
  ['FMN in L0', (targeted) => fmnWith({ norm: 'l0', targeted, steps: 200 })],
];

describe('a targeted attack', () => {
  it.each(towards)('%s reaches its target, and leaves images alone that have it', async (_, attackAt) => {
    const model = randomLinearModel(shape, 4);
    const images = await labelled(model, 0);
    const target = images.labels[0]!;
    const attack = attackAt(target);
    const strength = attack.kind === 'iterated' ? 1.02 : 1;
    const { pixels, states } = await attackImages(attack, model.classifier, images, strength);
    const { classes } = await classify(model.classifier, { ...images, pixels });
    expect(states.filter((state) => state === 'active').length).toBeGreaterThan(0);
    let reached = 0;
    for (let row = 0; row < count; row++) {
      const own = [row * size, (row + 1) * size] as const;
      if (classes[row] === target) reached++;
      // A search that finds nothing leaves the image as it is.
      else expect(pixels.subarray(...own)).toEqual(images.pixels.subarray(...own));
      expect(states[row]).toBe(images.labels[row] === target ? 'at-goal' : 'active');
      if (images.labels[row] !== target) continue;
      expect(pixels.subarray(...own)).toEqual(images.pixels.subarray(...own));
    }
    expect(reached).toBeGreaterThanOrEqual(count - 1);
  });

  it('with two classes is the untargeted one, because there is only one boundary', async () => {
    const model = randomLinearModel(shape, 2);
    const images = await labelled(model);
    const some = images.labels.findIndex((label) => label === 0);
    const one = {
      shape: [1, ...shape] as const,
      pixels: images.pixels.slice(some * size, (some + 1) * size),
      labels: images.labels.slice(some, some + 1),
      ids: images.ids.slice(some, some + 1),
    };
    const pairs = [
      [deepFoolWith({ targeted: 1 }), deepFoolWith()],
      [ddnWith({ targeted: 1 }), ddnWith()],
      [fmnWith({ targeted: 1 }), fmnWith()],
    ] as const;
    for (const [targeted, untargeted] of pairs) {
      const found = await attackImages(targeted, model.classifier, one, 1);
      const expected = await attackImages(untargeted, model.classifier, one, 1);
      const [length] = measurePerturbation(one, found.pixels).l2;
      expect(length).toBeCloseTo(measurePerturbation(one, expected.pixels).l2[0]!, 4);
      expect(length).toBeGreaterThan(0);
    }
  });
});

it('DeepFool goes where its formula goes by autograd, image by image', async () => {
  const network = plainNetwork([6, 6, 3]);
  const { results, scale, steps } = deepFoolReference;
  const images = plainImages([6, 6, 3], network, results.length);
  expect([...images.labels]).toEqual(results.map(({ label }) => label));
  for (let target = 0; target < 4; target++) {
    const rows = results.flatMap(({ reached }, row) => (reached === target ? [row] : []));
    const some = takeRows(images, rows);
    const attack = deepFoolWith({ targeted: target, steps });
    const { pixels } = await engine.attackImages(attack, network.queries, some, scale);
    const { l2, linf } = measurePerturbation(some, pixels);
    for (const [index, row] of rows.entries()) {
      expect(l2[index]! / results[row]!.l2).toBeCloseTo(1, 3);
      expect(linf[index]! / results[row]!.linf).toBeCloseTo(1, 3);
    }
  }
  // From class k to k + 1, of which none is out of reach.
  expect(results.every(({ label, reached }) => reached === (label + 1) % 4)).toBe(true);
});

it('FMN in L0 changes as few pixels of a linear model as it takes, give or take one', async () => {
  const model = randomLinearModel(shape, 2);
  const images = await labelled(model);
  const { pixels } = await attackImages(fmnWith({ norm: 'l0', steps: 300 }), model.classifier, images, 1);
  const { classes } = await classify(model.classifier, { ...images, pixels });
  const { l0 } = measurePerturbation(images, pixels);
  for (let row = 0; row < count; row++) {
    const sign = images.labels[row] === 0 ? 1 : -1;
    const original = images.pixels.subarray(row * size, (row + 1) * size);
    const slope = Array.from(
      original,
      (_, at) => sign * (model.weights[2 * at + 1]! - model.weights[2 * at]!),
    );
    const gap = -slope.reduce((sum, value, at) => sum + value * original[at]!, 0);
    // Each pixel can close the gap by this much; the largest go first.
    const gains = slope
      .map((value, at) => Math.abs(value) * (value > 0 ? 1 - original[at]! : original[at]!))
      .sort((a, b) => b - a);
    let [least, closed] = [0, 0];
    while (closed <= gap) closed += gains[least++]!;
    expect(classes[row]).not.toBe(images.labels[row]);
    expect(l0[row]).toBeGreaterThanOrEqual(least);
    expect(l0[row]).toBeLessThanOrEqual(least + 1);
  }
});

it('CW-L2 with a radius stays in its ball, and goes to its edge if the boundary is farther', async () => {
  const model = randomLinearModel(shape, 3);
  const images = await labelled(model);
  const radius = 0.02;
  const attack = carliniWagnerWith({ steps: 60, learningRate: 0.05, lambda: 1e4, radius });
  const { pixels } = await attackImages(attack, model.classifier, images, 1);
  const { classes } = await classify(model.classifier, { ...images, pixels });
  const { l2 } = measurePerturbation(images, pixels);
  let far = 0;
  for (let row = 0; row < count; row++) {
    expect(l2[row]).toBeLessThanOrEqual(radius * (1 + 1e-4));
    if (classes[row] !== images.labels[row]) continue;
    far++;
    expect(l2[row]).toBeGreaterThan(radius * 0.98);
  }
  expect(far).toBeGreaterThan(0);
});
