/**
 * What the whole screen costs: milliseconds of a frame, and the share of a core at 20 events and 4 frames in a second (the screen draws 2, and one after each key), with `--cells` cells in a
 * grid of four axes, on a terminal of 160 columns and 50 rows. Ink writes into nothing and without its limit of frames.
 *
 *   npm run bench -- dashboard [--cells 10000] [--seconds 60]
 */
import { EventEmitter } from 'node:events';
import { parseArgs } from 'node:util';
import { render } from 'ink';
import { createEstimator } from '../src/dashboard/estimate.ts';
import { FullApp } from '../src/dashboard/full/full-app.tsx';
import { createFullScreen } from '../src/dashboard/full/full-screen.ts';
import { chooseTheme } from '../src/dashboard/inline/theme.ts';
import { reduce } from '../src/dashboard/reduce.ts';
import { initialState } from '../src/dashboard/state.ts';
import type { RunEvent } from '../src/runtime/events.ts';
import { printHeader } from './header.ts';

const { values } = parseArgs({
  options: { cells: { type: 'string', default: '10000' }, seconds: { type: 'string', default: '60' } },
});
const [cells, seconds] = [Number(values.cells), Number(values.seconds)];
const perAxis = Math.ceil(Math.sqrt(cells / 20));

let now = 0;
let state = initialState();
const event = (body: object): void => {
  state = reduce(state, { v: 1, at: now, ...body } as RunEvent);
};
const stages = ['adversarial', 'scores'];
const axesOf = (index: number): Record<string, number> => ({
  attack: index % 5,
  model: Math.floor(index / 5) % 2,
  strength: Math.floor(index / 10) % perAxis,
  defense: Math.floor(index / 10 / perAxis),
});
const idOf = (index: number): string => `${stages[index % 2]!}[index=${index}]`;
const totals = { cells, shards: cells, reuse: 0, run: cells };
event({
  type: 'run-started',
  run: 'r',
  pipeline: 'many',
  file: 'p.yaml',
  backend: 'wasm',
  workers: 2,
  host: 'h',
  pid: 1,
  totals,
});
for (let index = 0; index < cells; index++) {
  const stage = stages[index % 2]!;
  const reads = index % 2 === 1 ? { reads: [[index - 1, index - 1]] } : {};
  const plan = {
    uses: `debug/${stage}`,
    images: 64,
    because: [],
    shards: { total: 1, reuse: 0, run: 1 },
    ...reads,
  };
  event({ type: 'cell-planned', cell: idOf(index), stage, axes: axesOf(index >> 1), ...plan });
}

/** One cell after the other, five events each. */
let next = 0;
function someEvents(): void {
  const cell = idOf(next);
  const result = { key: String(next), reused: false, images: 64, seconds: 0.25, bytes: 1, peakBytes: 1 };
  event({ type: 'shard-started', cell, shard: 0, worker: next % 2, attempt: 1 });
  event({ type: 'shard-progress', cell, shard: 0, done: 32, total: 64, unit: 'images' });
  event({ type: 'metric', cell, name: 'accuracy', value: (next % 100) / 100, axes: axesOf(next >> 1) });
  event({ type: 'shard-committed', cell, shard: 0, ...result });
  event({ type: 'cell-finished', cell, reused: false, seconds: 0.25, savedSeconds: 0, keys: [] });
  next = (next + 1) % cells;
}

const size = { columns: 160, rows: 50 };
let bytes = 0;
const stdout = Object.assign(new EventEmitter(), {
  ...size,
  isTTY: true,
  write: (text: string) => (bytes += text.length) > 0,
});
const estimator = createEstimator();
const screen = createFullScreen(
  () => ({
    state,
    now,
    size,
    remaining: estimator.remaining(state, now),
    notice: '',
    place: '',
    isPaused: false,
    abilities: { isRecorded: false, canPause: false },
  }),
  () => undefined,
);
const theme = chooseTheme({ LANG: 'C.UTF-8' });
process.env['NODE_ENV'] = 'production';
render(<FullApp screen={screen} theme={theme} interactive={false} />, {
  stdout: stdout as unknown as NodeJS.WriteStream,
  debug: true,
  patchConsole: false,
});

const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;
const frames: number[] = [];
let all = 0;
/** Processor time, which other programs do not change. */
const draw = async (): Promise<void> => {
  const begin = process.cpuUsage();
  now += 250;
  someEvents();
  const before = process.cpuUsage();
  screen.tick();
  // React and Ink draw in the turns that follow.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  frames.push(milliseconds(process.cpuUsage(before)));
  all += milliseconds(process.cpuUsage(begin));
};
for (let warm = 0; warm < 60; warm++) await draw();
frames.length = 0;
[bytes, all] = [0, 0];
for (let frame = 0; frame < 4 * seconds; frame++) await draw();
frames.sort((a, b) => a - b);
const quantile = (share: number): string =>
  `${frames[Math.floor(share * (frames.length - 1))]!.toFixed(1)} ms`;
printHeader();
console.log(`${cells} cells: a frame takes ${quantile(0.5)}, p95 ${quantile(0.95)}, at most ${quantile(1)}`);
console.log(
  `a core is busy for ${(all / 10 / seconds).toFixed(1)} %, at ${Math.round(bytes / frames.length)} characters a frame`,
);
process.exit(0);
