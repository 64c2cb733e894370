import { expect, test } from 'vitest';
import { createEstimator } from '../../src/dashboard/estimate.ts';
import { reduce } from '../../src/dashboard/reduce.ts';
import { initialState } from '../../src/dashboard/state.ts';
import { recordedLedger } from './fixtures/recorded-ledgers.ts';

const events = recordedLedger('quickstart');
const half = events.slice(0, events.length >> 1);
const state = half.reduce(reduce, initialState());
const first = half.at(-1)!.at;

test('an estimate that is made in steps is the same, and the last one counts down meanwhile', () => {
  const whole = createEstimator();
  const inSteps = createEstimator(undefined, 5);
  // The first one is made at once, as there is nothing to show meanwhile.
  const before = whole.remaining(state, first)!;
  expect(inSteps.remaining(state, first)).toEqual(before);
  const later = first + 2000;
  const after = whole.remaining(state, later)!;
  expect(after.seconds).not.toBeCloseTo(before.seconds - 2);
  let calls = 0;
  for (;;) {
    const shown = inSteps.remaining(state, later)!;
    calls++;
    if (shown.seconds === after.seconds) break;
    expect(shown.seconds).toBeCloseTo(before.seconds - 2);
  }
  const units = state.totals.shards;
  expect(calls).toBeGreaterThan(state.cells.length / 5);
  expect(calls).toBeLessThan((state.cells.length + units) / 5 + 5);
});

test('a recording that goes back in time is estimated again', () => {
  const estimator = createEstimator(undefined, 5);
  estimator.remaining(state, first + 60_000);
  expect(estimator.remaining(state, first)).toEqual(createEstimator().remaining(state, first));
});
