import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../../../src/runtime/events.ts';
import type { PlannedCell } from '../../../src/runtime/plan/plan.ts';
import { logPath } from '../../../src/runtime/run/ledger.ts';
import { Reporter } from '../../../src/runtime/run/reporter.ts';
import type { ReadyUnit } from '../../../src/runtime/run/schedule.ts';
import { ownIdentity } from '../../../src/runtime/store/process-identity.ts';
import { makeFolder } from '../fixtures/graphs.ts';

const units = [
  { first: 0, count: 64, state: 'reuse', key: 'k0', outputs: null, seconds: 2 },
  { first: 64, count: 36, state: 'reuse', key: 'k1', outputs: null, seconds: 3 },
] as const;
const planned = {
  index: 0,
  cell: { id: 'added', stage: 'added', uses: 'test/add', axes: { by: 1 }, inputs: {} },
  graphStage: { at: 'p.yaml:2:1' },
  stage: { in: {}, out: {} },
  sharded: true,
  images: 100,
  units: units.map((unit) => ({ ...unit })),
  because: ['no result yet'],
} as unknown as PlannedCell;
const plan = { cells: [planned, null], totals: { cells: 1, shards: 2, reuse: 0, run: 2 } };
const shard1: ReadyUnit = { planned, shard: 1, unit: planned.units[1]! };
const outputs = {
  images: [{ digest: 'd', bytes: 30, images: 36 }],
  other: [{ digest: 'e', bytes: 4, images: 0 }],
};
const common = { v: 1, at: 1000 };

let events: RunEvent[] = [];
let reporter: Reporter;
let log = '';
let now = 1000;
let cacheFolder = '';
beforeEach(() => {
  cacheFolder = makeFolder();
  events = [];
  now = 1000;
  log = logPath(cacheFolder, 'r1', 'added');
  reporter = new Reporter({
    run: 'r1',
    cacheFolder,
    emit: (event) => events.push(event),
    now: () => now,
  });
});

test('a run begins with what it is and what is planned', () => {
  reporter.begin({ pipeline: 'p', file: join(cacheFolder, '../p.yaml') }, plan, {
    backend: 'wasm',
    workers: 2,
  });
  const { host, pid, boot, started: processStarted } = ownIdentity();
  expect(events).toEqual([
    {
      ...common,
      type: 'run-started',
      run: 'r1',
      pipeline: 'p',
      file: join(cacheFolder, '../p.yaml'),
      fileFromCache: '../p.yaml',
      backend: 'wasm',
      workers: 2,
      host,
      pid,
      boot,
      processStarted,
      totals: plan.totals,
    },
    {
      ...common,
      type: 'cell-planned',
      cell: 'added',
      stage: 'added',
      uses: 'test/add',
      axes: { by: 1 },
      shards: { total: 2, reuse: 2, run: 0 },
      images: 100,
      because: ['no result yet'],
    },
  ]);
});

describe('what a task reports', () => {
  test.each([
    [
      { type: 'started', id: 1 },
      { type: 'shard-started', cell: 'added', shard: 1, worker: 7, attempt: 2 },
    ],
    [
      { type: 'progress', id: 1, done: 3, total: 9, unit: 'steps' },
      { type: 'shard-progress', cell: 'added', shard: 1, done: 3, total: 9, unit: 'steps' },
    ],
    [
      { type: 'metric', id: 1, name: 'accuracy', value: 0.5, axes: { epoch: 1 } },
      { type: 'metric', cell: 'added', name: 'accuracy', value: 0.5, axes: { by: 1, epoch: 1 } },
    ],
    [
      { type: 'warning', id: 1, message: 'careful' },
      { type: 'warning', cell: 'added', message: 'careful' },
    ],
  ] as const)('becomes an event: $type', (message, event) => {
    reporter.progress(shard1, 2, message, 7);
    expect(events).toEqual([{ ...common, ...event }]);
  });

  test('is added up over the shards of a cell if it says so, and a shard that is computed again counts once', () => {
    const shard0 = { ...shard1, shard: 0 };
    const passes = (value: number) =>
      ({ type: 'metric', id: 1, name: 'passes', value, axes: {}, isSummed: true }) as const;
    reporter.progress(shard0, 1, passes(5), 0);
    reporter.progress(shard1, 1, passes(7), 1);
    reporter.progress(shard1, 2, passes(6), 1);
    expect(events.map((event) => (event.type === 'metric' ? event.value : null))).toEqual([5, 12, 11]);
  });

  test('goes to the log of the cell, and its own output only there', () => {
    reporter.progress(shard1, 1, { type: 'log', id: 1, message: 'epoch 1' }, 0);
    reporter.progress(shard1, 1, { type: 'output', id: 1, message: 'TensorFlow says hello\n' }, 0);
    expect(events).toEqual([{ ...common, type: 'log', cell: 'added', shard: 1, message: 'epoch 1' }]);
    expect(readFileSync(log, 'utf8')).toBe('epoch 1\nTensorFlow says hello\n');
  });
});

test('a finished cell says once what its reused units warned of', () => {
  const [first, second] = planned.units;
  first!.warnings = ['careful', 'more careful'];
  second!.warnings = ['careful'];
  reporter.cellFinished(planned);
  for (const unit of planned.units) unit.warnings = [];
  expect(events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))).toEqual([
    'careful',
    'more careful',
  ]);
  expect(events.at(-1)).toMatchObject({ type: 'cell-finished' });
});

