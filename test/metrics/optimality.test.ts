import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distancesFound, evenEpsilons, robustnessCurve } from '../../src/metrics/minimal-distances.ts';
import { medianOf, optimalityOf, smallestDistances } from '../../src/metrics/optimality.ts';
import { wilsonInterval } from '../../src/metrics/wilson.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import reference from '../reference/optimality.json' with { type: 'json' };
import { runStage } from '../stages/run-stage.ts';

const of = (...distances: number[]): Float64Array => Float64Array.from(distances);

/** Distances of an attack: some images wrong from the start, some never misclassified. */
const drawnDistances = (count: number) =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: fc.double({ min: 0.01, max: 9, noNaN: true }) },
        fc.constant(Infinity),
      ),
      {
        minLength: count,
        maxLength: count,
      },
    )
    .map((values) => Float64Array.from(values));
const scenario = fc
  .record({ count: fc.integer({ min: 1, max: 12 }), wrong: fc.nat(3) })
  .chain(({ count, wrong }) =>
    fc.array(drawnDistances(count), { minLength: 2, maxLength: 4 }).map((attacks) => {
      for (const distances of attacks) distances.fill(0, 0, Math.min(wrong, count));
      return attacks;
    }),
  );

describe('local optimality', () => {
  it('has the values of a calculation by hand', () => {
    // ρ* falls from 1 at 0 to ½ at 1 and 0 at 2: A* = ¾ + ¼ = 1, exactly 1 + ½.
    // The attack's ρ at 1.5 and 2: A = (1 + ½) / 2 · 1.5 + ½ / 2 · ½ = 1.25, exactly 1.75.
    expect(optimalityOf(of(1.5, 2), of(1, 2))).toEqual({
      local: expect.closeTo(1 - (1.25 - 1) / (2 - 1), 12) as number,
      exact: expect.closeTo(1 - (1.75 - 1.5) / (2 - 1.5), 12) as number,
    });
    // The trapezoid from 0 to 2 is as large as A*: the flattery that the exact area does not share.
    expect(optimalityOf(of(2, 2), of(1, 2))).toEqual({ local: 1, exact: 0 });
    // One image of three is wrong from the start, and the attack fails: A = ⅔ · 3.
    expect(optimalityOf(of(0, Infinity, Infinity), of(0, 1, 3))).toEqual({
      local: expect.closeTo(0, 12) as number,
      exact: expect.closeTo(0, 12) as number,
    });
  });

  it('is undefined if there is nothing to find', () => {
    expect(optimalityOf(of(0, 0), of(0, 0))).toBeNull();
    expect(optimalityOf(of(Infinity), of(Infinity))).toBeNull();
    expect(optimalityOf(of(0, 4, 4), of(0, 4, 4))).toEqual({ local: 1, exact: null });
  });

  it('keeps its digits where the distances of the envelope are equal but for rounding', () => {
    const best = of(0, 0.01, 0.010000000000000005);
    expect(optimalityOf(of(0, Infinity, Infinity), best)).toEqual({ local: 0, exact: 0 });
    expect(optimalityOf(of(0, Infinity, 0.010000000000000005), best)!.exact).toBe(0);
    expect(optimalityOf(best, best)).toEqual({ local: 1, exact: 1 });
    // Nobody found anything below d: 1 − ⅓ and ⅔ are different numbers, which must not count.
    expect(optimalityOf(of(0, 1, Infinity), of(0, 1, Infinity))).toBeNull();
  });

  it('is 1 for the envelope and 0 for an attack that finds nothing, and the exact one never leaves [0, 1]', () => {
    fc.assert(
      fc.property(scenario, (attacks) => {
        const best = smallestDistances(attacks);
        const own = optimalityOf(best, best);
        fc.pre(own !== null && own.exact !== null);
        expect(own).toEqual({ local: 1, exact: 1 });
        const nothing = best.map((distance) => (distance === 0 ? 0 : Infinity));
        const { local, exact } = optimalityOf(nothing, best)!;
        expect(local).toBeCloseTo(0, 8);
        expect(exact!).toBeCloseTo(0, 8);
        for (const distances of attacks) {
          const score = optimalityOf(distances, best)!.exact!;
          expect(score).toBeGreaterThanOrEqual(-1e-12);
          expect(score).toBeLessThanOrEqual(1 + 1e-12);
          const farther = optimalityOf(
            distances.map((distance) => distance * 1.5),
            best,
          )!.exact!;
          expect(farther).toBeLessThanOrEqual(score + 1e-12);
        }
      }),
    );
  });

  it('does not depend on the order of the images or on the unit of the distances', () => {
    fc.assert(
      // Powers of two keep equal distances equal.
      fc.property(scenario, fc.constantFrom(0.5, 2, 8), (attacks, unit) => {
        const best = smallestDistances(attacks);
        const value = optimalityOf(attacks[0]!, best);
        fc.pre(value !== null);
        const other = (distances: Float64Array): Float64Array => distances.map((d) => d * unit).reverse();
        expect(optimalityOf(other(attacks[0]!), other(best))!.local).toBeCloseTo(value.local, 6);
      }),
    );
  });

  it("is that of AttackBench's own code", () => {
    for (const { attacks, optimality } of reference.cases) {
      const all = attacks.map((distances) =>
        Float64Array.from(distances, (distance) => distance ?? Infinity),
      );
      const best = smallestDistances(all);
      all.forEach((distances, index) =>
        expect(optimalityOf(distances, best)!.local).toBeCloseTo(optimality[index]!, 10),
      );
    }
  });

  it('takes medians as NumPy does', () => {
    expect(medianOf(of(3, 1, 2))).toBe(2);
    expect(medianOf(of(4, 1, 2, 3))).toBe(2.5);
    expect(medianOf(of(1, Infinity))).toBeNull();
    expect(medianOf(of())).toBeNull();
  });
});

