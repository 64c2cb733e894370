/** Whole runs on an executor that computes nothing: each test says what becomes of each task, and when. */
import { linkSync, mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../../../src/runtime/events.ts';
import { createRunControl } from '../../../src/runtime/run/control.ts';
import { execute } from '../../../src/runtime/run/execute.ts';
import type { ExecuteRequest } from '../../../src/runtime/run/execute.ts';
import type { RunSummary } from '../../../src/runtime/run/reporter.ts';
import { unitPreimage } from '../../../src/runtime/plan/units.ts';
import { ownIdentity } from '../../../src/runtime/store/process-identity.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import { ConductedExecutor } from '../fixtures/conducted-executor.ts';
import { makeFolder, makeGraph } from '../fixtures/graphs.ts';
import type { CellLiteral } from '../fixtures/graphs.ts';
import { cacheOf, planGraph } from '../fixtures/run-graph.ts';

let folder = '';
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => void vi.useRealTimers());

const chain: readonly CellLiteral[] = [
  { id: 'photos', uses: 'test/source', with: { limit: 100 } },
  { id: 'added', uses: 'test/add', with: { by: 1 }, in: { images: 'photos' } },
  { id: 'sum', uses: 'test/sum', in: { images: 'added' } },
];

interface Conducted {
  readonly executor: ConductedExecutor;
  readonly events: readonly RunEvent[];
  readonly ended: Promise<RunSummary>;
}

/** Starts a run and waits until it has submitted what is ready, or has ended. */
async function start(
  literals: readonly CellLiteral[],
  options: Partial<ExecuteRequest> & { readonly slots?: number } = {},
): Promise<Conducted> {
  const graph = makeGraph(folder, literals);
  const { slots, ...request } = options;
  const executor = new ConductedExecutor(slots);
  const events: RunEvent[] = [];
  const plan = await planGraph(graph);
  let opened: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => (opened = resolve));
  const ended = execute({
    graph,
    plan,
    store: openStore(cacheOf(graph)),
    run: 'r1',
    backend: 'none',
    workers: 1,
    openExecutor: () => {
      opened();
      return Promise.resolve(executor);
    },
    emit: (event) => events.push(event),
    ...request,
  });
  await Promise.race([isOpen, ended]);
  // The run goes on in the microtasks after the executor was opened.
  await new Promise((resolve) => setImmediate(resolve));
  return { executor, events, ended };
}

const claimsFolder = (): string => join(folder, '.ravelin/claims');

/** Claims keys as a living run does: its process is this one. */
function claimForAnotherRun(...keys: readonly string[]): void {
  mkdirSync(claimsFolder(), { recursive: true });
  const run = join(claimsFolder(), 'run-other');
  writeFileSync(run, JSON.stringify({ run: 'other', ...ownIdentity() }));
  for (const key of keys) linkSync(run, join(claimsFolder(), key));
}

const types = (events: readonly RunEvent[]): string[] =>
  events.map((event) => {
    const shard = 'shard' in event ? ` ${event.shard}` : '';
    return `${event.type}${'cell' in event ? ` ${event.cell}` : ''}${shard}`;
  });
const warnings = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

test('a run submits what is ready, follows results to what waits for them, and reports all of it in order', async () => {
  const { executor, events, ended } = await start(chain);
  expect(executor.open).toEqual(['photos 0', 'photos 1']);
  executor.start('photos 0');
  executor.commit('photos 0');
  expect(executor.open).toEqual(['photos 1', 'added 0']);
  const claimed = executor.open.map((name) => executor.task(name).key);
  expect(readdirSync(claimsFolder()).sort()).toEqual([...claimed, 'run-r1'].sort());
  executor.commit('photos 1');
  executor.commit('added 0');
  executor.commit('added 1');
  executor.commit('sum 0');
  expect(await ended).toMatchObject({
    status: 'ok',
    totals: { cells: 3, shards: 5, reused: 0, ran: 5, failed: 0 },
    stopped: false,
  });
  expect(types(events)).toEqual([
    'run-started',
    'cell-planned photos',
    'cell-planned added',
    'cell-planned sum',
    'shard-started photos 0',
    'shard-committed photos 0',
    'shard-committed photos 1',
    'cell-finished photos',
    'shard-committed added 0',
    'shard-committed added 1',
    'cell-finished added',
    'shard-committed sum 0',
    'cell-finished sum',
    'run-finished',
  ]);
  expect(executor.calls).toEqual(['close']);
});

