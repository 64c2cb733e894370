/**
 * What the whole screen costs: milliseconds of a frame, the share of a core at 20 events and 4 frames in a second (the screen draws 2,
 * and one after each key), and the share of a core at 2 frames in a second while no event comes. The cells are in a grid of four axes
 * and the terminal has 160 columns and 50 rows. All is processor time of this process, which other programs do not change.
 *
 *   npm run bench -- dashboard [--cells 100,10000,100000] [--seconds 60]
 */
import { EventEmitter } from 'node:events';
import { parseArgs } from 'node:util';
import { render } from 'ink';
import { cellsPerFrame, createEstimator } from '../src/dashboard/estimate.ts';
import { createCanvas } from '../src/dashboard/full/canvas.ts';
import { FullApp } from '../src/dashboard/full/full-app.tsx';
import { createFullScreen } from '../src/dashboard/full/full-screen.ts';
import { chooseTheme } from '../src/dashboard/parts/theme.ts';
import { reduce } from '../src/dashboard/reduce.ts';
import { initialState } from '../src/dashboard/state.ts';
import type { RunEvent } from '../src/runtime/events.ts';
import { printHeader } from './header.ts';

const { values } = parseArgs({
  options: {
    cells: { type: 'string', default: '100,10000,100000' },
    seconds: { type: 'string', default: '60' },
  },
});
const seconds = Number(values.seconds);
const stages = ['adversarial', 'scores'];
const size = { columns: 160, rows: 50 };

const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;
/** Processor milliseconds of an action and of the drawing that follows from it in the next turns. */
async function spent(action: () => void): Promise<number> {
  const before = process.cpuUsage();
  action();
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  return milliseconds(process.cpuUsage(before));
}

/** A run of so many cells, each of which five events compute, one cell after the other. */
function createRun(cells: number) {
  const perAxis = Math.ceil(Math.sqrt(cells / 20));
  let [state, now, next] = [initialState(), 0, 0];
  const event = (body: object): void => {
    state = reduce(state, { v: 1, at: now, ...body } as RunEvent);
  };
  const axesOf = (index: number): Record<string, number> => ({
    attack: index % 5,
    model: Math.floor(index / 5) % 2,
    strength: Math.floor(index / 10) % perAxis,
    defense: Math.floor(index / 10 / perAxis),
  });
  const idOf = (index: number): string => `${stages[index % 2]!}[index=${index}]`;
  const totals = { cells, shards: cells, reuse: 0, run: cells };
  const start = {
    run: 'r',
    pipeline: 'many',
    file: 'p.yaml',
    backend: 'wasm',
    workers: 2,
    host: 'h',
    pid: 1,
  };
  event({ type: 'run-started', ...start, totals });
  for (let index = 0; index < cells; index++) {
    const stage = stages[index % 2]!;
    const reads = index % 2 === 1 ? { reads: [[index - 1, index - 1]] } : {};
    const shards = { total: 1, reuse: 0, run: 1 };
    const plan = { uses: `debug/${stage}`, images: 64, because: [], shards, ...reads };
    event({ type: 'cell-planned', cell: idOf(index), stage, axes: axesOf(index >> 1), ...plan });
  }
  return {
    state: () => state,
    now: () => now,
    pass: (ms: number) => (now += ms),
    compute(): void {
      const cell = idOf(next);
      const result = { key: String(next), reused: false, images: 64, seconds: 0.25, bytes: 1, peakBytes: 1 };
      event({ type: 'shard-started', cell, shard: 0, worker: next % 2, attempt: 1 });
      event({ type: 'shard-progress', cell, shard: 0, done: 32, total: 64, unit: 'images' });
      event({ type: 'metric', cell, name: 'accuracy', value: (next % 100) / 100, axes: axesOf(next >> 1) });
      event({ type: 'shard-committed', cell, shard: 0, ...result });
      event({ type: 'cell-finished', cell, reused: false, seconds: 0.25, savedSeconds: 0, keys: [] });
      next = (next + 1) % cells;
    },
  };
}

async function measure(cells: number): Promise<void> {
  const run = createRun(cells);
  const estimator = createEstimator(undefined, cellsPerFrame);
  const screen = createFullScreen(
    () => ({
      state: run.state(),
      now: run.now(),
      size,
      remaining: estimator.remaining(run.state(), run.now()),
      notice: '',
      place: '',
      abilities: { isRecorded: false, canControl: true },
      devices: [],
      pictures: null,
      graphics: null,
    }),
    () => undefined,
  );
  let bytes = 0;
  const canvas = createCanvas((text) => (bytes += text.length));
  const stdout = Object.assign(new EventEmitter(), { ...size, isTTY: true, write: () => true });
  const theme = chooseTheme({ LANG: 'C.UTF-8' });
  let app: { unmount: () => void } | null = null;
  const opening = await spent(() => {
    app = render(<FullApp screen={screen} canvas={canvas} theme={theme} interactive={false} />, {
      stdout: stdout as unknown as NodeJS.WriteStream,
      patchConsole: false,
    });
  });
  const frames: number[] = [];
  let events = 0;
  for (let frame = -60; frame < 4 * seconds; frame++) {
    run.pass(250);
    const ofEvents = await spent(() => run.compute());
    const ofFrame = await spent(() => screen.tick());
    if (frame < 0) continue;
    if (frame === 0) bytes = 0;
    events += ofEvents;
    frames.push(ofFrame);
  }
  const perFrame = Math.round(bytes / frames.length);
  const busy = (events + sum(frames)) / 10 / seconds;
  const idle: number[] = [];
  for (let frame = 0; frame < 2 * seconds; frame++) {
    run.pass(500);
    idle.push(await spent(() => screen.tick()));
  }
  app!.unmount();
  frames.sort((a, b) => a - b);
  const quantile = (share: number): string =>
    `${frames[Math.floor(share * (frames.length - 1))]!.toFixed(1)} ms`;
  console.log(
    `${cells} cells: a frame takes ${quantile(0.5)}, p95 ${quantile(0.95)}, at most ${quantile(1)}, the first ${opening.toFixed(0)} ms`,
  );
  console.log(
    `  a core is busy for ${busy.toFixed(1)} %, idle for ${(sum(idle) / 10 / seconds).toFixed(2)} %, at ${perFrame} characters a frame`,
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);

process.env['NODE_ENV'] = 'production';
printHeader();
for (const cells of values.cells.split(',')) await measure(Number(cells));
process.exit(0);
