import { describe, expect, test } from 'vitest';
import { createEstimator, type Prior } from '../../src/dashboard/estimate.ts';
import { formatRemaining } from '../../src/dashboard/format.ts';
import { reduce } from '../../src/dashboard/reduce.ts';
import { initialState } from '../../src/dashboard/state.ts';
import { priorOfUnits } from '../../src/cli/measured-units.ts';
import { measuredUnits } from '../../src/runtime/cost/measured.ts';
import type { RunEvent } from '../../src/runtime/events.ts';
import { recordedLedger, withoutOtherPrograms, type LedgerName } from './fixtures/recorded-ledgers.ts';
import { isInRange, isRight, judgedLooks, replayedEstimate, shareOf } from './fixtures/replayed-estimate.ts';

const byRates = priorOfUnits([], 'wasm');
const byRatesOfTensorflow = priorOfUnits([], 'tensorflow');

/** What a ledger says of wall-clock times, as the command line gives it to a screen. */
function after(name: LedgerName): Prior {
  return priorOfUnits(measuredUnits(withoutOtherPrograms(recordedLedger(name))), 'wasm');
}

/** The share of the time from a fifth of a run on, or its second minute, in which the estimate is right. */
function rightShare(events: readonly RunEvent[], prior: Prior): number {
  return shareOf(judgedLooks(replayedEstimate(events, prior)), isRight);
}

describe('from a fifth of a run on, the time left is right within a factor of 1.5 for 90 % of the time', () => {
  test.each(['quickstart-smoke', 'training', 'quickstart'] as const)(
    'in %s without other programs beside it, by rates that come with ravelin',
    (name) => {
      expect(rightShare(withoutOtherPrograms(recordedLedger(name)), byRates)).toBeGreaterThanOrEqual(0.9);
    },
  );

  test.each(['quickstart-tensorflow', 'defenses-imagenet-smoke', 'guo-2018-smoke'] as const)(
    'in %s without other programs beside it, by the rates of its backend',
    (name) => {
      const events = withoutOtherPrograms(recordedLedger(name));
      expect(rightShare(events, byRatesOfTensorflow)).toBeGreaterThanOrEqual(0.9);
    },
  );

  test('in figure-4-smoke and quickstart after a run of quickstart-smoke', () => {
    const right = (name: LedgerName): number =>
      rightShare(withoutOtherPrograms(recordedLedger(name)), after('quickstart-smoke'));
    expect(right('figure-4-smoke')).toBeGreaterThanOrEqual(0.9);
    expect(right('quickstart')).toBeGreaterThanOrEqual(0.9);
  });
});

test('the end of a run by which no deviation was chosen is in the range of the estimate, although one worker had to wait', () => {
  const looks = replayedEstimate(withoutOtherPrograms(recordedLedger('the-break')), byRatesOfTensorflow);
  expect(shareOf(judgedLooks(looks), isInRange)).toBeGreaterThanOrEqual(0.9);
});

// These machines had up to twenty other programs, which changed the speed threefold during a run; nothing could foresee that.
test.each([
  ['quickstart-smoke', 0.7],
  ['figure-4-smoke', 0.8],
  ['training', 0.4],
  ['quickstart', 0.45],
] as const)('in %s as it was recorded it is for less', (name, least) => {
  expect(rightShare(recordedLedger(name), byRates)).toBeGreaterThanOrEqual(least);
});

test.each([
  ['quickstart-tensorflow', 0.9],
  ['defenses-imagenet-smoke', 0.8],
  ['guo-2018-smoke', 0.8],
] as const)('in %s on TensorFlow as it was recorded it is nearly so', (name, least) => {
  expect(rightShare(recordedLedger(name), byRatesOfTensorflow)).toBeGreaterThanOrEqual(least);
});

test('an estimate counts down between two looks, and is made again after a second', () => {
  const events = recordedLedger('quickstart');
  const half = events.slice(0, events.length >> 1);
  const state = half.reduce(reduce, initialState());
  const estimator = createEstimator(byRates);
  const at = half.at(-1)!.at;
  const first = estimator.remaining(state, at)!;
  expect(estimator.remaining(state, at + 400)!.seconds).toBeCloseTo(first.seconds - 0.4);
});

test('an estimate is rounded to what it can know, and has its range if that is wide', () => {
  expect(formatRemaining({ seconds: 193, low: 180, high: 210 })).toBe('about 3:10 left');
  expect(formatRemaining({ seconds: 193, low: 120, high: 301 })).toBe('about 3:10 left (2:00 to 5:00)');
  expect(formatRemaining({ seconds: 22_489, low: 11_000, high: 40_000 })).toBe(
    'about 6:15:00 left (3:05:00 to 11:05:00)',
  );
  expect(formatRemaining({ seconds: 2, low: 1, high: 4 })).toBe('seconds left');
});
