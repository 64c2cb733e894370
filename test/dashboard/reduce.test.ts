import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEstimator, imageRate } from '../../src/dashboard/estimate.ts';
import { reduce } from '../../src/dashboard/reduce.ts';
import { initialState } from '../../src/dashboard/state.ts';
import type { DashboardState } from '../../src/dashboard/state.ts';
import { at, emptyVector, items, push, set } from '../../src/dashboard/vector.ts';
import type { RunEvent } from '../../src/runtime/events.ts';
import { recordedLedger } from './fixtures/recorded-ledgers.ts';
import { after, scriptedRun, start } from './fixtures/scripted-run.ts';

const stateAfter = (events: readonly RunEvent[]): DashboardState => events.reduce(reduce, initialState());

const planned = (cell: string, run: number, reuse = 0, uses = 'attack/fgsm'): RunEvent =>
  after(0, {
    type: 'cell-planned',
    cell,
    stage: cell,
    uses,
    axes: {},
    shards: { total: run + reuse, reuse, run },
    images: 0,
    because: [],
  });
const started = (seconds: number, cell: string, shard = 0): RunEvent =>
  after(seconds, { type: 'shard-started', cell, shard, worker: 0, attempt: 1 });
const committed = (seconds: number, cell: string, shard = 0, reused = false, took = 2): RunEvent =>
  after(seconds, {
    type: 'shard-committed',
    cell,
    shard,
    key: 'k',
    reused,
    images: 64,
    seconds: took,
    bytes: 1,
    peakBytes: 100 + shard,
  });
const runStarted = (workers: number): RunEvent =>
  after(0, {
    type: 'run-started',
    run: 'r',
    pipeline: 'p',
    file: 'p.yaml',
    backend: 'wasm',
    workers,
    host: 'h',
    pid: 1,
    totals: { cells: 1, shards: 1, reuse: 0, run: 1 },
  });