test('the executor gets no more than it takes, and the next unit when it is free', async () => {
  const { executor, ended } = await start(chain, { slots: 1 });
  const order: string[] = [];
  for (let [name] = executor.open; name !== undefined; [name] = executor.open) {
    expect(executor.open).toHaveLength(1);
    order.push(name);
    executor.commit(name);
  }
  expect(order).toEqual(['photos 0', 'added 0', 'photos 1', 'added 1', 'sum 0']);
  expect(await ended).toMatchObject({ status: 'ok' });
});

describe('a unit whose worker is lost', () => {
  test('is submitted again, and fails its cell after two retries', async () => {
    const { executor, events, ended } = await start(chain);
    for (let attempt = 1; attempt <= 3; attempt++) {
      executor.start('photos 0');
      executor.lose('photos 0');
    }
    executor.commit('photos 1');
    expect(await ended).toMatchObject({ status: 'failed', totals: { ran: 1, failed: 1 }, stopped: false });
    expect(events.flatMap((event) => (event.type === 'shard-started' ? [event.attempt] : []))).toEqual([
      1, 2, 3,
    ]);
    expect(warnings(events)).toEqual([
      'shard 0, attempt 1: the worker is gone; trying again',
      'shard 0, attempt 2: the worker is gone; trying again',
    ]);
    expect(events.find((event) => event.type === 'cell-failed')).toMatchObject({
      cell: 'photos',
      shard: 0,
      blocked: 2,
      failure: { code: 'crash', message: 'the worker is gone', attempts: 3, at: 'pipeline.yaml:1:1' },
    });
  });

  test('is not submitted again if another shard has failed its cell meanwhile', async () => {
    const { executor, events, ended } = await start(chain);
    executor.fail('photos 0', { code: 'stage', message: 'no' });
    executor.lose('photos 1');
    expect(await ended).toMatchObject({ status: 'failed', totals: { failed: 2 } });
    expect(executor.submitted).toHaveLength(2);
    expect(events.filter((event) => event.type === 'cell-failed')).toHaveLength(1);
    expect(warnings(events)).toEqual([]);
  });
});

test('a unit that ran out of memory gets a smaller batch each time', async () => {
  const { executor, ended } = await start(chain);
  for (const batch of [64, 32, 16, 8])
    executor.fail('photos 0', { code: 'out-of-memory', message: 'too much', batch });
  expect(
    executor.submitted
      .filter(({ cell, shardIndex }) => cell === 'photos' && shardIndex === 0)
      .map(({ batchLimit }) => batchLimit),
  ).toEqual([null, 32, 16, 8, 4]);
  while (executor.open[0] !== undefined) executor.commit(executor.open[0]);
  expect(await ended).toMatchObject({ status: 'ok' });
});

test('a unit that was given back is submitted again, and that attempt does not count', async () => {
  const { executor, events, ended } = await start(chain);
  executor.giveBack('photos 0');
  executor.start('photos 0');
  while (executor.open[0] !== undefined) executor.commit(executor.open[0]);
  expect(await ended).toMatchObject({ status: 'ok' });
  expect(events.find((event) => event.type === 'shard-started')).toMatchObject({ attempt: 1 });
});

describe('damaged inputs', () => {
  test('are computed again before the unit that found them', async () => {
    const { executor, events, ended } = await start(chain);
    executor.commit('photos 0');
    const { key } = executor.task('photos 1');
    executor.commit('photos 1');
    const [input] = executor.task('added 1').inputs;
    // Not even the claim of another run holds it up: that one may believe that the damaged result is there.
    claimForAnotherRun(key);
    executor.findDamaged('added 1', 'one' in input! ? input.one.digests : []);
    expect(executor.open).toEqual(['added 0', 'photos 1']);
    expect(executor.task('photos 1').recompute).toBe(true);
    executor.commit('photos 1');
    while (executor.open[0] !== undefined) executor.commit(executor.open[0]);
    expect(await ended).toMatchObject({ status: 'ok', totals: { shards: 5, reused: 0, ran: 6 } });
    expect(warnings(events)).toEqual(['the result of shard 1 was damaged and will be computed again']);
    // It is announced again, so that whoever follows the run knows that it is no longer under way.
    expect(types(events).filter((type) => type === 'cell-finished photos')).toHaveLength(2);
  });

  test('that stay damaged end the run: the disk cannot be relied on', async () => {
    const { executor, ended } = await start([chain[0]!, chain[1]!]);
    executor.commit('photos 0');
    for (let times = 1; times <= 6; times++) {
      const [input] = executor.task('added 0').inputs;
      executor.findDamaged('added 0', 'one' in input! ? input.one.digests : []);
      if (times < 6) executor.commit('photos 0');
    }
    executor.commit('photos 1');
    expect(await ended).toMatchObject({
      status: 'failed',
      stopped: true,
      failures: [{ cell: 'added', failure: { code: 'storage', attempts: 1 } }],
    });
  });
});

