import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack } from '../../src/attacks/attack.ts';
import { shrink } from '../../src/attacks/fmn.ts';
import { toHyperplane } from '../../src/attacks/hyperplane.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { type DistanceNorm, distanceBetween, dualNorm, lengthOf } from '../../src/attacks/norms.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { randomStream } from '../../src/tensors/random.ts';
import { attackImages, classify } from './attack-classifier.ts';
import { apgdMinimalWith, ddnWith, fabWith, fmnWith } from './every-attack.ts';
import { type LinearModel, randomImages, randomLinearModel } from './linear-classifier.ts';

const shape = [5, 5, 1] as const;
const size = 25;
const norms = ['linf', 'l2', 'l1'] as const;

beforeAll(async () => {
  await openBackend('wasm');
});

async function labelled({ classifier }: LinearModel, count: number, seed = 1, edge = 0): Promise<ImageBatch> {
  const images = randomImages(count, shape, classifier.classes, { margin: edge, seed });
  return { ...images, labels: (await classify(classifier, images)).classes };
}

/** Distance of an image to the nearest boundary of a linear model, if the box does not hinder. */
function nearest(
  { weights, classifier }: LinearModel,
  images: ImageBatch,
  row: number,
  norm: DistanceNorm,
): number {
  const { classes } = classifier;
  const y = images.labels[row]!;
  const distances = Array.from({ length: classes }, (_, k) => {
    const slope = Array.from(
      { length: size },
      (_, at) => weights[at * classes + k]! - weights[at * classes + y]!,
    );
    const gap = slope.reduce((sum, value, at) => sum - value * images.pixels[row * size + at]!, 0);
    return k === y ? Infinity : gap / lengthOf(slope, dualNorm[norm]);
  });
  return Math.min(...distances);
}

const distanceOf = (images: ImageBatch, pixels: Float32Array, row: number, norm: DistanceNorm): number =>
  distanceBetween(
    images.pixels.subarray(row * size, (row + 1) * size),
    pixels.subarray(row * size, (row + 1) * size),
    norm,
  );