describe('the reducer', () => {
  test('a cell goes from waiting over running to finished, and the counts follow', () => {
    const events = [
      planned('a', 2),
      started(1, 'a'),
      committed(3, 'a'),
      started(3, 'a', 1),
      committed(5, 'a', 1),
    ];
    const statuses = events.map((_, index) => at(stateAfter(events.slice(0, index + 1)).cells, 0)!.status);
    expect(statuses).toEqual(['waiting', 'running', 'partly', 'running', 'partly']);
    const done = stateAfter([
      ...events,
      after(5, { type: 'cell-finished', cell: 'a', reused: false, seconds: 4, savedSeconds: 0, keys: [] }),
    ]);
    expect(at(done.cells, 0)).toMatchObject({
      status: 'finished',
      seconds: 4,
      shards: { total: 2, done: 2, running: 0 },
    });
    expect(done.counts).toEqual({
      waiting: 0,
      running: 0,
      partly: 0,
      reused: 0,
      finished: 1,
      failed: 0,
      blocked: 0,
    });
    expect(done).toMatchObject({ ranShards: 2, peakBytes: 101, reusedShards: 0 });
  });

  test('what comes from the cache counts as hits and saved seconds, once', () => {
    const finished = after(1, {
      type: 'cell-finished',
      cell: 'a',
      reused: true,
      seconds: 0,
      savedSeconds: 42,
      keys: [],
    });
    const state = stateAfter([
      planned('a', 0, 3),
      finished,
      planned('b', 1),
      started(1, 'b'),
      committed(1, 'b', 0, true),
    ]);
    expect(state).toMatchObject({ reusedShards: 4, savedSeconds: 42, ranShards: 0 });
    expect(at(state.cells, 0)!.status).toBe('reused');
  });

  test('a failure is kept with its cell, and what never ran is blocked when the run ends', () => {
    const state = stateAfter(scriptedRun({ failing: 'adversarial[attack=fgsm,strength=0]' }));
    expect(state.failures.map((failure) => failure.cell)).toEqual(['adversarial[attack=fgsm,strength=0]']);
    expect(state.counts).toMatchObject({ failed: 1, running: 0 });
    const cut = stateAfter([
      planned('a', 1),
      planned('b', 1),
      started(1, 'a'),
      after(2, {
        type: 'run-finished',
        status: 'interrupted',
        totals: { cells: 2, shards: 2, reused: 0, ran: 0, failed: 0 },
        seconds: 2,
      }),
    ]);
    expect(cut.counts.blocked).toBe(2);
  });

  test('events of cells that nobody planned change nothing', () => {
    const state = stateAfter([planned('a', 1)]);
    for (const event of [
      started(1, 'x'),
      committed(1, 'x'),
      after(1, { type: 'log', cell: 'x', shard: 0, message: 'm' }),
    ]) {
      expect({ ...reduce(state, event), now: 0 }).toEqual({ ...state, now: 0 });
    }
  });

  test('old states stay as they were', () => {
    const events = scriptedRun();
    const states = events.map((_, index) => stateAfter(events.slice(0, index + 1)));
    let state = initialState();
    for (const [index, event] of events.entries()) {
      state = reduce(state, event);
      expect(state.counts).toEqual(states[index]!.counts);
    }
    expect(states[5]!.cells.length).toBe(5);
  });

  test('counts of the stages add up to those of the run after every event', () => {
    let state = initialState();
    for (const event of scriptedRun({ failing: 'scores[attack=fgsm,strength=0.02,defense=jpeg]' })) {
      state = reduce(state, event);
      const sum = { waiting: 0, running: 0, partly: 0, reused: 0, finished: 0, failed: 0, blocked: 0 };
      for (const stage of state.stages)
        for (const status of Object.keys(sum) as (keyof typeof sum)[]) sum[status] += stage.counts[status];
      expect(sum).toEqual(state.counts);
    }
  });

  test('an event copies no more of a state of 5,000 cells than of one of 500', () => {
    const plannedOf = (index: number): RunEvent =>
      after(0, {
        type: 'cell-planned',
        cell: `s[index=${index}]`,
        stage: 's',
        uses: 'debug/constant',
        axes: { index },
        shards: { total: 2, reuse: 0, run: 2 },
        images: 0,
        because: [],
      });
    const id = 's[index=7]';
    const copiesAt = (cells: number): readonly number[] => {
      let state = stateAfter([
        runStarted(2),
        ...Array.from({ length: cells }, (_, index) => plannedOf(index)),
      ]);
      const events = [
        plannedOf(cells),
        started(1, id),
        after(1, { type: 'shard-progress', cell: id, shard: 0, done: 1, total: 4, unit: 'images' }),
        after(1, { type: 'metric', cell: id, name: 'loss', value: 1, axes: {} }),
        committed(2, id),
        after(3, { type: 'cell-finished', cell: id, reused: false, seconds: 0, savedSeconds: 0, keys: [] }),
      ];
      return events.map((event) => {
        const before = state;
        state = reduce(before, event);
        return copied(before, state);
      });
    };
    // Two lists, and in each a path of at most three nodes of 32 entries; a copy of either list would be 5,000.
    for (const entries of copiesAt(5_000)) expect(entries).toBeLessThan(300);
    for (const entries of copiesAt(500)) expect(entries).toBeLessThan(300);
  });
});

/** Entries of the objects, lists and maps in `after` that are not those of `before`. */
function copied(before: unknown, after: unknown): number {
  if (before === after || typeof after !== 'object' || after === null) return 0;
  const entriesOf = (value: unknown): ReadonlyMap<unknown, unknown> =>
    value instanceof Map ? value : new Map(Object.entries(value ?? {}));
  const old = entriesOf(before);
  return [...entriesOf(after)].reduce((sum, [name, value]) => sum + 1 + copied(old.get(name), value), 0);
}

const remainingSeconds = (state: DashboardState, now: number): number | null =>
  createEstimator().remaining(state, now)?.seconds ?? null;

