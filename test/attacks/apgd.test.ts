import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApgdOptions } from '../../src/attacks/apgd.ts';
import type { ApgdStep } from '../../src/attacks/apgd-state.ts';
import type { Attack } from '../../src/attacks/attack.ts';
import { measurePerturbation } from '../../src/attacks/dissimilarity.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { lossValue } from '../../src/attacks/loss-values.ts';
import { StepHalving } from '../../src/attacks/step-halving.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { crossEntropy, dlr, margin, targetedDlr } from '../models/reference.ts';
import { attackImages, classify } from './attack-classifier.ts';
import { apgdWith } from './every-attack.ts';
import { type LinearModel, randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [5, 5, 1] as const;
const size = 25;

beforeAll(async () => {
  await openBackend('wasm');
});

/** Random images with the labels that the model gives them. */
async function labelled({ classifier }: LinearModel, count: number, seed = 1, edge = 0): Promise<ImageBatch> {
  const images = randomImages(count, shape, classifier.classes, { margin: edge, seed });
  return { ...images, labels: (await classify(classifier, images)).classes };
}

async function right({ classifier }: LinearModel, attack: Attack, images: ImageBatch, epsilon: number) {
  const { pixels } = await attackImages(attack, classifier, images, epsilon);
  const { classes } = await classify(classifier, { ...images, pixels });
  return classes.filter((predicted, row) => predicted === images.labels[row]).length;
}

describe('APGD', () => {
  it.each([
    ['linf', 0.02],
    ['l2', 0.05],
  ] as const)('in %s lowers a margin by ε times the dual norm, to 0.1 percent', async (norm, epsilon) => {
    const model = randomLinearModel(shape, 2);
    const images = await labelled(model, 10, 1, 0.3);
    const attack = apgdWith({ norm, steps: 100, stopEarly: false });
    const { pixels } = await attackImages(attack, model.classifier, images, epsilon);
    const slope = Array.from(
      { length: size },
      (_, at) => model.weights[2 * at + 1]! - model.weights[2 * at]!,
    );
    const dual =
      norm === 'linf'
        ? slope.reduce((sum, value) => sum + Math.abs(value), 0)
        : Math.sqrt(slope.reduce((sum, value) => sum + value * value, 0));
    for (let row = 0; row < 10; row++) {
      const away = images.labels[row] === 0 ? 1 : -1;
      const moved = slope.reduce(
        (sum, value, at) => sum + value * (pixels[row * size + at]! - images.pixels[row * size + at]!),
        0,
      );
      expect(away * moved).toBeLessThanOrEqual(epsilon * dual * (1 + 1e-5));
      expect(away * moved).toBeGreaterThan(epsilon * dual * 0.999);
    }
  });

  it('stays in its ball and never loses its best point, for any model, norm, loss, radius and number of steps', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(1000),
          norm: fc.constantFrom('linf', 'l2'),
          loss: fc.constantFrom('cross-entropy', 'margin', 'dlr', 'targeted-dlr'),
          epsilon: fc.double({ min: 1e-3, max: 0.5, noNaN: true }),
          steps: fc.integer({ min: 1, max: 30 }),
          stopEarly: fc.boolean(),
        }) as fc.Arbitrary<
          Pick<ApgdOptions, 'norm' | 'loss' | 'steps' | 'stopEarly'> & { seed: number; epsilon: number }
        >,
        async ({ seed, epsilon, ...options }) => {
          const model = randomLinearModel(shape, 5, seed);
          const images = await labelled(model, 6, seed);
          const last = new Map<number, ApgdStep>();
          const attack = apgdWith({
            ...options,
            targets: 2,
            watch: (step) => {
              const before = step.step === 0 ? undefined : last.get(step.row);
              if (before !== undefined) {
                expect(step.step).toBe(before.step + 1);
                // An image that ends early ends at the point that is misclassified.
                if (!options.stopEarly) expect(step.bestLoss).toBe(Math.max(before.bestLoss, step.loss));
                expect(step.stepSize === before.stepSize || step.stepSize === before.stepSize / 2).toBe(true);
              } else expect(step.stepSize).toBe(2 * epsilon);
              last.set(step.row, step);
            },
          });
          const { pixels } = await attackImages(attack, model.classifier, images, epsilon);
          const moved = measurePerturbation(images, pixels)[options.norm];
          for (const distance of moved) expect(distance).toBeLessThanOrEqual(epsilon + 1e-6);
          expect(last.size).toBe(6);
        },
      ),
      { numRuns: 40, seed: 3 },
    );
  });

  it('leaves no more images right with more restarts or more targets, and fewer here', async () => {
    const model = randomLinearModel(shape, 6);
    const images = await labelled(model, 60);
    const left = (options: Partial<ApgdOptions>): Promise<number> =>
      right(model, apgdWith({ steps: 2, ...options }), images, 0.08);
    expect(await left({ restarts: 8 })).toBeLessThanOrEqual(await left({ restarts: 1 }));
    const one = await left({ loss: 'targeted-dlr', targets: 1 });
    const all = await left({ loss: 'targeted-dlr', targets: 5 });
    expect(all).toBeLessThan(one);
  });

  it('asks for no gradient of images that are misclassified already, and leaves them alone', async () => {
    const model = randomLinearModel(shape, 4);
    const images = await labelled(model, 5);
    const wrong = { ...images, labels: images.labels.map((label) => (label + 1) % 4) };
    const { pixels, states } = await attackImages(apgdWith(), model.classifier, wrong, 0.1);
    expect(states).toEqual(Array.from({ length: 5 }, () => 'at-goal'));
    expect(pixels).toEqual(images.pixels);
    expect(model.gradients()).toBe(0);
  });
});