describe('a failure', () => {
  const twoCells: readonly CellLiteral[] = [
    { id: 'first', uses: 'test/constant', with: { value: 1 } },
    { id: 'second', uses: 'test/constant', with: { value: 2 } },
    { id: 'third', uses: 'test/constant', with: { value: 3 } },
  ];

  test('lets the rest go on with `onError: continue`', async () => {
    const { executor, ended } = await start(twoCells, { slots: 1 });
    executor.fail('third 0', { code: 'stage', message: 'no' });
    executor.commit('second 0');
    executor.commit('first 0');
    expect(await ended).toMatchObject({ status: 'failed', stopped: false, totals: { ran: 2, failed: 1 } });
  });

  test('starts nothing more with `onError: stop`, and lets finish what runs', async () => {
    const { executor, ended } = await start(twoCells, { slots: 2, onError: 'stop' });
    executor.fail('third 0', { code: 'stage', message: 'no' });
    executor.commit('second 0');
    expect(await ended).toMatchObject({ status: 'failed', stopped: true, totals: { ran: 1, failed: 1 } });
    expect(executor.submitted).toHaveLength(2);
  });
});

describe('an interruption', () => {
  test('starts nothing more, tells the executor, and waits for what runs', async () => {
    const drain = new AbortController();
    const { executor, ended } = await start(chain, { drain: drain.signal });
    executor.commit('photos 0');
    drain.abort();
    expect(executor.calls).toEqual(['drain']);
    executor.commit('photos 1');
    executor.commit('added 0');
    expect(await ended).toMatchObject({ status: 'interrupted', totals: { ran: 3 } });
    expect(executor.submitted.map(({ cell }) => cell)).toEqual(['photos', 'photos', 'added']);
  });

  test('that comes a second time ends the run at once', async () => {
    const kill = new AbortController();
    const { executor, ended } = await start(chain, { kill: kill.signal });
    kill.abort();
    expect(await ended).toMatchObject({ status: 'interrupted', totals: { ran: 0 } });
    expect(executor.calls).toEqual(['kill', 'close']);
  });

  test('that comes when everything is finished changes nothing', async () => {
    const drain = new AbortController();
    const { executor, ended } = await start([chain[0]!], {
      drain: drain.signal,
      emit: ({ type }) => {
        if (type === 'cell-finished') drain.abort();
      },
    });
    executor.commit('photos 0');
    executor.commit('photos 1');
    expect(await ended).toMatchObject({ status: 'ok', totals: { ran: 2 } });
  });

  test('before the first task opens no executor', async () => {
    const { executor, ended } = await start(chain, { drain: AbortSignal.abort() });
    expect(await ended).toMatchObject({ status: 'interrupted', totals: { ran: 0 } });
    expect(executor.calls).toEqual([]);
  });
});

