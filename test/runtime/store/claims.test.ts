import { linkSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import { openClaims } from '../../../src/runtime/store/claims.ts';
import type { RunEvent } from '../../../src/runtime/events.ts';
import { listRuns, readLedger } from '../../../src/runtime/run/read-ledger.ts';
import { ownIdentity } from '../../../src/runtime/store/process-identity.ts';
import { conduct, type ConductedChild } from '../../conducted/child.ts';
import { openMeetingPlace } from '../../conducted/meeting-place.ts';
import { bundle, makeFolder, makeGraph } from '../fixtures/graphs.ts';
import { cacheOf, planGraph } from '../fixtures/run-graph.ts';

const key = 'a'.repeat(64);

afterEach(() => void vi.useRealTimers());

/** Leaves a claim of a run that says it is `identity`. */
function leaveClaim(folder: string, run: string, identity: object): void {
  mkdirSync(join(folder, 'claims'), { recursive: true });
  writeFileSync(join(folder, 'claims', `run-${run}`), JSON.stringify({ run, ...identity }));
  linkSync(join(folder, 'claims', `run-${run}`), join(folder, 'claims', key));
}

describe('a claim', () => {
  test('belongs to one run at a time, and goes back when that run releases it or closes', () => {
    const folder = makeFolder();
    const [first, second] = [openClaims(folder, 'first'), openClaims(folder, 'second')];
    expect(first.take(key)).toBeNull();
    expect(first.take(key)).toBeNull();
    expect(second.take(key)).toMatchObject({ run: 'first', pid: process.pid, host: hostname() });
    first.release(key);
    expect(second.take(key)).toBeNull();
    expect(first.take(key)).toMatchObject({ run: 'second' });
    second.close();
    expect(first.take(key)).toBeNull();
    first.close();
    expect(readdirSync(join(folder, 'claims'))).toEqual([]);
  });

  test.each([
    ['ended', { pid: 2 ** 22 + 1 }],
    ['had its pid given to another process', { started: '1' }],
    ['ran before the machine was started again', { boot: 'another' }],
  ])('of a process that %s is taken over at once', (_, change) => {
    // The clock stands still: nothing that waits for a heartbeat could be seen here.
    vi.useFakeTimers();
    const folder = makeFolder();
    leaveClaim(folder, 'dead', { ...ownIdentity(), ...change });
    const claims = openClaims(folder, 'living');
    expect(claims.take(key)).toBeNull();
    claims.close();
    expect(readdirSync(join(folder, 'claims'))).toEqual([]);
  });

  test.each([
    ['of another host', { host: 'elsewhere' }],
    ['that is stopped', {}],
  ])('of a run %s is respected until its heartbeat stands still', (_, change) => {
    vi.useFakeTimers();
    const folder = makeFolder();
    leaveClaim(folder, 'silent', { ...ownIdentity(), ...change });
    const claims = openClaims(folder, 'living', { heartbeatMs: 50, silentMs: 300 });
    expect(claims.take(key)).toMatchObject({ run: 'silent' });
    vi.advanceTimersByTime(300);
    expect(claims.take(key)).toMatchObject({ run: 'silent' });
    vi.advanceTimersByTime(1);
    expect(claims.take(key)).toBeNull();
    claims.close();
  });

  test('of a run whose heart beats is respected for as long as it does', () => {
    vi.useFakeTimers();
    const folder = makeFolder();
    const beating = openClaims(folder, 'beating', { heartbeatMs: 50, silentMs: 300 });
    const other = openClaims(folder, 'other', { heartbeatMs: 50, silentMs: 300 });
    beating.take(key);
    const file = join(folder, 'claims', 'run-beating');
    for (let round = 1; round <= 10; round++) {
      expect(other.take(key)).toMatchObject({ run: 'beating' });
      utimesSync(file, 0, 0);
      vi.advanceTimersByTime(250);
      expect(statSync(file).mtimeMs).toBeGreaterThan(0);
      // The file system's clock is conducted too: it is too coarse to tell heartbeats of one real moment from each other.
      utimesSync(file, round, round);
    }
    beating.close();
    other.close();
  });

  test('costs nothing if the cache cannot be written to', () => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'claims'), 'a file where the folder should be');
    const claims = openClaims(folder, 'run');
    expect(claims.take(key)).toBeNull();
    claims.close();
  });
});

