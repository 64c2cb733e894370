import { describe, expect, it } from 'vitest';
import { averageProbabilities } from '../../src/metrics/average.ts';
import { argmaxRows, averageViews, softmaxRows } from '../../src/metrics/classification.ts';
import { guessing, robustnessScores } from '../../src/metrics/robustness.ts';
import type { Predictions } from '../../src/values/predictions.ts';

/** Labels 0, 0, 1, 1; predicted 0, 1, 1, 0; before the attack 0, 0, 0, 1. */
const attacked: Predictions = {
  kind: 'predictions',
  probabilities: Float32Array.from(
    [0.75, 0.25, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25].map((p, i) => (i === 4 ? 0.25 : i === 5 ? 0.75 : p)),
  ),
  shape: [4, 2],
  labels: Int32Array.from([0, 0, 1, 1]),
  ids: Int32Array.from([0, 1, 2, 3]),
  classes: [],
  perturbation: {
    l2: Float32Array.from([1, 2, 3, 4]),
    linf: Float32Array.from([0.5, 0.5, 0.5, 0.5]),
    dissimilarity: Float32Array.from([0.25, 0.25, 0.5, 0.5]),
    initial: Int32Array.from([0, 0, 0, 1]),
  },
};

describe('robustnessScores', () => {
  it('counts what is correct, what the attack altered, and what stayed right', () => {
    expect(robustnessScores(attacked)).toMatchObject({
      n: 4,
      accuracy: 0.5,
      // Images 1, 2 and 3 changed class: success is not about the label.
      successRate: 0.75,
      nInitiallyCorrect: 3,
      accuracyInitiallyCorrect: 1 / 3,
      dissimilarity: 0.375,
      l2: 2.5,
      linf: 0.5,
      meanConfidence: 0.75,
      chance: 0.5,
      unmoved: 0,
    });
  });

  it('has the mean L1 norm where the attack recorded it', () => {
    const l1 = Float32Array.of(1, 2, 3, 6);
    const perturbation = { ...attacked.perturbation!, l1 };
    expect(robustnessScores({ ...attacked, perturbation })['l1']).toBe(3);
    // Attacks of earlier versions did not record it.
    expect(robustnessScores(attacked)['l1']).toBeNull();
  });

  it('counts the images that were right and that the attack left as they were', () => {
    // Image 2 was wrong before the attack, so that there was nothing to do.
    const l2 = Float32Array.from([0, 2, 0, 4]);
    const perturbation = { ...attacked.perturbation!, l2 };
    expect(robustnessScores({ ...attacked, perturbation })['unmoved']).toBe(1);
  });

  it('takes the share of the most frequent label as chance', () => {
    const labels = Int32Array.from([0, 1, 1, 1]);
    expect(robustnessScores({ ...attacked, labels })['chance']).toBe(0.75);
  });

  it('measures success against the given predictions where there are some', () => {
    expect(robustnessScores(attacked, Int32Array.from([0, 1, 1, 0]))['successRate']).toBe(0);
  });

  it('leaves undefined numbers null', () => {
    const { perturbation: _, ...clean } = attacked;
    expect(robustnessScores(clean)).toMatchObject({
      successRate: null,
      dissimilarity: null,
      nInitiallyCorrect: null,
    });
    const empty = {
      ...clean,
      shape: [0, 2] as const,
      labels: new Int32Array(),
      ids: new Int32Array(),
      probabilities: new Float32Array(),
    };
    expect(robustnessScores(empty)).toMatchObject({ n: 0, accuracy: null, accuracyLow: null });
  });

  it('gives no accuracy on initially correct images where there are none', () => {
    const wrong = robustnessScores(attacked, Int32Array.from([1, 1, 0, 0]));
    expect(wrong).toMatchObject({
      nInitiallyCorrect: 0,
      accuracyInitiallyCorrect: null,
      accuracyInitiallyCorrectLow: null,
    });
  });
});

describe('classification', () => {
  it('takes the lowest class of equal ones', () => {
    expect([...argmaxRows(Float32Array.from([0.5, 0.5, 0, 0, 0.5, 0.5]), 3)]).toEqual([0, 1]);
    expect([...argmaxRows(Float32Array.of(NaN, -1, 2, NaN, NaN, NaN, 1, NaN, 3), 3)]).toEqual([2, 0, 2]);
  });

  it('has a softmax that neither overflows nor cares for a shift of the logits', () => {
    const p = softmaxRows(Float32Array.from([1000, 1000, -1000, 0, Math.log(3), -Infinity]), 3);
    expect([...p].map((value) => Number(value.toFixed(6)))).toEqual([0.5, 0.5, 0, 0.25, 0.75, 0]);
  });

  it('averages consecutive views of an image', () => {
    const p = averageViews(Float32Array.from([1, 0, 0.5, 0.5, 0, 1, 0.5, 0.5]), 2, 2);
    expect([...p]).toEqual([0.75, 0.25, 0.25, 0.75]);
  });
});

describe('averageProbabilities', () => {
  const a = Float32Array.from([0.9, 0.1]);
  const b = Float32Array.from([0.5, 0.5]);

  it('is the weighted mean, whatever the sum of the weights', () => {
    expect(averageProbabilities([a, b], [2, 2], 2, 'probabilities')[0]).toBeCloseTo(0.7, 6);
    expect(averageProbabilities([a, b], [3, 1], 2, 'probabilities')[0]).toBeCloseTo(0.8, 6);
  });

  it('of logits is the normalised geometric mean', () => {
    // Odds 9 and 1: their geometric mean is 3.
    expect(averageProbabilities([a, b], [1, 1], 2, 'logits')[0]).toBeCloseTo(0.75, 6);
  });

  it('of logits keeps a class that one member gave no chance at all finite', () => {
    const p = averageProbabilities([Float32Array.from([1, 0]), b], [1, 1], 2, 'logits');
    expect(p[0]).toBeCloseTo(1, 6);
    expect(Number.isFinite(p[1]!)).toBe(true);
  });

  it('refuses weights that sum to 0 or do not fit', () => {
    expect(() => averageProbabilities([a, b], [0, 0], 2, 'probabilities')).toThrow(RangeError);
    expect(() => averageProbabilities([a, b], [1], 2, 'probabilities')).toThrow(RangeError);
  });
});

describe('guessing', () => {
  const answers = (n: number, correct: number, classes = 10): Predictions => ({
    kind: 'predictions',
    probabilities: Float32Array.from({ length: n * classes }, (_, at) =>
      at % classes === (Math.floor(at / classes) < correct ? 1 : 0) ? 1 : 0,
    ),
    shape: [n, classes],
    labels: new Int32Array(n).fill(1),
    ids: Int32Array.from({ length: n }, (_, row) => row),
    classes: [],
  });

  it('is what chance explains, of enough images to say so', () => {
    expect(guessing(answers(100, 12))).toEqual({ correct: 12, n: 100 });
    expect(guessing(answers(1000, 0, 1000))).toEqual({ correct: 0, n: 1000 });
    expect(guessing(answers(100, 30))).toBeNull();
    expect(guessing(answers(2, 0))).toBeNull();
    expect(guessing(answers(0, 0))).toBeNull();
  });

  it('is judged by the images before the attack', () => {
    const attacked = (initial: number): Predictions => ({
      ...answers(100, 0),
      perturbation: {
        l2: new Float32Array(100),
        linf: new Float32Array(100),
        dissimilarity: new Float32Array(100),
        initial: new Int32Array(100).fill(initial),
      },
    });
    expect(guessing(attacked(1))).toBeNull();
    expect(guessing(attacked(0))).toEqual({ correct: 0, n: 100 });
  });
});