/** Predictions of class 0 or 1 on images of class 0, which an attack moved by `l2`. */
function attacked(
  predicted: readonly number[],
  l2: readonly number[],
  initial: readonly number[] = [],
): Predictions {
  const n = predicted.length;
  const sizes = Float32Array.from(l2);
  return {
    kind: 'predictions',
    probabilities: Float32Array.from(predicted.flatMap((label) => (label === 0 ? [0.9, 0.1] : [0.2, 0.8]))),
    shape: [n, 2],
    labels: new Int32Array(n),
    ids: Int32Array.from({ length: n }, (_, image) => image),
    classes: [],
    perturbation: {
      l2: sizes,
      linf: sizes,
      dissimilarity: sizes,
      initial: Int32Array.from({ length: n }, (_, image) => initial[image] ?? 0),
    },
  };
}

describe('robustness curves', () => {
  it('count the images with a larger distance, and have the interval of that count', () => {
    const [low, high] = [0.5, 1.5];
    const distances = of(0, 0.5, 1, Infinity);
    const { low: accuracyLow, high: accuracyHigh } = wilsonInterval(2, 4)!;
    expect(robustnessCurve(distances, [0, low, high])).toMatchObject([
      { n: 4, accuracy: 0.75 },
      { accuracy: 0.5, accuracyLow, accuracyHigh },
      { accuracy: 0.25 },
    ]);
    expect(evenEpsilons(distances, 3)).toEqual([0, 0.5, 1]);
    expect(evenEpsilons(of(0, Infinity), 3)).toEqual([0]);
  });

  it('never rise with the strength, and begin at the clean accuracy', () => {
    fc.assert(
      fc.property(scenario, ([distances]) => {
        const curve = robustnessCurve(distances!, evenEpsilons(distances!, 9)).map(
          ({ accuracy }) => accuracy!,
        );
        expect(curve).toEqual([...curve].sort((a, b) => b - a));
        expect(curve[0]).toBe(distances!.filter((distance) => distance > 0).length / distances!.length);
      }),
    );
  });

  it('take 0 for images that were wrong before the attack, and none for those that are right after it', () => {
    const predictions = attacked([1, 0, 1, 1], [0.25, 5, 0, 2], [0, 0, 1, 0]);
    expect([...distancesFound(predictions, 'l2', undefined)!]).toEqual([0.25, Infinity, 0, 2]);
    const clean = attacked([1, 0, 0, 0], []);
    expect([...distancesFound(predictions, 'l2', clean)!]).toEqual([0, Infinity, 0, 2]);
    expect(distancesFound(predictions, 'l1', undefined)).toBeNull();
  });

  it('are a stage with a row for each strength', async () => {
    const predictions = attacked([1, 0, 1], [0.25, 5, 0.5]);
    const { outputs } = await runStage(
      'evaluate/robustness-curve',
      { epsilons: [0, 0.25, 1] },
      { inputs: { predictions } },
    );
    const { rows } = outputs['metrics'] as Metrics;
    expect(rows.map(({ axes, values }) => [axes['epsilon'], values['accuracy']])).toEqual([
      [0, 1],
      [0.25, 2 / 3],
      [1, 1 / 3],
    ]);
    await expect(
      runStage('evaluate/robustness-curve', { norm: 'l1' }, { inputs: { predictions } }),
    ).rejects.toThrow("did not record 'l1'");
    const { perturbation: _, ...never } = predictions;
    await expect(
      runStage('evaluate/robustness-curve', {}, { inputs: { predictions: never } }),
    ).rejects.toThrow('were never attacked');
  });
});