test('a unit that another run computes waits until that run has committed it or has given it up', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const graph = makeGraph(folder, chain);
  const store = openStore(cacheOf(graph));
  const [photos] = (await planGraph(graph)).cells;
  const [first, second] = photos!.units.map(({ key }) => key!);
  claimForAnotherRun(first!, second!);

  const { executor, events, ended } = await start(chain);
  expect(executor.open).toEqual([]);
  const said = events.flatMap((event) => (event.type === 'log' ? [event.message] : []));
  expect(said).toEqual([
    expect.stringMatching(/^shard 0 is being computed by run other .*; waiting for it$/),
    expect.stringMatching(/^shard 1 is being computed by run other .*; waiting for it$/),
  ]);

  const digest = store.writeObject(Buffer.from('images'));
  store.commit(
    {
      format: 1,
      key: first!,
      outputs: { images: [{ digest, bytes: 6, images: 64 }] },
      seconds: 1,
      cpuSeconds: 1,
      created: '2026-01-01T00:00:00.000Z',
      ravelin: '0',
    },
    unitPreimage(photos!, photos!.units[0]!, []),
  );
  vi.advanceTimersByTime(1_000);
  expect(executor.open).toEqual(['added 0']);
  expect(types(events).at(-1)).toBe('shard-committed photos 0');

  unlinkSync(join(claimsFolder(), second!));
  vi.advanceTimersByTime(1_000);
  expect(executor.open).toEqual(['added 0', 'photos 1']);
  while (executor.open[0] !== undefined) executor.commit(executor.open[0]);
  expect(await ended).toMatchObject({ status: 'ok', totals: { shards: 5, reused: 1, ran: 4 } });
});

describe('a paused run', () => {
  // The last stage is the most urgent.
  const three = ['three', 'two', 'one'].map((id, value): CellLiteral => ({
    id,
    uses: 'test/constant',
    with: { value },
  }));

  test('starts nothing more until it goes on, and says both', async () => {
    const control = createRunControl();
    const { executor, events, ended } = await start(three, { slots: 1, control });
    control.pause(true);
    executor.commit('one 0');
    expect(executor.open).toEqual([]);
    control.pause(true);
    control.pause(false);
    executor.commit('two 0');
    executor.commit('three 0');
    expect((await ended).status).toBe('ok');
    expect(events.filter(({ type }) => type === 'run-paused')).toMatchObject([
      { paused: true },
      { paused: false },
    ]);
  });

  test('ends when it is interrupted', async () => {
    const control = createRunControl();
    const drain = new AbortController();
    const { executor, ended } = await start(three, { slots: 1, control, drain: drain.signal });
    control.pause(true);
    executor.commit('one 0');
    drain.abort();
    expect((await ended).status).toBe('interrupted');
    expect(executor.submitted.length).toBe(1);
  });
});

describe('a cancelled cell', () => {
  test('fails with all that reads it, its tasks are given up, and the rest goes on', async () => {
    const control = createRunControl();
    const literals = [...chain, { id: 'other', uses: 'test/constant', with: { value: 1 } }];
    const { executor, events, ended } = await start(literals, { control });
    expect(executor.open).toEqual(expect.arrayContaining(['photos 0', 'photos 1', 'other 0']));
    const tasks = [executor.task('photos 0').id, executor.task('photos 1').id];
    expect(control.cancel('photos')).toBeNull();
    expect(executor.calls).toEqual([`cancel ${tasks.join(' ')}`]);
    expect(control.cancel('photos')).toBe('photos has ended already');
    expect(control.cancel('nothing')).toBe('there is no cell nothing');
    executor.commit('other 0');
    const summary = await ended;
    expect(summary).toMatchObject({ status: 'failed', stopped: false });
    expect(summary.failures).toMatchObject([{ cell: 'photos', failure: { code: 'cancelled' } }]);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'cell-failed', cell: 'photos', blocked: 2 }),
    );
    expect(readdirSync(claimsFolder()).filter((name) => !name.startsWith('run-'))).toEqual([]);
    expect(control.cancel('other')).toBe('no run is going on');
  });

  test('leaves its worker to others as soon as that one has ended', async () => {
    const control = createRunControl();
    const literals = ['two', 'one'].map((id, value): CellLiteral => ({
      id,
      uses: 'test/constant',
      with: { value },
    }));
    const { executor, ended } = await start(literals, { slots: 1, control });
    control.cancel('one');
    expect(executor.open).toEqual(['one 0']);
    executor.lose('one 0');
    expect(executor.open).toEqual(['two 0']);
    executor.commit('two 0');
    expect((await ended).totals).toMatchObject({ ran: 1 });
  });

  test('does not wait for another run that computes it', async () => {
    const control = createRunControl();
    const literals: readonly CellLiteral[] = [{ id: 'one', uses: 'test/constant', with: { value: 1 } }];
    const planned = (await planGraph(makeGraph(folder, literals))).cells[0]!;
    claimForAnotherRun(planned.units[0]!.key!);
    const { ended } = await start(literals, { control });
    control.cancel('one');
    expect((await ended).status).toBe('failed');
  });
});

