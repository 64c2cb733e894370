import { describe, expect, test } from 'vitest';
import type { TaskFailure, TaskOutcome } from '../../../src/runtime/executor.ts';
import { beginAttempt, nextStep, untried } from '../../../src/runtime/run/retry-policy.ts';
import type { RetryRules, UnitHistory } from '../../../src/runtime/run/retry-policy.ts';

const rules: RetryRules = {
  retry: { max: 2, on: ['out-of-memory', 'crash'] },
  images: 64,
  cacheFolder: '/project/.ravelin',
};
const patient = (max: number): RetryRules => ({ ...rules, retry: { ...rules.retry, max } });
const only = (...on: RetryRules['retry']['on']): RetryRules => ({ ...rules, retry: { max: 2, on } });
const history = (change: Partial<UnitHistory> = {}): UnitHistory => ({ ...untried, attempts: 1, ...change });

const failed = (failure: TaskFailure): TaskOutcome => ({ type: 'failed', id: 1, failure });
const lost = (cause: 'crash' | 'out-of-memory' | 'timeout'): TaskOutcome => ({
  type: 'lost',
  id: 1,
  cause,
  message: 'the worker is gone',
});
const outOfMemory = (batch?: number): TaskOutcome =>
  failed({ code: 'out-of-memory', message: 'too much', ...(batch !== undefined && { batch }) });
const becauseOf = (code: TaskFailure['code']): TaskFailure => ({ code, message: 'the worker is gone' });

test('an attempt counts from its beginning', () => {
  expect(beginAttempt(untried)).toEqual({ attempts: 1, damagedInputs: 0, batchLimit: null });
});

test('a committed unit is committed', () => {
  const outcome: TaskOutcome = {
    type: 'committed',
    id: 1,
    outputs: {},
    seconds: 2,
    reused: false,
    peakBytes: 3,
  };
  expect(nextStep(outcome, history(), rules)).toEqual({ do: 'commit', result: outcome });
});

test('a unit that was given back before it began is put back, and the attempt does not count', () => {
  expect(nextStep({ type: 'returned', id: 1 }, history({ attempts: 2 }), rules)).toEqual({
    do: 'put-back',
    history: history({ attempts: 1 }),
  });
});

describe('damaged inputs', () => {
  const outcome: TaskOutcome = { type: 'damaged', id: 1, digests: ['a', 'b'] };

  test('are computed again, and the attempt does not count', () => {
    expect(nextStep(outcome, history({ attempts: 2, batchLimit: 8 }), rules)).toEqual({
      do: 'recompute-inputs',
      digests: ['a', 'b'],
      history: { attempts: 1, damagedInputs: 1, batchLimit: 8 },
    });
  });

  test('fail the unit when they come a sixth time: then the disk is to blame', () => {
    expect(nextStep(outcome, history({ damagedInputs: 4 }), rules)).toMatchObject({
      do: 'recompute-inputs',
    });
    expect(nextStep(outcome, history({ damagedInputs: 5 }), rules)).toEqual({
      do: 'fail',
      failure: {
        code: 'storage',
        message: 'its inputs were damaged 6 times in a row; check the disk under /project/.ravelin',
      },
    });
  });
});

describe('a lost worker', () => {
  test.each([
    ['crash', 1, 'retry'],
    ['crash', 2, 'retry'],
    ['crash', 3, 'fail'],
    ['out-of-memory', 2, 'retry'],
    ['out-of-memory', 3, 'fail'],
    ['timeout', 1, 'fail'],
  ] as const)('by %s at attempt %d of at most 3: %s', (cause, attempts, expected) => {
    expect(nextStep(lost(cause), history({ attempts }), rules).do).toBe(expected);
  });

  test('is retried if either of the two causes that it may have is to be retried', () => {
    expect(nextStep(lost('crash'), history(), only('out-of-memory')).do).toBe('retry');
    expect(nextStep(lost('out-of-memory'), history(), only('crash')).do).toBe('retry');
    expect(nextStep(lost('crash'), history(), only('io'))).toEqual({
      do: 'fail',
      failure: becauseOf('crash'),
    });
  });

  test.each([
    [64, null, 32],
    [200, null, 32],
    [9, null, 4],
    [64, 10, 5],
    [64, 1, null],
    [1, null, null],
    [0, null, null],
  ])('for want of memory with %d images and a limit of %s is retried with %s at a time', (...row) => {
    const [images, batchLimit, smaller] = row;
    expect(nextStep(lost('out-of-memory'), history({ batchLimit }), { ...rules, images })).toEqual({
      do: 'retry',
      because: becauseOf('out-of-memory'),
      smallerBatch: smaller,
      history: history({ batchLimit: smaller ?? batchLimit }),
    });
  });

  test('that crashed keeps its limit', () => {
    expect(nextStep(lost('crash'), history({ batchLimit: 8 }), rules)).toEqual({
      do: 'retry',
      because: becauseOf('crash'),
      smallerBatch: null,
      history: history({ batchLimit: 8 }),
    });
  });
});

describe('a failure', () => {
  test('for want of memory is retried with half the batch for as long as there is something to halve', () => {
    expect(nextStep(outOfMemory(64), history({ attempts: 9 }), rules)).toMatchObject({
      do: 'retry',
      smallerBatch: 32,
    });
    expect(nextStep(outOfMemory(2), history({ attempts: 9 }), rules)).toMatchObject({
      do: 'retry',
      smallerBatch: 1,
    });
    expect(nextStep(outOfMemory(1), history({ attempts: 3 }), rules).do).toBe('fail');
    expect(nextStep(outOfMemory(1), history({ attempts: 2 }), rules)).toMatchObject({
      do: 'retry',
      smallerBatch: null,
    });
  });

  test('for want of memory without batches is counted like every other', () => {
    expect(nextStep(outOfMemory(), history({ attempts: 2 }), rules).do).toBe('retry');
    expect(nextStep(outOfMemory(), history({ attempts: 3 }), rules).do).toBe('fail');
  });

  test('is never retried with `retry: 0`, not even with a smaller batch', () => {
    expect(nextStep(outOfMemory(64), history(), patient(0)).do).toBe('fail');
    expect(nextStep(lost('crash'), history(), patient(0)).do).toBe('fail');
  });

  test.each([
    ['io', ['io'], 'retry'],
    ['io', ['crash'], 'fail'],
    ['out-of-memory', ['crash'], 'fail'],
    ['stage', ['io', 'crash', 'out-of-memory', 'preempted'], 'fail'],
    ['bad-data', ['io', 'crash', 'out-of-memory', 'preempted'], 'fail'],
    ['storage', ['io', 'crash', 'out-of-memory', 'preempted'], 'fail'],
  ] as const)('%s with `on: %s`: %s', (code, on, expected) => {
    expect(nextStep(failed({ code, message: 'm' }), history(), only(...on)).do).toBe(expected);
  });

  test('that ends the unit is handed on as it was', () => {
    const failure: TaskFailure = { code: 'bad-data', message: 'm', file: 'f', fix: 'x', stack: 's' };
    expect(nextStep(failed(failure), history(), rules)).toEqual({ do: 'fail', failure });
  });
});