describe('runs at the same time on one cache', () => {
  let workerEntry = '';
  let driverEntry = '';
  beforeAll(async () => {
    [workerEntry, driverEntry] = await Promise.all([bundle('worker'), bundle('driver')]);
  });

  /** Each has the same two stages, and one of its own behind them. */
  const pipeline = (folder: string, number: number): Graph =>
    makeGraph(
      folder,
      [
        { id: 'photos', uses: 'test/source', with: { limit: 128 } },
        { id: 'weak', uses: 'test/add', with: { by: 0.25, meet: 'meeting' }, in: { images: 'photos' } },
        { id: 'strong', uses: 'test/add', with: { by: 0.5 }, in: { images: 'weak' } },
        { id: 'own', uses: 'test/add', with: { by: number }, in: { images: 'strong' } },
      ],
      16,
    );

  const start = (graph: Graph, name: string): ConductedChild => {
    const file = join(graph.root, `${name}.json`);
    writeFileSync(file, JSON.stringify(graph));
    return conduct([driverEntry, file, workerEntry]);
  };
  const isWaiting = (event: RunEvent): boolean =>
    event.type === 'log' && event.message.includes('waiting for it');

  const computed = (graph: Graph, cell?: string): string[] =>
    listRuns(cacheOf(graph))
      .flatMap(({ run }) => [...readLedger(cacheOf(graph), run)])
      .filter((event): event is Extract<RunEvent, { type: 'shard-committed' }> => {
        return (
          event.type === 'shard-committed' && !event.reused && (cell === undefined || event.cell === cell)
        );
      })
      .map((event) => event.key);

  const outputs = async (graph: Graph): Promise<unknown> =>
    (await planGraph(graph)).cells.map((planned) => planned!.units.map((unit) => unit.outputs));

  test('8 overlapping pipelines compute each shard once and have the results of a run alone', async () => {
    const folder = makeFolder();
    const graphs = Array.from({ length: 8 }, (_, number) => pipeline(folder, number));
    const meeting = await openMeetingPlace(join(folder, 'meeting'));
    const runs = graphs.map((graph, at) => start(graph, `graph-${at}`));
    // Each has begun with a shared shard or waits for one of another before the first of these shards is done.
    await Promise.all(
      runs.map(({ event }) =>
        event((it) => isWaiting(it) || (it.type === 'shard-started' && it.cell === 'weak')),
      ),
    );
    meeting.letAllGo();
    const codes = await Promise.all(runs.map(({ ended }) => ended));
    expect(codes).toEqual(graphs.map(() => 0));

    const keys = computed(graphs[0]!);
    // 8 shards of each of the 3 shared stages, and 8 of each own one.
    expect(new Set(keys).size).toBe(24 + 8 * 8);
    // Two runs may take the same free shard if one is interrupted between a look and a claim, which is rare however busy the
    // machine is. Without claims each run would compute the 24 shared shards itself: 168 of them again.
    expect(keys.length - new Set(keys).size).toBeLessThan(24);
    const alone = pipeline(makeFolder(), 3);
    expect(await start(alone, 'alone').ended).toBe(0);
    expect(await outputs(graphs[3]!)).toEqual(await outputs(alone));
    expect(readdirSync(join(cacheOf(graphs[0]!), 'claims'))).toEqual([]);
  });

  test('a run whose owner is killed while another waits for it is taken over', async () => {
    const folder = makeFolder();
    const meeting = await openMeetingPlace(join(folder, 'meeting'));
    const slow = makeGraph(folder, [
      { id: 'photos', uses: 'test/source', with: { limit: 8 } },
      { id: 'slow', uses: 'test/add', with: { by: 0.5, meet: 'meeting' }, in: { images: 'photos' } },
    ]);
    const owner = start(slow, 'owner');
    await meeting.next();
    const heir = start(slow, 'heir');
    await heir.event(isWaiting);
    owner.signal('SIGKILL');
    // The same shard comes again, now from a worker of the heir.
    (await meeting.next()).letGo();
    expect(await heir.ended).toBe(0);
    // Only of this cell: a killed run may leave the last 200 ms of its ledger unwritten, in which it committed the photos.
    expect(computed(slow, 'slow')).toHaveLength(1);
  });
});
