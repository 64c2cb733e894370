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
  'slurm/slurm.test.ts': {
    sleeps: 'the scheduler has no events, and its tasks are the stage debug/sleep',
    'has a limit of its own': 'a thousand tasks are an hour of starts of Node',
  },
  'stages/evaluation.test.ts': { sleeps: 'tests the stage debug/sleep itself, which it cancels' },
  'dashboard/renderers.test.ts': { 'measures time': 'vitest has replaced this clock' },
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
