import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import type { RunEvent } from '../../../src/runtime/events.ts';
import { listStored } from '../../../src/runtime/store/list-stored.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import { fileAppears } from '../../conducted/file-appears.ts';
import { openMeetingPlace } from '../../conducted/meeting-place.ts';
import { bundle, chain, makeFolder, makeGraph } from '../fixtures/graphs.ts';
import type { CellLiteral } from '../fixtures/graphs.ts';
import { cacheOf, digestsByCell, planGraph, runGraph } from '../fixtures/run-graph.ts';
import type { RunOptions } from '../fixtures/run-graph.ts';

let workerEntry = '';
let folder = '';
beforeAll(async () => {
  workerEntry = await bundle('worker');
});
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => void vi.useRealTimers());

const run = (graph: Graph, options: Partial<RunOptions> = {}): ReturnType<typeof runGraph> =>
  runGraph(graph, { workerEntry, ...options });

describe('what can go wrong', () => {
  test('a damaged object is found and computed again, and the result is as before', async () => {
    const graph = makeGraph(folder, chain(150, 0.5));
    await run(graph);
    const before = await digestsByCell(graph);
    const store = openStore(cacheOf(graph));
    const path = store.objectPath(before['photos']![1]!);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    const changed = makeGraph(folder, chain(150, 0.75));
    const { summary, events } = await run(changed);
    expect(summary.status).toBe('ok');
    expect(events.some((event) => event.type === 'warning' && event.message.includes('damaged'))).toBe(true);
    expect((await digestsByCell(graph))['photos']).toEqual(before['photos']);
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
    // Nobody lets it go: the run ends because the worker is ended.
    await openMeetingPlace(join(folder, 'meeting'));
    const settings = { retry: { max: 0, on: [] }, resources: { memoryBytes: 2 ** 20 } };
    const graph = makeGraph(folder, chain(10, 0.5, { with: { by: 0.5, meet: 'meeting' }, settings }));
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
    // The clock of the driver stands still until the worker has stopped, so that no busy machine makes a worker seem silent.
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    const running = run(graph, { silentMs: 60_000, workers: 1 });
    await fileAppears(join(folder, 'stopped'));
    vi.advanceTimersByTime(62_000);
    const { summary, events } = await running;
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
    const meeting = await openMeetingPlace(join(folder, 'meeting'));
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
        with: { value: index, meet: 'meeting' },
        in: index === 0 ? {} : { after: `c${index - 1}` },
      })),
    ]);
    const { summary } = await run(graph, {
      onEvent: ({ type }) => {
        // The first of the chain is under way, or about to be.
        if (type === 'cell-failed') meeting.letAllGo();
      },
    });
    expect(summary).toMatchObject({ status: 'failed', stopped: true });
    expect(summary.totals.ran).toBe(1);
  });

  test('the first cancellation finishes what runs and starts nothing; a rerun does the rest', async () => {
    const graph = makeGraph(folder, chain(640, 0.5));
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
    // Nobody lets it go: only a run that does not wait for it can end.
    await openMeetingPlace(join(folder, 'meeting'));
    const graph = makeGraph(folder, [
      { id: 'slow', uses: 'test/constant', with: { value: 1, meet: 'meeting' } },
    ]);
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
    expect(listStored(openStore(cacheOf(graph)), 'checkpoints')).toEqual([]);
  });

  describe('a long stage', () => {
    const steps = (): Graph =>
      makeGraph(folder, [{ id: 'long', uses: 'test/long', with: { steps: 4, dieAt: 9 } }]);
    const logsOf = (events: readonly RunEvent[]): string[] =>
      events.flatMap((event) => (event.type === 'log' ? [event.message] : []));

    test('with a damaged checkpoint says so and starts again, to the same result', async () => {
      const graph = steps();
      const store = openStore(cacheOf(graph));
      const key = (await planGraph(graph)).cells[0]!.units[0]!.key!;
      store.writeCheckpoint(key, Buffer.from('2'));
      const path = store.checkpointPath(key);
      const bytes = readFileSync(path);
      // The state would be read as 3, and a step be left out.
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(path, bytes);
      const { summary, events } = await run(graph);
      expect(summary.status).toBe('ok');
      expect(logsOf(events)).toEqual(['step 0', 'step 1', 'step 2', 'step 3']);
      const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
      expect(warnings).toEqual([
        expect.stringMatching(/^the checkpoint of [0-9a-f]{12}… is damaged; it was moved to .*quarantine/),
        'the checkpoint of this cell was damaged, so the cell starts again from the beginning',
      ]);
    });

    test('whose checkpoint cannot be written ends the run as a failure of the storage', async () => {
      const graph = steps();
      mkdirSync(cacheOf(graph));
      writeFileSync(join(cacheOf(graph), 'checkpoints'), '');
      const { summary, events } = await run(graph);
      expect(summary).toMatchObject({ status: 'failed', stopped: true });
      expect(summary.failures).toEqual([
        {
          cell: 'long',
          failure: expect.objectContaining({
            code: 'storage',
            attempts: 1,
            message: expect.stringContaining('checkpoints') as string,
          }) as unknown,
        },
      ]);
      expect(logsOf(events)).toEqual(['step 0']);
    });
  });
});