describe('the shortest way to a hyperplane within the box', () => {
  const problem = fc.record({
    seed: fc.nat(1e6),
    count: fc.integer({ min: 1, max: 12 }),
    share: fc.double({ min: -1.3, max: 1.3, noNaN: true }),
    sparse: fc.boolean(),
  });
  const drawn = ({
    seed,
    count,
    share,
    sparse,
  }: {
    seed: number;
    count: number;
    share: number;
    sparse: boolean;
  }) => {
    const stream = randomStream([seed, 1], 0);
    const image = Float32Array.from({ length: count }, () =>
      stream.bernoulli(0.2) ? stream.integer(2) : stream.uniform(),
    );
    const w = Float32Array.from({ length: count }, () =>
      sparse && stream.bernoulli(0.5) ? 0 : stream.normal(),
    );
    // The farthest that the box allows, of which the gap is a share.
    const most = w.reduce(
      (sum, slope, at) => sum + Math.abs(slope) * (share * slope > 0 ? 1 - image[at]! : image[at]!),
      0,
    );
    return { image, w, gap: share * most, most };
  };

  it.each(norms)('reaches it in %s if the box does, and the end of the box otherwise', (norm) => {
    fc.assert(
      fc.property(problem, (given) => {
        const { image, w, gap, most } = drawn(given);
        const d = toHyperplane(image, w, gap, norm);
        d.forEach((value, at) => {
          expect(image[at]! + value).toBeGreaterThanOrEqual(-1e-6);
          expect(image[at]! + value).toBeLessThanOrEqual(1 + 1e-6);
          if (w[at] === 0) expect(value).toBeCloseTo(0, 12);
        });
        const reached = w.reduce((sum, slope, at) => sum + slope * d[at]!, 0);
        expect(reached).toBeCloseTo(Math.sign(gap) * Math.min(Math.abs(gap), most), 5);
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it.each(norms)('is no longer in %s than any other displacement that reaches it', (norm) => {
    fc.assert(
      fc.property(problem, (given) => {
        const { image, w, gap, most } = drawn({ ...given, share: given.share / 1.4 });
        fc.pre(most > 1e-2);
        const length = lengthOf(toHyperplane(image, w, gap, norm), norm);
        const stream = randomStream([given.seed, 2], 0);
        for (let round = 0; round < 30; round++) {
          // A random displacement towards the hyperplane, made longer until it is reached, within the box.
          const target = image.map((pixel, at) =>
            gap * w[at]! > 0 ? 1 - pixel : gap * w[at]! < 0 ? -pixel : 0,
          );
          const pace = target.map((room) => room * stream.uniform() ** 3);
          const progressAt = (factor: number): { d: number[]; progress: number } => {
            const d = Array.from(
              pace,
              (value, at) => Math.sign(value) * Math.min(Math.abs(value) * factor, Math.abs(target[at]!)),
            );
            return { d, progress: Math.abs(d.reduce((sum, value, at) => sum + value * w[at]!, 0)) };
          };
          let [low, high] = [0, 1e9];
          for (let halving = 0; halving < 200; halving++) {
            const middle = (low + high) / 2;
            if (progressAt(middle).progress < Math.abs(gap)) low = middle;
            else high = middle;
          }
          const { d, progress } = progressAt(high);
          if (progress >= Math.abs(gap)) expect(length).toBeLessThanOrEqual(lengthOf(d, norm) + 1e-5);
        }
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});

/** Attacks that follow one gradient go to the boundary of the class that it leads to, so they get two classes. */
const searches: readonly (readonly [
  name: string,
  norm: DistanceNorm,
  attack: Attack,
  factor: number,
  classes: number,
])[] = [
  ...norms.map((norm) => ['FAB', norm, fabWith({ norm, steps: 60 }), 1.02, 4] as const),
  ['DDN', 'l2', ddnWith({ steps: 300 }), 1.03, 2],
  ...norms.map(
    (norm) =>
      ['FMN', norm, fmnWith({ norm, steps: 300, firstStep: 0.3 }), norm === 'l1' ? 1.15 : 1.03, 2] as const,
  ),
  ...norms.map(
    (norm) =>
      [
        'APGD by search',
        norm,
        apgdMinimalWith({ norm, steps: 40, searchSteps: 14, firstRadius: 0.3 }),
        norm === 'l1' ? 1.15 : 1.03,
        2,
      ] as const,
  ),
  ...norms.map((norm) => ['FAB-T', norm, fabWith({ norm, steps: 60, targets: 9 }), 1.02, 4] as const),
];

describe.each(searches)('%s in %s', (_, norm, attack, factor, classes) => {
  it('finds the nearest boundary of a linear model, and goes over it', async () => {
    const model = randomLinearModel(shape, classes);
    const images = await labelled(model, 20, 1, 0.35);
    const { pixels } = await attackImages(attack, model.classifier, images, 1);
    const { classes: found } = await classify(model.classifier, { ...images, pixels });
    let unhindered = 0;
    for (let row = 0; row < 20; row++) {
      expect(found[row]).not.toBe(images.labels[row]);
      const least = nearest(model, images, row, norm);
      const distance = distanceOf(images, pixels, row, norm);
      expect(distance).toBeGreaterThanOrEqual(least * (1 - 1e-4));
      // In L1 one pixel would have to leave the box.
      if (pixels.subarray(row * size, (row + 1) * size).some((value) => value === 0 || value === 1)) continue;
      unhindered++;
      expect(distance).toBeLessThanOrEqual(least * factor);
    }
    if (norm !== 'l1') expect(unhindered).toBeGreaterThan(15);
  });
});

describe('DDN and FMN', () => {
  it('never find a farther point with more steps, and return a misclassified point or the original', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.constantFrom('DDN', ...norms),
        fc.integer({ min: 1, max: 30 }),
        async (seed, which, steps) => {
          const model = randomLinearModel(shape, 4, seed);
          const images = await labelled(model, 5, seed);
          const last = new Map<number, number>();
          let visits = 0;
          const watch = (row: number, distance: number): void => {
            expect(distance).toBeLessThanOrEqual(last.get(row) ?? Infinity);
            last.set(row, distance);
            visits++;
          };
          const norm = which === 'DDN' ? 'l2' : which;
          const attack = which === 'DDN' ? ddnWith({ steps, watch }) : fmnWith({ norm, steps, watch });
          const { pixels } = await attackImages(attack, model.classifier, images, 1);
          const { classes } = await classify(model.classifier, { ...images, pixels });
          expect(visits).toBe(5 * steps);
          for (const [row, distance] of last) {
            const found = distanceOf(images, pixels, row, norm);
            expect(found).toBeCloseTo(distance === Infinity ? 0 : distance, 5);
            expect(classes[row] === images.labels[row]).toBe(distance === Infinity);
          }
        },
      ),
      { numRuns: 25, seed: 7 },
    );
  });

  it('DDN gives bytes where it rounds to 256 levels', async () => {
    const model = randomLinearModel(shape, 4);
    const images = await labelled(model, 8);
    const bytes = { ...images, pixels: images.pixels.map((pixel) => Math.round(pixel * 255) / 255) };
    const { classes: labels } = await classify(model.classifier, bytes);
    const attack = ddnWith({ steps: 60, levels: 256 });
    const { pixels } = await attackImages(attack, model.classifier, { ...bytes, labels }, 1);
    for (const value of pixels) expect(value * 255).toBeCloseTo(Math.round(value * 255), 4);
    expect(pixels).not.toEqual(bytes.pixels);
  });
});

it.each(norms)('the projection onto a ball in %s is the nearest point of the ball', (norm) => {
  fc.assert(
    fc.property(
      fc.nat(1e6),
      fc.integer({ min: 1, max: 10 }),
      fc.double({ min: 0.01, max: 5, noNaN: true }),
      (seed, count, epsilon) => {
        const stream = randomStream([seed, 3], 0);
        const vector = Float64Array.from({ length: count }, () => 2 * stream.normal());
        const nearestPoint = vector.slice();
        shrink(nearestPoint, epsilon, norm);
        expect(lengthOf(nearestPoint, norm)).toBeLessThanOrEqual(epsilon * (1 + 1e-9));
        // The angle between what is left and every other point of the ball is obtuse.
        for (let round = 0; round < 20; round++) {
          const other = Float64Array.from({ length: count }, () => stream.normal());
          const scale = (epsilon * stream.uniform()) / lengthOf(other, norm);
          const product = vector.reduce(
            (sum, value, at) => sum + (value - nearestPoint[at]!) * (scale * other[at]! - nearestPoint[at]!),
            0,
          );
          expect(product).toBeLessThanOrEqual(1e-9);
        }
      },
    ),
    { seed: 9 },
  );
});

describe('FAB', () => {
  it('never finds a farther point with more steps, and returns a misclassified point or the original', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.constantFrom(...norms),
        fc.constantFrom(null, 1, 3),
        fc.integer({ min: 1, max: 3 }),
        async (seed, norm, targets, restarts) => {
          const model = randomLinearModel(shape, 4, seed);
          const images = await labelled(model, 5, seed);
          const last = new Map<number, number>();
          const attack = fabWith({
            norm,
            targets,
            restarts,
            watch: (row, distance) => {
              expect(distance).toBeLessThanOrEqual(last.get(row) ?? Infinity);
              last.set(row, distance);
            },
          });
          const { pixels } = await attackImages(attack, model.classifier, images, 1);
          const { classes } = await classify(model.classifier, { ...images, pixels });
          for (const [row, distance] of last) {
            const found = distanceOf(images, pixels, row, norm);
            if (distance === Infinity) expect(found).toBe(0);
            else {
              expect(found).toBeCloseTo(distance, 5);
              expect(classes[row]).not.toBe(images.labels[row]);
            }
          }
          expect(last.size).toBe(5);
        },
      ),
      { numRuns: 25, seed: 6 },
    );
  });
});
