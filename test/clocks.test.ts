import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { usesOfClocks, type UseOfClocks } from './clocks/uses-of-clocks.ts';

/**
 * A test waits for events (`test/conducted/`), moves a clock that it made (`vi.useFakeTimers`), or counts work (`counted-work.ts`), so
 * that it has the same outcome on a busy machine. Speed is for `bench/`. These files are let off, for the reason that stands there.
 */
const allowed: Readonly<Record<string, Readonly<Partial<Record<UseOfClocks, string>>>>> = {
  'clocks.test.ts': { sleeps: 'its own examples' },
  'slurm/cluster.ts': { sleeps: 'the scheduler has no events: it is asked until it says so' },
  'slurm/slurm.long.test.ts': {
    sleeps: 'the scheduler has no events, and its tasks are the stage debug/sleep',
    'has a limit of its own': 'a thousand tasks are an hour of starts of Node',
  },
  'stages/evaluation.test.ts': { sleeps: 'tests the stage debug/sleep itself, which it cancels' },
  'runtime/executors/local/pool.test.ts': { 'measures time': 'vitest has replaced this clock' },
  'timing/awake-time.test.ts': { 'measures time': 'vitest has replaced this clock' },
  'dashboard/renderers.test.ts': { 'measures time': 'vitest has replaced this clock' },
  'runtime/store/store.test.ts': { 'measures time': 'gives files times of the past' },
  'dashboard/fixtures/replay.ts': { sleeps: 'a film for people', 'measures time': 'a film for people' },
  'fuzz/target.ts': { 'measures time': 'for the soak; the tests switch it off' },
  'soak/cells.ts': {
    sleeps: 'looks at the memory of a process while it runs, which has no events',
    'measures time': 'says how long it took, and judges nothing by it',
  },
};

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .sort();

describe('the tests', () => {
  const uses = files.flatMap((path) =>
    usesOfClocks(path, readFileSync(join('test', path), 'utf8')).map((found) => ({ path, ...found })),
  );

  it('depend on no clock but where the list says why', () => {
    expect(
      uses
        .filter(({ path, use }) => allowed[path]?.[use] === undefined)
        .map(({ path, line, use }) => `test/${path}:${line} ${use}`),
    ).toEqual([]);
  });

  it('need every entry of the list', () => {
    const needless = Object.entries(allowed).flatMap(([path, reasons]) =>
      Object.keys(reasons)
        .filter((use) => !uses.some((found) => found.path === path && found.use === use))
        .map((use) => `${path} ${use}`),
    );
    expect(needless).toEqual([]);
  });
});

describe('the finder of clocks', () => {
  it.each<[string, readonly UseOfClocks[]]>([
    ["import { setTimeout as sleep } from 'node:timers/promises';", ['sleeps']],
    ['await new Promise((done) => setTimeout(done, 50));', ['sleeps']],
    ["run('stages: { a: { uses: debug/sleep, with: { ms: 30 } } }');", ['sleeps']],
    ["await runStage('debug/sleep', { ms });", ['sleeps']],
    ['const began = performance.now();', ['measures time']],
    ['while (Date.now() < deadline) look();', ['measures time']],
    ['expect(process.cpuUsage(before).user).toBeLessThan(5);', ['measures time']],
    ['const { bigint } = process.hrtime;', ['measures time']],
    ["it('ends soon', async () => {}, 5_000);", ['has a limit of its own']],
    ["spawnSync('node', [], { timeout: 10 * 1000 });", ['has a limit of its own']],
    ['await vi.waitFor(() => expect(x).toBe(1));', ['has a limit of its own']],
    ["// setTimeout(done, 50)\nit('has a literal 1', () => expect(f('Date.now()')).toBe(1));", []],
    ['vi.advanceTimersByTime(50);', []],
  ])('finds in %j: %j', (text, expected) => {
    expect(usesOfClocks('a.ts', text).map(({ use }) => use)).toEqual(expected);
  });
});

/**
 * The clock of the day can be set while a process runs, so the sources read it only where a time of day is meant, and a
 * timer of Node takes no more than 24.8 days and runs at once when a stopped process goes on. Time-outs are in
 * `src/timing/`. Each other use is here with its reason.
 */
const usesInSources: Readonly<Record<string, Readonly<Partial<Record<'time of day' | 'timer', string>>>>> = {
  'cli/tidy.ts': { 'time of day': 'a day between two processes' },
  'cli/commands/logs.ts': { timer: 'looks again' },
  'cli/commands/run-watch.ts': { timer: 'looks again every two seconds' },
  'cli/commands/watch.ts': { timer: 'looks again' },
  'dashboard/live/live-renderer.tsx': { timer: 'draws again' },
  'dashboard/plain.ts': { timer: 'a line every half minute' },
  'runtime/executors/local/pool.ts': { timer: 'looks for silent workers every second' },
  'runtime/executors/local/worker.ts': { timer: 'a sign of life every second' },
  'runtime/executors/local/worker-process.ts': { timer: 'how long an ending worker may take' },
  'runtime/executors/slurm/array-task.ts': { timer: 'a minute before Slurm ends the task' },
  'runtime/executors/slurm/executor.ts': { timer: 'looks at the cache twice a second' },
  'runtime/executors/slurm/gatherer.ts': { timer: 'a tenth of a second' },
  'runtime/executors/slurm/submit-job.ts': { 'time of day': 'when a job was submitted' },
  'runtime/plan/file-digests.ts': { 'time of day': 'compared with the times of files' },
  'runtime/run/ledger.ts': { timer: 'a fifth of a second' },
  'runtime/run/run-id.ts': { 'time of day': 'when a run began, as part of its name' },
  'runtime/run/run-state.ts': { 'time of day': 'compared with the times of files' },
  'runtime/run/waiting-room.ts': { timer: 'looks again' },
  'runtime/store/claims.ts': { timer: 'a sign of life', 'time of day': 'compared with the times of files' },
  'runtime/store/collect-garbage.ts': { 'time of day': 'compared with the times of files' },
  'runtime/store/durable.ts': { 'time of day': 'part of a name' },
  'runtime/store/quarantine.ts': { 'time of day': 'part of a name' },
  'stages/debug/sleep.ts': { timer: 'is a sleep of a day at most' },
  'timing/awake-time.ts': { timer: 'makes time-outs of it' },
  'timing/run-clock.ts': { 'time of day': 'when the process began' },
};

describe('the sources', () => {
  const uses = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .flatMap((path) =>
      usesOfClocksIn(readFileSync(join('src', path), 'utf8')).map((use) => `${path}: ${use}`),
    );

  it('read the time of day and set timers only where the list says why', () => {
    const listed = Object.entries(usesInSources).flatMap(([path, reasons]) =>
      Object.keys(reasons).map((use) => `${path}: ${use}`),
    );
    expect([...uses].sort()).toEqual(listed.sort());
  });
});

function usesOfClocksIn(text: string): readonly ('time of day' | 'timer')[] {
  const code = text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
  return [
    ...(/\bDate\.now\b|\.getTime\(\)|\+\s*new Date\b|\btimeOrigin\b/.test(code)
      ? (['time of day'] as const)
      : []),
    ...(/\bset(Timeout|Interval)\b/.test(code) ? (['timer'] as const) : []),
  ];
}
