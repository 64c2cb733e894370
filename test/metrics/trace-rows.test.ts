import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traceRows } from '../../src/metrics/trace-rows.ts';
import { wilsonInterval } from '../../src/metrics/wilson.ts';
import type { Trace } from '../../src/values/trace.ts';

interface Course {
  readonly losses: readonly number[];
  readonly distances: readonly number[];
  readonly reached: readonly number[];
}

/** A trace whose best values follow from the others; `strides` thin out all but the last entry. */
function traceOf(courses: readonly Course[], strides = courses.map(() => 1)): Trace {
  const entries = courses.flatMap(({ losses, distances, reached }, image) => {
    let bestLoss = -Infinity;
    let bestDistance = Infinity;
    return losses.flatMap((loss, step) => {
      bestLoss = Math.max(bestLoss, loss);
      if (reached[step] === 1) bestDistance = Math.min(bestDistance, distances[step]!);
      const entry = {
        step,
        loss,
        distance: distances[step]!,
        reached: reached[step]!,
        bestLoss,
        bestDistance,
      };
      return step % strides[image]! === 0 || step === losses.length - 1 ? [{ image, ...entry }] : [];
    });
  });
  const real = (of: (entry: (typeof entries)[number]) => number): Float32Array =>
    Float32Array.from(entries, of);
  return {
    norm: 'l2',
    loss: 'margin',
    lengths: Int32Array.from(courses, (_, image) => entries.filter((entry) => entry.image === image).length),
    steps: Int32Array.from(entries, ({ step }) => step),
    losses: real(({ loss }) => loss),
    margins: real(({ loss }) => loss),
    distances: real(({ distance }) => distance),
    bestLosses: real(({ bestLoss }) => bestLoss),
    bestDistances: real(({ bestDistance }) => bestDistance),
    reached: Uint8Array.from(entries, ({ reached }) => reached),
  };
}

describe('the rows of a trace', () => {
  it('have rates over all images and other numbers over the attacked ones, which stay at their results', () => {
    const rows = traceRows(
      traceOf([
        { losses: [-2, -1, 1], distances: [0, 1, 2], reached: [0, 0, 1] },
        { losses: [-4, 3, -1], distances: [0, 3, 1], reached: [0, 1, 0] },
        { losses: [-1, 2], distances: [0, 0.5], reached: [0, 1] },
        // Misclassified before the attack.
        { losses: [5], distances: [0], reached: [1] },
      ]),
      200,
    );
    const two = wilsonInterval(2, 4)!;
    expect(rows.map(({ axes }) => axes)).toEqual([{ step: 0 }, { step: 1 }, { step: 2 }]);
    expect(rows.map(({ values }) => values['reachedRate'])).toEqual([0.25, 0.75, 0.75]);
    expect(rows.map(({ values }) => values['foundRate'])).toEqual([0.25, 0.75, 1]);
    expect(rows.map(({ values }) => values['loss'])).toEqual([-7 / 3, 4 / 3, 2 / 3]);
    expect(rows.map(({ values }) => values['bestLoss'])).toEqual([-7 / 3, 4 / 3, 2]);
    expect(rows.map(({ values }) => values['margin'])).toEqual([-2, 2, 1]);
    expect(rows.map(({ values }) => values['distance'])).toEqual([0, 1, 1]);
    // Infinite in the middle of three until two of them have one.
    expect(rows.map(({ values }) => values['bestDistance'])).toEqual([null, 3, 2]);
    expect(rows[0]!.values).toMatchObject({ n: 4, attacked: 3 });
    const half = traceRows(traceOf([0, 0, 1, 1].map((reached) => ({ losses: [0, 1], distances: [0, 1], reached: [0, reached] }))), 9); // prettier-ignore
    expect(half[1]!.values).toMatchObject({ reachedRateLow: two.low, reachedRateHigh: two.high });
  });

  it('have no rate where the class of an image is not known, and no loss where there is none', () => {
    const [first, last] = traceRows(traceOf([{ losses: [NaN, 1], distances: [0, 1], reached: [2, 1] }]), 200);
    expect(first!.values).toMatchObject({ reachedRate: null, reachedRateLow: null, loss: null, margin: null, foundRate: 0 }); // prettier-ignore
    expect(last!.values).toMatchObject({ reachedRate: 1, loss: 1, foundRate: 1 });
  });

  it('are at most as many as asked for, and those of a course that was thinned out are those of the whole', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 2, max: 60 }),
        (lengths, points) => {
          const courses = lengths.map((length, image) => {
            const wave = Array.from({ length }, (_, step) => Math.sin(step * 0.3 + image));
            return {
              losses: wave,
              distances: wave.map(Math.abs),
              reached: wave.map((value) => (value > 0.5 ? 1 : 0)),
            };
          });
          const rows = traceRows(traceOf(courses), points);
          const last = Math.max(...lengths) - 1;
          expect(rows.length).toBeLessThanOrEqual(points);
          expect(rows.at(-1)!.axes['step']).toBe(last);
          const steps = rows.map(({ axes }) => axes['step'] as number);
          expect(steps).toEqual([...new Set(steps)].sort((one, other) => one - other));
          const stride = steps.length > 2 ? steps[1]! : 1;
          expect(traceRows(traceOf(courses, courses.map(() => stride)), points)).toEqual(rows); // prettier-ignore
        },
      ),
    );
  });
});