describe('estimates', () => {
  test('remaining time is the shards left times their mean, spread over the workers', () => {
    const state = stateAfter([runStarted(2), planned('a', 5), started(0, 'a'), committed(2, 'a')]);
    expect(remainingSeconds(state, start + 2000)).toBeCloseTo(4, 1);
  });

  test('each kind of stage has its own mean, and an unknown one takes the mean of all', () => {
    const events = [
      runStarted(1),
      planned('a', 2),
      planned('b', 2, 0, 'defense/tvm'),
      planned('c', 1, 0, 'train/sgd'),
    ];
    const state = stateAfter([...events, committed(2, 'a'), committed(8, 'b', 0, false, 6)]);
    expect(remainingSeconds(state, start + 8000)).toBeCloseTo(2 + 6 + 4, 1);
  });

  test('a running shard is judged by its own progress, and the end waits for the slowest', () => {
    const progress = after(10, {
      type: 'shard-progress',
      cell: 'a',
      shard: 0,
      done: 1,
      total: 4,
      unit: 'epochs',
    });
    const state = stateAfter([runStarted(4), planned('a', 1), started(0, 'a'), progress]);
    expect(remainingSeconds(state, start + 10_000)).toBe(30);
  });

  test('nothing is claimed before anything was measured', () => {
    const state = stateAfter([runStarted(2), planned('a', 5), started(0, 'a')]);
    expect(remainingSeconds(state, start + 1000)).toBeNull();
    expect(imageRate(state, start + 1000)).toBeNull();
  });

  test('the image rate is that of the last 30 seconds, cache hits left out', () => {
    const events = [
      runStarted(1),
      planned('a', 9),
      committed(5, 'a'),
      committed(40, 'a', 1),
      committed(50, 'a', 2),
      committed(50, 'a', 3, true),
    ];
    expect(imageRate(stateAfter(events), start + 60_000)).toBeCloseTo(128 / 30);
    expect(imageRate(stateAfter(events), start + 100_000)).toBeNull();
  });
});

test('a persistent vector does what an array does, and leaves its past alone', () => {
  const operation = fc.oneof(fc.record({ push: fc.nat() }), fc.record({ at: fc.nat(), set: fc.nat() }));
  fc.assert(
    fc.property(fc.nat(1100), fc.array(operation, { maxLength: 60 }), (length, operations) => {
      let vector = emptyVector<number>();
      const array: number[] = [];
      for (let index = 0; index < length; index++) {
        vector = push(vector, index);
        array.push(index);
      }
      const [before, expectedBefore] = [vector, [...array]];
      for (const step of operations) {
        if ('push' in step) {
          vector = push(vector, step.push);
          array.push(step.push);
        } else if (array.length > 0) {
          const index = step.at % array.length;
          vector = set(vector, index, step.set);
          array[index] = step.set;
        }
      }
      expect([...items(vector)]).toEqual(array);
      expect([...items(before)]).toEqual(expectedBefore);
    }),
    { numRuns: 40 },
  );
});

test('a cell that is equal to another one of the run has its numbers', () => {
  const state = recordedLedger('quickstart-tensorflow').reduce(reduce, initialState());
  const [computed, equal] = ['fgsm', 'i-fgsm'].map((attack) =>
    at(state.cells, state.index.get(`scores[attack=${attack},strength=0,defense=none]`)!)!,
  );
  expect(equal!.status).toBe('reused');
  expect(computed!.metrics['accuracy']).toBe(0.982);
  expect(equal!.metrics).toEqual(computed!.metrics);
});

describe('what a person does to cells', () => {
  const events = [
    runStarted(1),
    planned('search', 2),
    planned('a', 2),
    started(1, 'search'),
    started(1, 'search', 1),
  ];
  const failure = {
    code: 'cancelled',
    message: 'it was cancelled',
    at: 'p:1:1',
    log: 'l',
    attempts: 0,
  } as const;
  const cancelled = [
    ...events,
    after(2, { type: 'cell-failed', cell: 'a', shard: 0, failure, blocked: 0 }),
    after(2, { type: 'cell-skipped', cell: 'search' }),
  ];

  test('a skipped cell runs no more, and its stage neither', () => {
    const state = stateAfter(cancelled);
    expect([...items(state.cells)].map(({ status }) => status)).toEqual(['blocked', 'failed']);
    expect(state.running.size).toBe(0);
    expect(state.stages[0]).toMatchObject({ shards: { running: 0 }, busySince: null, busyMs: 1000 });
    expect(createEstimator().remaining(state, start + 3000)).toMatchObject({ seconds: 0 });
  });

  test('cells that are tried again wait as before, and their failures are taken back', () => {
    const state = stateAfter([
      ...cancelled,
      committed(3, 'search', 1),
      after(4, { type: 'cell-retried', cell: 'a', freed: 1 }),
      after(4, { type: 'cell-retried', cell: 'search', freed: 0 }),
    ]);
    expect([...items(state.cells)].map(({ status, failure: of }) => [status, of])).toEqual([
      ['partly', null],
      ['waiting', null],
    ]);
    expect([state.failures, state.counts.failed, state.counts.blocked]).toEqual([[], 0, 0]);
  });
});
