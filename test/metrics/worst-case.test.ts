import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { worstCaseScores } from '../../src/metrics/worst-case.ts';
import { wilsonInterval } from '../../src/metrics/wilson.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { runStage } from '../stages/run-stage.ts';

/** Predictions of the classes 0 and 1 on images of class 0. */
function predicted(classes: readonly number[], ids = classes.map((_, image) => image)): Predictions {
  return {
    kind: 'predictions',
    probabilities: Float32Array.from(classes.flatMap((label) => (label === 0 ? [0.9, 0.1] : [0.2, 0.8]))),
    shape: [classes.length, 2],
    labels: new Int32Array(classes.length),
    ids: Int32Array.from(ids),
    classes: [],
  };
}

const listed = (...all: readonly Predictions[]) =>
  all.map((value, index) => ({ axes: { attack: index }, value }));

describe('the worst case over attacks', () => {
  it('counts an image that withstands all of them, and has the interval of that count', () => {
    const attacked = [predicted([0, 1, 0, 0]), predicted([0, 0, 1, 0])];
    const { low, high } = wilsonInterval(2, 4)!;
    expect(worstCaseScores(attacked, undefined)).toEqual({
      n: 4,
      attacks: 2,
      accuracy: 0.5,
      accuracyLow: low,
      accuracyHigh: high,
      strongestAccuracy: 0.75,
      cleanAccuracy: null,
    });
    expect(worstCaseScores(attacked, predicted([1, 0, 0, 0]))).toMatchObject({
      accuracy: 0.25,
      cleanAccuracy: 0.75,
    });
    expect(worstCaseScores([predicted([])], undefined)).toMatchObject({
      n: 0,
      accuracy: null,
      accuracyLow: null,
    });
  });

  it('is at most the accuracy of each attack, and no attack more makes it larger', () => {
    const rows = fc.array(fc.array(fc.constantFrom(0, 1), { minLength: 9, maxLength: 9 }), {
      minLength: 2,
      maxLength: 5,
    });
    fc.assert(
      fc.property(rows, (all) => {
        const attacked = all.map((classes) => predicted(classes));
        const { accuracy, strongestAccuracy } = worstCaseScores(attacked, undefined);
        expect(accuracy).toBeLessThanOrEqual(strongestAccuracy!);
        expect(accuracy).toBeLessThanOrEqual(worstCaseScores(attacked.slice(1), undefined)['accuracy']!);
      }),
    );
  });

  it('is a stage that refuses predictions of other images', async () => {
    const inputs = {
      predictions: listed(predicted([0, 1, 0]), predicted([0, 0, 1])),
      clean: predicted([0, 0, 0]),
    };
    const { metrics } = await runStage('evaluate/worst-case', {}, { inputs });
    expect(metrics).toMatchObject({ n: 3, attacks: 2, accuracy: 1 / 3, cleanAccuracy: 1 });
    const others = { predictions: listed(predicted([0, 1]), predicted([0, 0], [0, 5])) };
    await expect(runStage('evaluate/worst-case', {}, { inputs: others })).rejects.toThrow('do not pair up');
    await expect(runStage('evaluate/worst-case', {}, { inputs: { predictions: [] } })).rejects.toThrow(
      "'predictions' is an empty list",
    );
  });
});
