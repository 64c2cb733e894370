import { describe, expect, it } from 'vitest';
import {
  Calibration,
  measuredUnits,
  weightedMedian,
  type MeasuredUnit,
} from '../../../src/runtime/cost/measured.ts';
import { assumedCards, cardSeconds, secondsOf } from '../../../src/runtime/cost/rates.ts';
import type { RunEvent } from '../../../src/runtime/events.ts';

const rates = { forward: 2, unit: 1 };
const work = (alike: string, forward: number) => ({ alike, perImage: { forward }, perUnit: { unit: 1 } });

function measured(more: Partial<MeasuredUnit>): MeasuredUnit {
  const nothing = { wall: 0, peakBytes: 0, backend: 'wasm', host: 'here' };
  return { uses: 'lab/a', work: work('x', 3), images: 4, cpu: 0, ...nothing, ...more };
}

describe('the seconds of a unit', () => {
  it('are those of its operations, once and for each image', () => {
    // 1 + 4 · 3 · 2
    expect(secondsOf(work('x', 3), 4, rates)).toBe(25);
  });

  it('are unknown if one of its operations is', () => {
    expect(secondsOf({ perImage: { 'lab/magic': 1 }, perUnit: {} }, 4, rates)).toBeNull();
  });

  it('on an assumed card follow from its peak, two operations a multiply-add', () => {
    const { forward, gradient, training } = cardSeconds({ ...assumedCards['h100']!, peak: 1e12, share: 0.5 });
    expect([forward, gradient, training].map((seconds) => seconds! * 1e12)).toEqual([4, 8, 12]);
  });
});

describe('an estimate from measured units', () => {
  it('takes what units that are alike took in relation to their operations', () => {
    // 50 s instead of 25: every estimate doubles, whatever the number of images.
    const calibration = new Calibration([measured({ cpu: 50 })], rates);
    expect(calibration.estimate('lab/a', work('x', 3), 10)).toEqual({ seconds: 2 * 61, basis: 'measured' });
  });

  it('takes units of the same stage type if none is alike', () => {
    const calibration = new Calibration([measured({ cpu: 50 })], rates);
    expect(calibration.estimate('lab/a', work('y', 30), 4)).toEqual({ seconds: 2 * 241, basis: 'scaled' });
  });

  it('takes the rates themselves if there is no unit of the stage type', () => {
    const calibration = new Calibration([measured({ cpu: 50 })], rates);
    expect(calibration.estimate('lab/b', work('z', 3), 4)).toEqual({ seconds: 25, basis: 'default' });
  });

  it('counts the images of a stage type that does not say what it does', () => {
    const units = [2, 3, 100].map((cpu) => measured({ work: null, images: 1, cpu }));
    expect(new Calibration(units, rates).estimate('lab/a', null, 10)).toEqual({
      seconds: 30,
      basis: 'scaled',
    });
  });

  it('is unknown, and never 0, if nothing was measured and nothing is said', () => {
    expect(new Calibration([], rates).estimate('lab/a', null, 10)).toEqual({
      seconds: null,
      basis: 'unknown',
    });
  });

  it('does not take units of a known size for images of an unknown one', () => {
    const calibration = new Calibration([measured({ cpu: 50 })], rates);
    expect(calibration.estimate('lab/a', null, 10)).toEqual({ seconds: null, basis: 'unknown' });
  });

  it('follows an operation without a rate, from units that do it too', () => {
    const through = (alike: string, magic: number) => ({
      alike,
      perImage: { forward: 3, 'defense/mine': magic },
      perUnit: { unit: 1 },
    });
    const bare = measured({ cpu: 1 });
    // Units that do not go through the defense say nothing of its time.
    expect(new Calibration([bare], rates).estimate('lab/a', through('y', 10), 4)).toEqual({
      seconds: null,
      basis: 'unknown',
    });
    const units = [bare, measured({ work: through('z', 5), images: 2, cpu: 30 })];
    // 3 s for each of 5 · 2, so 120 for 10 · 4.
    expect(new Calibration(units, rates).estimate('lab/a', through('y', 10), 4)).toEqual({
      seconds: 120,
      basis: 'scaled',
    });
  });

  it('is not led astray by a small unit that took long', () => {
    const units = [measured({ cpu: 25 }), measured({ images: 0, cpu: 40 })];
    expect(new Calibration(units, rates).estimate('lab/a', work('x', 3), 4).seconds).toBe(25);
  });
});

describe('the weighted median', () => {
  it('is the value up to which half of the weight lies', () => {
    const of = (...pairs: readonly (readonly [value: number, weight: number])[]) =>
      weightedMedian(pairs.map(([value, weight]) => ({ value, weight })));
    expect(of([5, 1], [1, 1], [3, 1])).toBe(3);
    expect(of([5, 10], [1, 1], [3, 1])).toBe(5);
    expect(of()).toBeNull();
  });
});

describe('the units of a ledger', () => {
  const time = { read: 0, codec: 0, backend: 0, kernels: 0, javascript: 0, write: 0 };
  const event = (body: object): RunEvent => ({ v: 1, at: 0, ...body }) as RunEvent;
  const committed = (more: object): RunEvent =>
    event({ type: 'shard-committed', cell: 'a', reused: false, images: 4, peakBytes: 7, ...more });

  it('are those that were computed, without the time in which the backend was opened', () => {
    const events = [
      event({ type: 'run-started', backend: 'wasm', host: 'here' }),
      event({ type: 'cell-planned', cell: 'a', uses: 'lab/a', work: work('x', 3) }),
      committed({ time: { ...time, wall: 8, cpu: 4, open: 2 } }),
      committed({ reused: true }),
      committed({}),
    ];
    expect(measuredUnits(events)).toEqual([measured({ cpu: 3, wall: 6, peakBytes: 7 })]);
  });
});
