import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import { verifyStore } from '../../../src/runtime/store/maintenance.ts';
import { conduct, type ConductedChild } from '../../conducted/child.ts';
import { openMeetingPlace } from '../../conducted/meeting-place.ts';
import { bundle, makeFolder, makeGraph } from '../fixtures/graphs.ts';
import { cacheOf, planGraph, runGraph } from '../fixtures/run-graph.ts';

let workerEntry = '';
let driverEntry = '';
beforeAll(async () => {
  [workerEntry, driverEntry] = await Promise.all([bundle('worker'), bundle('driver')]);
});

function pipeline(folder: string): Graph {
  return makeGraph(
    folder,
    [
      { id: 'photos', uses: 'test/source', with: { limit: 300 } },
      { id: 'weak', uses: 'test/add', with: { by: 0.25 }, in: { images: 'photos' } },
      { id: 'strong', uses: 'test/add', with: { by: 0.5 }, in: { images: 'weak' } },
      { id: 'kept', uses: 'test/keep', with: { from: 40 }, in: { images: 'strong' } },
      { id: 'sum-weak', uses: 'test/sum', in: { images: 'weak' } },
      { id: 'sum-kept', uses: 'test/sum', in: { images: 'kept' } },
      {
        id: 'table',
        uses: 'test/collect',
        in: { scores: ['sum-weak', 'sum-kept'] },
        publish: [{ port: 'figure', path: 'table.md' }],
      },
    ],
    16,
  );
}

/** Digests of every output of every unit, and the published file. */
async function results(graph: Graph): Promise<unknown> {
  const { cells, totals } = await planGraph(graph);
  return {
    totals,
    outputs: cells.map((planned) => planned!.units.map((unit) => unit.outputs)),
    published: readFileSync(join(graph.root, 'table.md'), 'utf8'),
  };
}

/** Starts the driver in a process of its own. */
function start(graph: Graph): ConductedChild {
  const file = join(graph.root, 'graph.json');
  writeFileSync(file, JSON.stringify(graph));
  return conduct([driverEntry, file, workerEntry]);
}

/**
 * Runs the graph until so many shards are committed, and then kills the driver alone or its workers with it. Returns false if it came to
 * its end before.
 */
async function killedRun(graph: Graph, commits: number, whom: 'driver' | 'all'): Promise<boolean> {
  const run = start(graph);
  let done = 0;
  const moment = run.event((event) => (event.type === 'shard-committed' ? ++done : done) >= commits);
  await Promise.race([moment, run.ended]);
  if (whom === 'all') run.kill();
  else run.signal('SIGKILL');
  return (await run.ended) === null;
}

test('after up to 24 kills at moments all over a run, a plain rerun equals an uninterrupted run byte for byte', async () => {
  const undisturbed = pipeline(makeFolder());
  const whole = start(undisturbed);
  expect(await whole.ended, whole.said()).toBe(0);
  const expected = await results(undisturbed);

  let kills = 0;
  let partial = 0;
  const killTwice = async (index: number): Promise<void> => {
    const graph = pipeline(makeFolder());
    // Two kills a folder, so that a killed run also goes on from what another left behind.
    for (const [turn, whom] of (['all', 'driver'] as const).entries()) {
      const left = (await planGraph(graph)).totals.run;
      // The fractions of the multiples of the golden ratio are spread evenly, however many there are.
      const moment = Math.floor(((0.618034 * (2 * index + turn + 1)) % 1) * left);
      if (await killedRun(graph, moment, whom)) kills++;
    }
    const left = (await planGraph(graph)).totals;
    if (left.reuse > 0 && left.run > 0) partial++;
    const rerun = await runGraph(graph, { workerEntry });
    expect(rerun.summary.status).toBe('ok');
    expect(await results(graph)).toEqual(expected);
    expect(verifyStore(openStore(cacheOf(graph)))).toMatchObject({
      damagedObjects: [],
      damagedRecords: [],
      incomplete: [],
    });
  };
  // Three folders at a time: most of a run is waiting for the disk and for other processes.
  let folders = 0;
  const workThrough = async (): Promise<void> => {
    while (folders < 12) await killTwice(folders++);
  };
  await Promise.all([workThrough(), workThrough(), workThrough()]);
  console.log(`${kills} kills in ${folders} folders, ${partial} left half-done, 0 wrong`);
  // A run that ends before its kill comes is none that was killed.
  expect(kills).toBeGreaterThanOrEqual(12);
  // Kills that come before the first or after the last commit would show nothing.
  expect(partial).toBeGreaterThan(0);
});

test('workers end when their driver is killed', async () => {
  const folder = makeFolder();
  const meeting = await openMeetingPlace(join(folder, 'meeting'));
  const graph = makeGraph(folder, [
    { id: 'photos', uses: 'test/source', with: { limit: 8 } },
    { id: 'slow', uses: 'test/add', with: { by: 0, meet: 'meeting' }, in: { images: 'photos' } },
  ]);
  const run = start(graph);
  const worker = await meeting.next();
  run.signal('SIGKILL');
  // Nobody lets it go: only the end of its process closes its end of the socket.
  await worker.gone;
});