describe('evaluate/optimality', () => {
  const listed = [
    { axes: { attack: 'a', model: 'x' }, value: attacked([1, 1], [1, 2]) },
    { axes: { attack: 'b', model: 'x' }, value: attacked([1, 1], [1.5, 2]) },
    { axes: { attack: 'a', model: 'y' }, value: attacked([1, 0], [3, 9]) },
    { axes: { attack: 'b', model: 'y' }, value: attacked([1, 1], [3, 4]) },
  ];

  it('compares attacks on each model with their envelope, and averages over models', async () => {
    const { outputs } = await runStage('evaluate/optimality', {}, { inputs: { predictions: listed } });
    const { rows } = outputs['metrics'] as Metrics;
    // On y the attack fails on one image: A = 1 · 3 + ½ · 1 with steps (¾ · 3 + ½ · 1) and A* = ¾ · 3 + ¼ · 1.
    const onY = 1 - (0.75 * 3 + 0.5 - (0.75 * 3 + 0.25)) / (4 - (0.75 * 3 + 0.25));
    expect(rows.map(({ axes }) => axes)).toEqual(listed.map(({ axes }) => axes));
    expect(rows.map(({ values }) => values['optimality'])).toEqual([1, 0.75, expect.closeTo(onY, 12), 1]);
    // On x the exact areas are 1.5 and 1.75 of at most 2.
    expect(rows.map(({ values }) => values['exactOptimality']).slice(0, 2)).toEqual([1, 0.5]);
    expect(rows[0]!.values).toMatchObject({
      n: 2,
      models: 2,
      globalOptimality: expect.closeTo((1 + onY) / 2, 12) as number,
      attackSuccessRate: 1,
      medianDistance: 1.5,
      medianBestDistance: 1.5,
      cleanAccuracy: 1,
    });
    expect(rows[2]!.values).toMatchObject({ attackSuccessRate: 0.5, medianDistance: null });
  });

  it('refuses predictions of other images, without an axis of attacks, or of one attack twice', async () => {
    const refusal = (predictions: readonly unknown[]) =>
      runStage('evaluate/optimality', {}, { inputs: { predictions } });
    await expect(refusal([])).rejects.toThrow("'predictions' is an empty list");
    await expect(
      refusal([listed[0], { axes: { attack: 'b', model: 'x' }, value: attacked([1], [1]) }]),
    ).rejects.toThrow("'predictions' has 1 image");
    await expect(refusal([{ axes: { model: 'x' }, value: attacked([1], [1]) }])).rejects.toThrow(
      "no axis 'attack'",
    );
    await expect(refusal([listed[0], listed[0]])).rejects.toThrow('two of the predictions');
  });
});