describe('parts of a cancelled cell', () => {
  /** `a` and `b` both read the search, `a` alone the preparation that its own search is made of. */
  const literals: readonly CellLiteral[] = [
    { id: 'prepared', uses: 'test/source', with: { limit: 100 }, partOf: 'a' },
    { id: 'own', uses: 'test/sum', in: { images: 'prepared' }, partOf: 'a' },
    { id: 'shared', uses: 'test/constant', with: { value: 2 }, partOf: 'a' },
    { id: 'a', uses: 'test/collect', in: { scores: ['own', 'shared'] } },
    { id: 'b', uses: 'test/collect', in: { scores: ['shared'] } },
  ];

  test('are given up unless another cell needs them, also those of their parts', async () => {
    const control = createRunControl();
    const { executor, events, ended } = await start(literals, { control, slots: 2 });
    executor.start('shared 0');
    executor.commit('shared 0');
    const tasks = ['prepared 0', 'b 0'].filter((name) => executor.open.includes(name));
    expect(tasks).toEqual(['prepared 0', 'b 0']);
    const { id } = executor.task('prepared 0');
    expect(control.cancel('a')).toBeNull();
    expect(executor.calls).toEqual([`cancel ${id}`]);
    executor.commit('b 0');
    executor.lose('prepared 0');
    const summary = await ended;
    expect(summary.failures).toMatchObject([{ cell: 'a', failure: { code: 'cancelled' } }]);
    expect(types(events).filter((text) => text.startsWith('cell-skipped'))).toEqual([
      'cell-skipped own',
      'cell-skipped prepared',
    ]);
    expect(executor.submitted.map(({ cell }) => cell)).toEqual(['shared', 'prepared', 'b']);
  });

  test('are taken up again with it', async () => {
    const control = createRunControl();
    const { executor, events, ended } = await start(literals, { control });
    expect(control.cancel('a')).toBeNull();
    for (const name of ['prepared 0', 'prepared 1']) executor.lose(name);
    expect(control.retry(['a'])).toBeNull();
    expect(
      types(events)
        .filter((text) => text.startsWith('cell-retried'))
        .sort(),
    ).toEqual(['cell-retried a', 'cell-retried own', 'cell-retried prepared']);
    for (const name of ['shared 0', 'prepared 0', 'prepared 1', 'own 0', 'a 0', 'b 0']) executor.commit(name);
    expect(await ended).toMatchObject({ status: 'ok', totals: { failed: 0 } });
  });
});

