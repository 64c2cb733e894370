import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import { planJson } from '../../../src/runtime/plan/plan-json.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import { decodeValue } from '../../../src/values/codec.ts';
import { concatValues } from '../../../src/values/slices.ts';
import type { Images } from '../../../src/values/images.ts';
import { bundle, makeFolder, makeGraph } from '../fixtures/graphs.ts';
import type { CellLiteral } from '../fixtures/graphs.ts';
import { cacheOf, planGraph, runGraph } from '../fixtures/run-graph.ts';
import type { RunOptions } from '../fixtures/run-graph.ts';
import { testRegistry } from '../fixtures/stages.ts';

let workerEntry = '';
let folder = '';
beforeAll(async () => {
  workerEntry = await bundle('worker');
});
beforeEach(() => {
  folder = makeFolder();
});

const run = (graph: Graph, options: Partial<RunOptions> = {}): ReturnType<typeof runGraph> =>
  runGraph(graph, { workerEntry, ...options });

function chain(limit: number, by: number, extra: Partial<CellLiteral> = {}): CellLiteral[] {
  return [
    { id: 'photos', uses: 'test/source', with: { limit } },
    { id: 'added', uses: 'test/add', with: { by }, in: { images: 'photos' }, ...extra },
    { id: 'sum', uses: 'test/sum', with: { digits: 3 }, in: { images: 'added' } },
  ];
}

async function outputs(graph: Graph): Promise<Record<string, string[]>> {
  const { cells } = await planGraph(graph);
  return Object.fromEntries(
    cells.map((planned) => [
      planned!.cell.id,
      planned!.units.flatMap((unit) =>
        Object.values(unit.outputs ?? {}).flatMap((parts) => parts.map((part) => part.digest)),
      ),
    ]),
  );
}

async function because(graph: Graph): Promise<Record<string, readonly string[]>> {
  return Object.fromEntries(
    planJson(graph, await planGraph(graph)).cells.map(({ cell, because: why }) => [cell, why]),
  );
}

async function images(graph: Graph, index: number): Promise<Images> {
  const planned = (await planGraph(graph)).cells[index]!;
  const store = openStore(cacheOf(graph));
  const parts = planned.units.flatMap((unit) => unit.outputs!['images']!);
  return concatValues(parts.map((part) => decodeValue('images', store.readObject(part.digest)) as Images));
}

describe('what runs', () => {
  test('a second run reuses every shard and starts no executor', async () => {
    const graph = makeGraph(folder, chain(100, 0.5));
    const first = await run(graph);
    expect(first.summary).toMatchObject({
      status: 'ok',
      totals: { cells: 3, shards: 5, reused: 0, ran: 5, failed: 0 },
    });
    const openExecutor = (): Promise<never> => Promise.reject(new Error('opened'));
    const second = await run(graph, { execute: { openExecutor } });
    expect(second.summary).toMatchObject({
      status: 'ok',
      totals: { cells: 3, shards: 5, reused: 5, ran: 0, failed: 0 },
    });
    expect(
      second.events.filter((event) => event.type === 'cell-finished').map((event) => event.reused),
    ).toEqual([true, true, true]);
  });

  test('a plan says why: no result yet, waits for, and what changed', async () => {
    const graph = makeGraph(folder, chain(100, 0.5));
    expect(await because(graph)).toEqual({
      photos: ['no result yet'],
      added: ['waits for photos'],
      sum: ['waits for added'],
    });
    await run(graph);
    expect(await because(makeGraph(folder, chain(100, 0.25)))).toEqual({
      photos: [],
      added: ['with.by 0.5 → 0.25'],
      sum: ['waits for added'],
    });
    const newer = new Map(testRegistry).set('test/add', { ...testRegistry.get('test/add')!, version: 2 });
    const planned = await planGraph(graph, { registry: newer });
    expect(planned.cells[1]!.because).toEqual(['test/add version 1 → 2']);
  });

  test('only what depends on a changed parameter runs', async () => {
    await run(makeGraph(folder, chain(100, 0.5)));
    const { summary } = await run(makeGraph(folder, chain(100, 0.25)));
    expect(summary.totals).toMatchObject({ reused: 2, ran: 3 });
  });

  test('a larger limit computes only the new shards and what reads all of them', async () => {
    await run(makeGraph(folder, chain(128, 0.5)));
    const { summary } = await run(makeGraph(folder, chain(256, 0.5)));
    expect(summary.totals).toEqual({ cells: 3, shards: 9, reused: 4, ran: 5, failed: 0 });
  });

  test('an upstream rerun to the same bytes stops there', async () => {
    const graph = makeGraph(folder, chain(100, 0.5));
    await run(graph);
    const { summary, events } = await run(graph, { force: new Set([0]) });
    expect(summary.totals).toMatchObject({ reused: 3, ran: 2 });
    expect(events.filter((event) => event.type === 'shard-committed' && event.reused).length).toBe(3);
  });

  test('a changed source file runs its readers and is named', async () => {
    const file = join(folder, 'weights.bin');
    writeFileSync(file, 'one');
    const graph = makeGraph(folder, [
      { id: 'photos', uses: 'test/source', with: { limit: 10, file: 'weights.bin' } },
    ]);
    await run(graph);
    expect((await planGraph(graph)).totals).toMatchObject({ reuse: 1, run: 0 });
    utimesSync(file, 1, 1);
    expect((await planGraph(graph)).totals).toMatchObject({ reuse: 1, run: 0 });
    writeFileSync(file, 'two');
    expect(await because(graph)).toEqual({ photos: ['file weights.bin changed'] });
  });

  test('a selection runs the selected cells and what they read', async () => {
    const { summary } = await run(makeGraph(folder, chain(100, 0.5)), { select: new Set([1]) });
    expect(summary.totals).toMatchObject({ cells: 2, ran: 4 });
  });

  test('stages after a whole stage are cut again when it gives another number of images', async () => {
    const graph = makeGraph(folder, [
      { id: 'photos', uses: 'test/source', with: { limit: 200 } },
      { id: 'kept', uses: 'test/keep', with: { from: 70 }, in: { images: 'photos' } },
      { id: 'added', uses: 'test/add', with: { by: 0 }, in: { images: 'kept' } },
      { id: 'again', uses: 'test/add', with: { by: 0 }, in: { images: 'added' }, settings: { shard: 50 } },
    ]);
    const { summary } = await run(graph);
    expect(summary.status).toBe('ok');
    expect([...(await images(graph, 3)).ids]).toEqual(Array.from({ length: 130 }, (_, index) => 70 + index));
    expect((await planGraph(graph)).cells.map((planned) => planned!.units.length)).toEqual([4, 1, 3, 3]);
  });
});

