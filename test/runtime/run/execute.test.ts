import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import { planJson } from '../../../src/runtime/plan/plan-json.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import { decodeValue } from '../../../src/values/codec.ts';
import { concatValues } from '../../../src/values/slices.ts';
import type { Images } from '../../../src/values/images.ts';
import { bundle, chain, makeFolder, makeGraph } from '../fixtures/graphs.ts';
import { cacheOf, digestsByCell, planGraph, runGraph } from '../fixtures/run-graph.ts';
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
      results.push([await images(graph, 1), (await digestsByCell(graph))['sum']]);
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