test('a committed shard has its size; a cell is reused only if none of its shards ran', () => {
  const result = { outputs, seconds: 3, reused: false, peakBytes: 8 };
  reporter.cellFinished(planned);
  reporter.committed(shard1, result);
  reporter.cellFinished(planned);
  expect(events).toEqual([
    {
      ...common,
      type: 'cell-finished',
      cell: 'added',
      reused: true,
      seconds: 0,
      savedSeconds: 5,
      keys: ['k0', 'k1'],
    },
    {
      ...common,
      type: 'shard-committed',
      cell: 'added',
      shard: 1,
      key: 'k1',
      reused: false,
      images: 36,
      seconds: 3,
      bytes: 34,
      peakBytes: 8,
    },
    {
      ...common,
      type: 'cell-finished',
      cell: 'added',
      reused: false,
      seconds: 3,
      savedSeconds: 2,
      keys: ['k0', 'k1'],
    },
  ]);
});

test.each([
  [null, 'shard 1, attempt 2: the worker is gone; trying again'],
  [32, 'shard 1, attempt 2: the worker is gone; trying again with at most 32 images at a time'],
  [1, 'shard 1, attempt 2: the worker is gone; trying again with at most 1 image at a time'],
])('a retry with a batch of %s is a warning and a line of the log', (smallerBatch, message) => {
  reporter.retrying(shard1, 2, { code: 'crash', message: 'the worker is gone' }, smallerBatch);
  expect(events).toEqual([{ ...common, type: 'warning', cell: 'added', message }]);
  expect(readFileSync(log, 'utf8')).toBe(`${message}\n`);
});

test('a failed cell names the place of its stage and its log, which has the stack', () => {
  const failure = {
    code: 'stage',
    message: 'no',
    fix: 'do this',
    stack: 'Error: no\n  at x',
    batch: 4,
  } as const;
  reporter.cellFailed(planned, 1, failure, 3, 2);
  expect(events).toEqual([
    {
      ...common,
      type: 'cell-failed',
      cell: 'added',
      shard: 1,
      failure: { code: 'stage', message: 'no', fix: 'do this', at: 'p.yaml:2:1', log, attempts: 3 },
      blocked: 2,
    },
  ]);
  expect(readFileSync(log, 'utf8')).toBe('shard 1: Error: no\n  at x\n');
});

test('what happens to a result besides is a warning or a line for people', () => {
  reporter.recomputing(planned, 1);
  const problem = { path: '/table.md', message: '/table.md is a folder', fix: 'move it', stale: false };
  reporter.notPublished(planned, problem);
  reporter.published(planned, '/table.md');
  reporter.waitingFor(shard1, { run: 'r0', pid: 12, host: 'h', boot: null, started: null });
  expect(events).toEqual([
    {
      ...common,
      type: 'warning',
      cell: 'added',
      message: 'the result of shard 1 was damaged and will be computed again',
    },
    { ...common, type: 'not-published', cell: 'added', ...problem },
    { ...common, type: 'published', cell: 'added', path: '/table.md' },
    {
      ...common,
      type: 'log',
      cell: 'added',
      shard: 1,
      message: 'shard 1 is being computed by run r0 (process 12 on h); waiting for it',
    },
  ]);
});

describe('the end of a run', () => {
  const end = (interrupted = false): unknown => reporter.end(plan, { interrupted, stopped: false });
  const failure = { code: 'stage', message: 'no' } as const;

  test('adds up what ran, what was reused and what failed', () => {
    reporter.committed(shard1, { outputs, seconds: 3, reused: false, peakBytes: 0 });
    reporter.shardFailed(plan.cells[0]!);
    now = 3500;
    const summary = {
      status: 'ok',
      totals: { cells: 1, shards: 2, reused: 1, ran: 1, failed: 1 },
      seconds: 2.5,
    };
    expect(end()).toEqual({ ...summary, failures: [], unpublished: 0, stopped: false });
    expect(events.at(-1)).toEqual({ v: 1, at: 3500, type: 'run-finished', ...summary });
  });

  test('is a failure if a cell failed, unless its user ended it', () => {
    reporter.cellFailed(planned, 0, failure, 1, 0);
    expect(end()).toMatchObject({ status: 'failed', failures: [{ cell: 'added' }] });
    expect(end(true)).toMatchObject({ status: 'interrupted' });
  });

  test('does not count what was computed a second time as reused', () => {
    for (let times = 0; times < 3; times++)
      reporter.committed(shard1, { outputs, seconds: 3, reused: false, peakBytes: 0 });
    expect(end()).toMatchObject({ totals: { ran: 3, reused: 0 } });
  });
});

test('a time of day that is set back during a run changes no duration', () => {
  vi.useFakeTimers();
  const times: number[] = [];
  const request = { run: 'r1', cacheFolder: makeFolder(), emit: ({ at }: RunEvent) => void times.push(at) };
  try {
    const own = new Reporter(request);
    own.begin({ pipeline: 'p', file: '/p.yaml' }, plan, { backend: 'wasm', workers: 2 });
    vi.advanceTimersByTime(2000);
    vi.setSystemTime(new Date('2001-01-01'));
    expect(own.end(plan, { interrupted: false, stopped: false }).seconds).toBe(2);
    expect(times.at(-1)! - times[0]!).toBe(2000);
  } finally {
    vi.useRealTimers();
  }
});
