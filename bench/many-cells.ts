/**
 * Seconds of processor time for what must stay quick with very many cells: the language resolves a pipeline of `--cells` cells whose
 * parameters depend on labels, and the dashboard reduces the events of ten times as many. The best of `--rounds`.
 *
 *   npm run bench -- many-cells [--cells 10000] [--rounds 5]
 *
 * That the work grows in proportion to the cells is a test (test/dsl/speed.test.ts, test/dashboard/reduce.test.ts); only seconds are here.
 */
import { parseArgs } from 'node:util';
import { reduce } from '../src/dashboard/reduce.ts';
import { initialState } from '../src/dashboard/state.ts';
import type { RunEvent } from '../src/runtime/events.ts';
import { graphOf } from '../test/dsl/fakes.ts';
import { printHeader } from './header.ts';

const { values } = parseArgs({
  options: { cells: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '5' } },
});
const cells = Number(values.cells);
const labels = Array.from({ length: cells / 2 }, (_, index) => index).join(', ');
const text = `ravelin: 1
stages:
  a: { uses: data/photos, with: { tag: 'n$(axes.i)' }, matrix: { i: [${labels}] } }
  b: { uses: defense/blur, in: { images: a }, with: { radius: $(axes.i) } }
`;

printHeader();
measure(`language: ${cells} cells`, () => graphOf(text));
measure(`dashboard: ${10 * cells} cells planned, ${2 * cells} of them run`, () => {
  let state = initialState();
  const event = (data: object): void => {
    state = reduce(state, { v: 1, at: 0, ...data } as RunEvent);
  };
  const id = (index: number): string => `s[index=${index}]`;
  const plan = { stage: 's', uses: 'debug/constant', images: 0, because: [] };
  for (let index = 0; index < 10 * cells; index++) {
    const shards = { total: 1, reuse: 0, run: 1 };
    event({ type: 'cell-planned', cell: id(index), axes: { index }, shards, ...plan });
  }
  const result = { key: 'k', reused: false, images: 64, seconds: 2, bytes: 1, peakBytes: 1 };
  for (let index = 0; index < 2 * cells; index++) {
    const cell = id(index);
    event({ type: 'shard-started', cell, shard: 0, worker: 0, attempt: 1 });
    event({ type: 'shard-committed', cell, shard: 0, ...result });
    event({ type: 'cell-finished', cell, reused: false, seconds: 0, savedSeconds: 0, keys: [] });
  }
});

function measure(name: string, work: () => void): void {
  const seconds = Array.from({ length: Number(values.rounds) }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  console.log(`${name.padEnd(56)} ${Math.min(...seconds).toFixed(2)} s`);
}
