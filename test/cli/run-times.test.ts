import { describe, expect, it } from 'vitest';
import { stageTable } from '../../src/cli/commands/runs-time.ts';
import { sumTimes } from '../../src/cli/run-times.ts';
import type { RunEvent, UnitTime } from '../../src/runtime/events.ts';

const none = { read: 0, codec: 0, open: 0, backend: 0, kernels: 0, javascript: 0, write: 0 };

function event(at: number, body: object): RunEvent {
  return { v: 1, at, ...body } as RunEvent;
}

function planned(cell: string, stage: string, more: object = {}): RunEvent {
  return event(0, { type: 'cell-planned', cell, stage, uses: `lab/${stage}`, ...more });
}

function committed(cell: string, time?: UnitTime, reused = false): RunEvent {
  return event(0, { type: 'shard-committed', cell, reused, ...(time !== undefined && { time }) });
}

const events = [
  event(1_000, { type: 'run-started', workers: 2 }),
  planned('a/part', 'a/part', { partOf: 'a' }),
  planned('a[x=1]', 'a'),
  planned('a[x=2]', 'a'),
  planned('b', 'b'),
  committed('a/part', { ...none, wall: 2, cpu: 3, open: 1, backend: 1, starting: 0.5 }),
  committed('a[x=1]', { ...none, wall: 1, cpu: 1, javascript: 0.75, write: 0.25 }),
  committed('a[x=2]', { ...none, wall: 1, cpu: 2, kernels: 1 }),
  committed('b', undefined, true),
  event(6_000, { type: 'run-finished' }),
];

describe('the times of a run', () => {
  const times = sumTimes(events);

  it('are sums over the units of each stage that was computed, parts included', () => {
    expect(times.stages).toEqual([
      {
        stage: 'a/part',
        uses: 'lab/a/part',
        partOf: 'a',
        units: 1,
        ...none,
        wall: 2,
        cpu: 3,
        open: 1,
        backend: 1,
      },
      {
        stage: 'a',
        uses: 'lab/a',
        units: 2,
        ...none,
        wall: 2,
        cpu: 3,
        kernels: 1,
        javascript: 0.75,
        write: 0.25,
      },
    ]);
    expect(times.total).toMatchObject({ units: 3, wall: 4, cpu: 6, backend: 1, kernels: 1 });
    expect(times.unmeasured).toBe(0);
  });

  it('share out what the workers had', () => {
    expect(times.seconds).toBe(5);
    expect(times.workers).toEqual({ count: 2, computing: 4, starting: 0.5, waiting: 5.5 });
  });

  it('are printed as a table', () => {
    expect(
      stageTable(times)
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual([
      'stage   units  wall s  cpu s   read  codec   open  backend  kernels  javascript  write',
      'a/part      1    2.00   3.00  0.0 %  0.0 %   50 %     50 %    0.0 %       0.0 %  0.0 %',
      'a           2    2.00   3.00  0.0 %  0.0 %  0.0 %    0.0 %     50 %        38 %   13 %',
      'total       3    4.00   6.00  0.0 %  0.0 %   25 %     25 %     25 %        19 %  6.3 %',
      '',
      '2 workers in 5.0 s: 40 % computing, 5.0 % starting, 55 % waiting',
    ]);
  });

  it('have the bytes that crossed to a device, where a backend counts them', () => {
    const crossing = [
      events[0]!,
      planned('a', 'a'),
      planned('b', 'b'),
      committed('a', { ...none, wall: 1, cpu: 1, backend: 1, fed: 100_000_000, fetched: 2048 }),
      committed('a', { ...none, wall: 1, cpu: 1, backend: 1, fed: 4_857_600, fetched: 1024 }),
      committed('b', { ...none, wall: 1, cpu: 1, javascript: 1 }),
    ];
    const summed = sumTimes(crossing);
    expect(summed.stages.map(({ fed, fetched }) => [fed, fetched])).toEqual([
      [104_857_600, 3072],
      [undefined, undefined],
    ]);
    const columns = stageTable(summed)
      .split('\n')
      .map((line) => line.trimEnd().split(/ {2,}/).slice(-2));
    expect(columns.slice(0, 4)).toEqual([
      ['to device', 'from device'],
      ['100 MiB', '3.0 KiB'],
      ['0 B', '0 B'],
      ['100 MiB', '3.0 KiB'],
    ]);
  });

  it('of a run of an earlier version are missing, and that is said', () => {
    const old = sumTimes([events[0]!, planned('b', 'b'), committed('b')]);
    expect(old).toMatchObject({ stages: [], workers: null, unmeasured: 1 });
    expect(stageTable(old)).toContain('one unit has no times');
  });

  it('of a run that was killed before its first line are nothing', () => {
    expect(stageTable(sumTimes([]))).toBe('nothing was computed in this run');
  });
});