describe('results depend on nothing but the recipe', () => {
  test('shards of 16 and 64, one worker and three give the same images and the same sum', async () => {
    const results: unknown[] = [];
    for (const [shard, workers] of [
      [16, 1],
      [64, 1],
      [64, 3],
      [30, 2],
    ] as const) {
      const graph = makeGraph(makeFolder(), chain(150, 0.125), shard);
      const { summary } = await run(graph, { workers });
      expect(summary.status).toBe('ok');
      results.push([await images(graph, 1), (await outputs(graph))['sum']]);
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test('a consumer with other shards than its producer gets exactly its images', async () => {
    const graph = makeGraph(folder, [
      { id: 'photos', uses: 'test/source', with: { limit: 100 }, settings: { shard: 64 } },
      { id: 'added', uses: 'test/add', with: { by: 0 }, in: { images: 'photos' }, settings: { shard: 24 } },
      { id: 'back', uses: 'test/add', with: { by: 0 }, in: { images: 'added' }, settings: { shard: 100 } },
    ]);
    await run(graph);
    expect([...(await images(graph, 2)).ids]).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });
});

describe('what can go wrong', () => {
  test('a damaged object is found and computed again, and the result is as before', async () => {
    const graph = makeGraph(folder, chain(150, 0.5));
    await run(graph);
    const before = await outputs(graph);
    const store = openStore(cacheOf(graph));
    const path = store.objectPath(before['photos']![1]!);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    const changed = makeGraph(folder, chain(150, 0.75));
    const { summary, events } = await run(changed);
    expect(summary.status).toBe('ok');
    expect(events.some((event) => event.type === 'warning' && event.message.includes('damaged'))).toBe(true);
    expect((await outputs(graph))['photos']).toEqual(before['photos']);
    expect(readdirSync(join(cacheOf(graph), 'quarantine')).length).toBe(1);
    expect((await run(changed)).summary.totals).toMatchObject({ ran: 0 });
  });

  test('a damaged commit record is a miss', async () => {
    const graph = makeGraph(folder, chain(10, 0.5));
    await run(graph);
    const store = openStore(cacheOf(graph));
    const path = store.recordPath((await planGraph(graph)).cells[0]!.units[0]!.key!);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"images":10', '"images":11'));
    expect((await run(graph)).summary).toMatchObject({ status: 'ok', totals: { ran: 1, reused: 2 } });
  });

  test('a worker that is killed is replaced and its shard retried', async () => {
    const graph = makeGraph(folder, chain(100, 0.5, { with: { by: 0.5, crashFile: 'crashed' } }));
    const { summary, events } = await run(graph);
    expect(summary).toMatchObject({ status: 'ok', totals: { ran: 5 } });
    expect(events.some((event) => event.type === 'shard-started' && event.attempt === 2)).toBe(true);
  });

  test('a worker that holds more memory than its stage allows is ended, and says how much it held', async () => {
    const settings = { retry: { max: 0, on: [] }, resources: { memoryBytes: 2 ** 20 } };
    const graph = makeGraph(folder, chain(10, 0.5, { with: { by: 0.5, ms: 20_000 }, settings }));
    const { summary } = await run(graph);
    expect(summary.failures).toMatchObject([
      {
        cell: 'added',
        failure: {
          code: 'out-of-memory',
          message: expect.stringMatching(
            /^the worker held \d+ MiB, more than its `memory` resource allows$/,
          ) as string,
        },
      },
    ]);
  });

  test('a worker that is stopped is replaced and its shard retried', async () => {
    const graph = makeGraph(folder, chain(100, 0.5, { with: { by: 0.5, stopFile: 'stopped' } }));
    const { summary, events } = await run(graph, { silentMs: 2_500 });
    expect(summary).toMatchObject({ status: 'ok', totals: { ran: 5 } });
    const said = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    expect(said).toContainEqual(
      expect.stringContaining('the worker stopped responding and was killed; trying again'),
    );
  });

  test('a shard that runs out of memory is retried at half the batch, more often than crashes are', async () => {
    const graph = makeGraph(folder, [
      { id: 'photos', uses: 'test/source', with: { limit: 100 } },
      { id: 'fed', uses: 'test/hungry', with: { room: 5 }, in: { images: 'photos' } },
    ]);
    const { summary, events } = await run(graph);
    expect(summary).toMatchObject({ status: 'ok', totals: { ran: 4 } });
    const ofShard0 = events.flatMap((event) =>
      event.type === 'log' && event.shard === 0 ? [event.message] : [],
    );
    expect(ofShard0).toEqual(['batch 64', 'batch 32', 'batch 16', 'batch 8', 'batch 4']);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        message:
          'shard 0, attempt 1: out of memory with 64 images at a time: RESOURCE_EXHAUSTED: OOM when allocating tensor; ' +
          'trying again with at most 32 images at a time',
      }),
    );
  });

  test('a shard for which one image is too much fails, naming what may help', async () => {
    const graph = makeGraph(folder, [
      { id: 'photos', uses: 'test/source', with: { limit: 3 } },
      { id: 'fed', uses: 'test/hungry', with: { room: 0 }, in: { images: 'photos' } },
    ]);
    const { summary } = await run(graph);
    expect(summary.failures).toMatchObject([
      {
        cell: 'fed',
        failure: {
          code: 'out-of-memory',
          message: expect.stringMatching(/^out of memory with 1 image at a time/) as string,
          fix: expect.stringContaining('fewer workers') as string,
          attempts: 3,
        },
      },
    ]);
  });

  test('a poison shard fails its cell after three attempts, blocks its dependents, and the rest goes on', async () => {
    const graph = makeGraph(folder, [
      ...chain(200, 0.5, { with: { by: 0.5, poison: 70 } }),
      { id: 'other', uses: 'test/sum', in: { images: 'photos' } },
    ]);
    const { summary, events } = await run(graph);
    expect(summary.status).toBe('failed');
    expect(summary.totals.failed).toBe(1);
    const failed = events.find((event) => event.type === 'cell-failed');
    expect(failed).toMatchObject({
      cell: 'added',
      shard: 1,
      blocked: 1,
      failure: { code: 'crash', attempts: 3, at: 'pipeline.yaml:2:1' },
    });
    expect(events.some((event) => event.type === 'cell-finished' && event.cell === 'other')).toBe(true);
    expect(existsSync(summary.failures[0]!.failure.log)).toBe(true);
  });

  test('pixels that are not finite fail the cell by name', async () => {
    const graph = makeGraph(folder, [{ id: 'photos', uses: 'test/source', with: { limit: 100, nan: 80 } }]);
    const { summary } = await run(graph);
    expect(summary.failures[0]).toMatchObject({ cell: 'photos', failure: { code: 'stage' } });
    expect(summary.failures[0]!.failure.message).toBe(
      "the pixels of output 'images' of test/source are not finite: they hold NaN in image 16 (id 80)",
    );
  });

  test('a missing source file fails its cell in the plan, and nothing else', async () => {
    const graph = makeGraph(folder, [
      { id: 'photos', uses: 'test/source', with: { limit: 10, file: 'absent.bin' } },
      { id: 'sum', uses: 'test/sum', in: { images: 'photos' } },
      { id: 'added', uses: 'test/add', with: { by: 0 }, in: { images: 'photos' } },
      { id: 'twice', uses: 'test/add', with: { by: 0 }, in: { images: 'added' } },
      { id: 'one', uses: 'test/constant', with: { value: 1 } },
    ]);
    const planned = (await planGraph(graph)).cells.map((cell) => cell!.because);
    expect(planned[3]).toEqual(['waits for added']);
    const { summary, events } = await run(graph);
    expect(summary).toMatchObject({ status: 'failed', totals: { ran: 1, failed: 1 } });
    expect(events.find((event) => event.type === 'cell-failed')).toMatchObject({
      cell: 'photos',
      blocked: 3,
      failure: { code: 'bad-data' },
    });
  });

  test('inputs with different numbers of images are refused, naming both', async () => {
    const graph = makeGraph(folder, [
      { id: 'few', uses: 'test/source', with: { limit: 10 } },
      { id: 'many', uses: 'test/source', with: { limit: 20 } },
      { id: 'added', uses: 'test/add', with: { by: 0 }, in: { images: 'few', others: 'many' } },
    ]);
    expect((await planGraph(graph)).cells[2]!.failure!.message).toBe(
      'its inputs must have the same number of images, but few has 10 and many has 20',
    );
  });

  test('stop after a failure starts nothing more', async () => {
    const settings = { onError: 'stop' as const, retry: { max: 0, on: [] } };
    const graph = makeGraph(folder, [
      {
        id: 'photos',
        uses: 'test/source',
        with: { limit: 100, nan: 0 },
        settings: { ...settings, shard: 100 },
      },
      ...Array.from({ length: 20 }, (_, index): CellLiteral => ({
        id: `c${index}`,
        uses: 'test/constant',
        with: { value: index, ms: 30 },
        in: index === 0 ? {} : { after: `c${index - 1}` },
      })),
    ]);
    const { summary } = await run(graph);
    expect(summary).toMatchObject({ status: 'failed', stopped: true });
    expect(summary.totals.ran).toBeLessThan(10);
  });

  test('the first cancellation finishes what runs and starts nothing; a rerun does the rest', async () => {
    const graph = makeGraph(folder, chain(640, 0.5, { with: { by: 0.5, ms: 40 } }));
    const drain = new AbortController();
    let started = 0;
    const { summary, events } = await run(graph, {
      execute: { drain: drain.signal },
      onEvent: (event) => {
        if (event.type === 'shard-started' && event.cell === 'added' && ++started === 3) drain.abort();
      },
    });
    expect(summary.status).toBe('interrupted');
    const ended = events.filter((event) => event.type === 'shard-committed').length;
    expect(events.filter((event) => event.type === 'shard-started').length).toBe(ended);
    const rest = await run(graph);
    expect(rest.summary).toMatchObject({
      status: 'ok',
      totals: { shards: 21, reused: ended, ran: 21 - ended },
    });
  });

  test('the second cancellation stops at once', async () => {
    const graph = makeGraph(folder, [{ id: 'slow', uses: 'test/constant', with: { value: 1, ms: 20_000 } }]);
    const kill = new AbortController();
    const { summary } = await run(graph, {
      execute: { kill: kill.signal },
      onEvent: ({ type }) => {
        if (type === 'shard-started') kill.abort();
      },
    });
    expect(summary).toMatchObject({ status: 'interrupted', totals: { ran: 0 } });
  });

  test('a killed long stage goes on from its checkpoint', async () => {
    const graph = makeGraph(folder, [{ id: 'long', uses: 'test/long', with: { steps: 6, dieAt: 4 } }]);
    const { summary, events } = await run(graph);
    expect(summary.status).toBe('ok');
    const logged = events.flatMap((event) => (event.type === 'log' ? [event.message] : []));
    expect(logged.at(-2)).toBe('step 4');
    expect(logged.filter((message) => message === 'step 1').length).toBe(1);
    expect(readdirSync(join(cacheOf(graph), 'checkpoints'))).toEqual([]);
  });
});

describe('publishing', () => {
  const published = (): Graph =>
    makeGraph(folder, [
      { id: 'a', uses: 'test/constant', with: { value: 1 } },
      { id: 'b', uses: 'test/constant', with: { value: 2 } },
      {
        id: 'table',
        uses: 'test/collect',
        in: { scores: ['a', 'b'] },
        publish: [{ port: 'figure', path: 'results/table.md' }],
      },
    ]);

  test('a figure is written in the format of the file name, and again when it is gone', async () => {
    const path = join(folder, 'results/table.md');
    await run(published());
    expect(readFileSync(path, 'utf8')).toBe('{"item":"a"} {"value":1}\n{"item":"b"} {"value":2}');
    writeFileSync(path, 'spoilt');
    const { events, summary } = await run(published());
    expect(summary.totals.ran).toBe(0);
    expect(events.filter((event) => event.type === 'published').length).toBe(1);
    expect(readFileSync(path, 'utf8')).toContain('"b"');
    expect((await run(published())).events.filter((event) => event.type === 'published')).toEqual([]);
  });
});