describe('the step of APGD', () => {
  it('is judged at the checkpoints of the paper: ⌊p N⌋ with shares .22, .19, .16, .13, .1, .07, .06, .06', () => {
    const halving = new StepHalving(100, 0);
    const halvedAt: number[] = [];
    // A loss that never rises is halved at each checkpoint.
    for (let step = 1; step <= 100; step++) if (halving.record(-step, 0)) halvedAt.push(step);
    expect(halvedAt).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
  });

  it('is kept while the loss rises in more than three quarters of the steps', () => {
    const rising = new StepHalving(100, 0);
    const wavy = new StepHalving(100, 0);
    // Of the first 22 steps 17 rise, of the others 16.
    const halved = Array.from({ length: 22 }, (_, step) => [
      rising.record(step < 17 ? step + 1 : 0, 17),
      wavy.record(step < 16 ? step + 1 : 0, 16),
    ]);
    expect(halved.flat().slice(0, -2).some(Boolean)).toBe(false);
    expect(halved.at(-1)).toEqual([false, true]);
  });

  it('is halved when the best loss has not risen since a checkpoint that kept it', () => {
    const halving = new StepHalving(100, 0);
    const climb = (from: number, steps: number, best: (loss: number) => number): boolean[] =>
      Array.from({ length: steps }, (_, step) => halving.record(from + step, best(from + step)));
    expect(climb(1, 22, (loss) => loss).some(Boolean)).toBe(false);
    expect(climb(-100, 19, () => 22).at(-1)).toBe(true);
    // It was halved at the last checkpoint, so an unchanged best loss does not count.
    expect(climb(-50, 16, () => 22).at(-1)).toBe(false);
  });
});

it('the value of each loss is that of its definition, in float64', () => {
  const logits = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 4, maxLength: 9 });
  fc.assert(
    fc.property(logits, fc.nat(3), fc.integer({ min: 1, max: 3 }), (values, label, step) => {
      const row = Float32Array.from(values);
      const target = (label + step) % 4;
      const sorted = [...row].sort((a, b) => b - a);
      fc.pre(sorted[0]! - sorted[2]! > 1e-3);
      const at = (loss: Parameters<typeof lossValue>[0]): number =>
        lossValue(loss, row, row.length, 0, label, target);
      expect(at('cross-entropy')).toBeCloseTo(crossEntropy(row, label), 9);
      expect(at('margin')).toBe(margin(row, label));
      expect(at('dlr')).toBeCloseTo(dlr(row, label), 9);
      expect(at('targeted-dlr')).toBeCloseTo(targetedDlr(row, label, target), 9);
    }),
    { seed: 5 },
  );
  // PyTorch's float32 gives 0.
  expect(lossValue('cross-entropy', Float32Array.of(40, 0), 2, 0, 0, 0) / Math.exp(-40)).toBeCloseTo(1, 9);
});