describe('a failed cell that a person lets be tried again', () => {
  const failure = { code: 'stage', message: 'no' } as const;

  test('is computed with what waited for it, and the run succeeds', async () => {
    const control = createRunControl();
    const literals = [...chain, { id: 'other', uses: 'test/constant', with: { value: 1 } }];
    const { executor, events, ended } = await start(literals, { control, onError: 'continue' });
    executor.commit('photos 0');
    executor.fail('added 0', failure);
    // What its cell's other shards read arrives while it counts as failed.
    executor.commit('photos 1');
    expect(executor.open).toEqual(['other 0']);
    expect(control.retry(['other'])).toBe('other has not failed');
    expect(control.retry(['nothing'])).toBe('there is no cell nothing');
    expect(control.retry(['added'])).toBeNull();
    expect(executor.open).toEqual(['other 0', 'added 0', 'added 1']);
    executor.start('added 0');
    for (const name of ['added 0', 'added 1', 'sum 0', 'other 0']) executor.commit(name);
    expect(await ended).toMatchObject({ status: 'ok', failures: [], totals: { ran: 6, failed: 0 } });
    expect(events).toContainEqual(expect.objectContaining({ type: 'cell-retried', cell: 'added', freed: 1 }));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'shard-started', cell: 'added', shard: 0, attempt: 1 }),
    );
    expect(control.retry(['added'])).toBe('no run is going on');
  });

  test('keeps the shards that others compute meanwhile, each of which is computed once', async () => {
    const control = createRunControl();
    const { executor, ended } = await start(chain, { control, onError: 'continue' });
    executor.fail('photos 0', failure);
    expect(executor.open).toEqual(['photos 1']);
    expect(control.retry(['photos'])).toBeNull();
    expect(executor.open).toEqual(['photos 1', 'photos 0']);
    for (const name of ['photos 1', 'photos 0', 'added 0', 'added 1', 'sum 0']) executor.commit(name);
    expect((await ended).totals).toMatchObject({ ran: 5 });
    expect(executor.submitted).toHaveLength(6);
  });

  test('lets a run go on that its failure has stopped, as long as something runs', async () => {
    const control = createRunControl();
    const literals = ['three', 'two', 'one'].map((id, value): CellLiteral => ({
      id,
      uses: 'test/constant',
      with: { value },
    }));
    const { executor, ended } = await start(literals, { control, slots: 2, onError: 'stop' });
    executor.fail('one 0', failure);
    expect(executor.open).toEqual(['two 0']);
    expect(control.retry(['one'])).toBeNull();
    expect(executor.open).toEqual(['two 0', 'one 0']);
    for (const name of ['two 0', 'one 0', 'three 0']) executor.commit(name);
    expect(await ended).toMatchObject({ status: 'ok', stopped: false });
  });

  test('stays blocked as long as another cell that it reads has failed', async () => {
    const control = createRunControl();
    const literals: readonly CellLiteral[] = [
      { id: 'one', uses: 'test/constant', with: { value: 1 } },
      { id: 'two', uses: 'test/constant', with: { value: 2 } },
      { id: 'both', uses: 'test/collect', in: { scores: ['one', 'two'] } },
      { id: 'three', uses: 'test/constant', with: { value: 3 } },
    ];
    const { executor, ended } = await start(literals, { control, onError: 'continue' });
    executor.fail('one 0', failure);
    executor.fail('two 0', failure);
    control.retry(['one']);
    executor.commit('one 0');
    expect(executor.open).toEqual(['three 0']);
    control.retry(['two']);
    executor.commit('two 0');
    executor.commit('both 0');
    executor.commit('three 0');
    expect((await ended).status).toBe('ok');
  });

  test('is not tried again once the run is about to end, or if the plan found it impossible', async () => {
    const control = createRunControl();
    const drain = new AbortController();
    const literals: readonly CellLiteral[] = [
      { id: 'photos', uses: 'test/source', with: { limit: 10, file: 'absent.bin' } },
      { id: 'one', uses: 'test/constant', with: { value: 1 } },
      { id: 'two', uses: 'test/constant', with: { value: 2 } },
    ];
    const { executor, ended } = await start(literals, { control, onError: 'continue', drain: drain.signal });
    expect(control.retry(['photos'])).toBe(
      'photos cannot be computed in this run; run again once its cause is gone',
    );
    executor.fail('one 0', failure);
    drain.abort();
    expect(control.retry(['one'])).toBe('the run is about to end');
    executor.commit('two 0');
    expect((await ended).failures).toHaveLength(2);
  });
});

test('a run that has not come to a cell fails, whatever the reason', async () => {
  const graph = makeGraph(folder, chain);
  const plan = await planGraph(graph);
  // Nothing will ever queue this unit.
  plan.cells[0]!.units[1]!.state = 'waits';
  const { executor, events, ended } = await start(chain, { plan });
  while (executor.open[0] !== undefined) executor.commit(executor.open[0]);
  expect(await ended).toMatchObject({ status: 'failed', totals: { ran: 2, failed: 0 } });
  expect(types(events).slice(-2)).toEqual(['cell-failed photos 0', 'run-finished']);
  expect(events.find(({ type }) => type === 'cell-failed')).toMatchObject({
    failure: { code: 'crash', message: expect.stringContaining('an error in ravelin') as string },
    blocked: 2,
  });
});

test('cells that wait for the same result of another run all get it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const twins: readonly CellLiteral[] = [
    { id: 'one', uses: 'test/source', with: { limit: 10 } },
    { id: 'other', uses: 'test/source', with: { limit: 10 } },
    { id: 'sum', uses: 'test/sum', in: { images: 'one' } },
  ];
  const [one, other] = (await planGraph(makeGraph(folder, twins))).cells;
  const key = one!.units[0]!.key!;
  expect(other!.units[0]!.key).toBe(key);
  claimForAnotherRun(key);
  const { executor, ended } = await start(twins);
  expect(executor.open).toEqual([]);
  unlinkSync(join(claimsFolder(), key));
  vi.advanceTimersByTime(1_000);
  while (executor.open[0] !== undefined) executor.commit(executor.open[0]);
  expect(await ended).toMatchObject({ status: 'ok', totals: { cells: 3, shards: 3, ran: 3 } });
});
