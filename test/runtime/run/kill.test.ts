import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import { verifyStore } from '../../../src/runtime/store/maintenance.ts';
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
      { id: 'weak', uses: 'test/add', with: { by: 0.25, ms: 4 }, in: { images: 'photos' } },
      { id: 'strong', uses: 'test/add', with: { by: 0.5, ms: 3 }, in: { images: 'weak' } },
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

/**
 * Starts the driver in a process of its own and kills it with SIGKILL after so many
 * milliseconds, unless it ends before.
 */
function killedRun(graph: Graph, afterMs: number): Promise<boolean> {
  const file = join(graph.root, 'graph.json');
  writeFileSync(file, JSON.stringify(graph));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [driverEntry, file, workerEntry], { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
    child.on('exit', (_, signal) => {
      clearTimeout(timer);
      resolve(signal === 'SIGKILL');
    });
  });
}

test('after 24 kills of the whole run at random moments, a plain rerun equals an uninterrupted run byte for byte', async () => {
  const undisturbed = pipeline(makeFolder());
  const started = Date.now();
  expect(await killedRun(undisturbed, 60_000)).toBe(false);
  const wholeMs = Date.now() - started;
  const expected = await results(undisturbed);

  let kills = 0;
  let folders = 0;
  let partial = 0;
  while (kills < 24) {
    const graph = pipeline(makeFolder());
    folders++;
    // Two kills a folder, so that a killed run also goes on from what another left behind.
    for (let round = 0; round < 2; round++) {
      if (await killedRun(graph, wholeMs * (0.15 + 0.85 * Math.random()))) kills++;
    }
    const left = existsSync(cacheOf(graph)) ? (await planGraph(graph)).totals : { reuse: 0, run: 1 };
    if (left.reuse > 0 && left.run > 0) partial++;
    const rerun = await runGraph(graph, { workerEntry });
    expect(rerun.summary.status).toBe('ok');
    expect(await results(graph)).toEqual(expected);
    expect(verifyStore(openStore(cacheOf(graph)))).toMatchObject({
      damagedObjects: [],
      damagedRecords: [],
      incomplete: [],
    });
  }
  console.log(`${kills} kills in ${folders} folders, ${partial} left half-done, 0 wrong`);
  // Kills that come before the first or after the last commit would show nothing.
  expect(partial).toBeGreaterThan(0);
});

test('workers end when their driver is killed', async () => {
  const graph = makeGraph(makeFolder(), [
    { id: 'photos', uses: 'test/source', with: { limit: 8 } },
    { id: 'slow', uses: 'test/add', with: { by: 0, ms: 30_000 }, in: { images: 'photos' } },
  ]);
  expect(await killedRun(graph, 1_000)).toBe(true);
  const workers = (): number => {
    let count = 0;
    for (const pid of readdirSync('/proc')) {
      try {
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(workerEntry)) count++;
      } catch {
        // Gone meanwhile, or no process.
      }
    }
    return count;
  };
  const deadline = Date.now() + 3_000;
  while (workers() > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 50));
  expect(workers()).toBe(0);
});
