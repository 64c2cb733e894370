import { expect, test } from 'vitest';
import { JobTable } from '../../../../src/runtime/executors/slurm/job-table.ts';
import type { Findings, Job } from '../../../../src/runtime/executors/slurm/job-table.ts';
import { state } from './conducted-scheduler.ts';

const job = (number: string): Job => ({ folder: `/slurm/${number}`, number, groups: [] });
const overdueOf = ({ overdue }: Findings): string[] =>
  overdue.map(
    ({ job: { number }, index, state: found }) => `${number}_${index} ${found?.state ?? 'unknown'}`,
  );

test('a job is open until all its tasks have ended', () => {
  const table = new JobTable();
  table.add(job('1'), [0, 1]);
  table.add(job('2'), [5]);
  expect(table.openNumbers()).toEqual(['1', '2']);
  expect([table.end(job('1'), 0), table.end(job('1'), 0), table.end(job('3'), 0)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(table.openNumbers()).toEqual(['1', '2']);
  table.end(job('1'), 1);
  expect(table.openNumbers()).toEqual(['2']);
});

test('adopted tasks of one job are looked after together', () => {
  const table = new JobTable();
  table.add(job('1'), [3]);
  table.add(job('1'), [4]);
  expect(table.openJobs().map(({ open }) => [...open])).toEqual([[3, 4]]);
});

test('a task is overdue once the scheduler has not been running it for the time of grace', () => {
  const table = new JobTable();
  table.add(job('1'), [0, 1, 2]);
  const compare = (now: number, ...states: ReturnType<typeof state>[]): Findings =>
    table.compare(table.openJobs(), states, now, 5_000);
  const running = state('1', 0, 'RUNNING');

  expect(compare(0, running, state('1', 1, 'PENDING'), state('1', 2, 'COMPLETING'))).toEqual({
    overdue: [],
    isEndOnItsWay: false,
    held: [],
  });
  const first = compare(1_000, running, state('1', 1, 'FAILED'));
  expect([overdueOf(first), first.isEndOnItsWay]).toEqual([[], true]);
  const second = compare(5_999, running, state('1', 1, 'FAILED'));
  expect([overdueOf(second), second.isEndOnItsWay]).toEqual([[], true]);
  const third = compare(6_000, running, state('1', 1, 'FAILED'));
  expect([overdueOf(third), third.isEndOnItsWay]).toEqual([['1_1 FAILED', '1_2 unknown'], false]);
});

test('a task that the scheduler queued again is not overdue', () => {
  const table = new JobTable();
  table.add(job('1'), [0]);
  const compare = (now: number, name: string): string[] =>
    overdueOf(table.compare(table.openJobs(), [state('1', 0, name)], now, 5_000));
  compare(0, 'NODE_FAIL');
  compare(4_000, 'PENDING');
  expect(compare(9_000, 'FAILED')).toEqual([]);
  expect(compare(14_000, 'FAILED')).toEqual(['1_0 FAILED']);
});

test('without grace a task is overdue at once', () => {
  const table = new JobTable();
  table.add(job('1'), [0]);
  expect(overdueOf(table.compare(table.openJobs(), [], 0, 0))).toEqual(['1_0 unknown']);
});

test('a job for which the scheduler was not queried is not judged', () => {
  const table = new JobTable();
  table.add(job('1'), [0]);
  const queried = table.openJobs();
  table.add(job('2'), [0]);
  expect(overdueOf(table.compare(queried, [], 0, 0))).toEqual(['1_0 unknown']);
});

test('tasks that wait for an unusual reason are named', () => {
  const table = new JobTable();
  table.add(job('1'), [0, 1, 2]);
  const { held } = table.compare(
    table.openJobs(),
    [
      state('1', 0, 'PENDING', { reason: 'Priority' }),
      state('1', 1, 'PENDING', { reason: 'QOSMaxJobsPerUserLimit' }),
      state('1', 2, 'RUNNING', { reason: 'Strange' }),
    ],
    0,
    5_000,
  );
  expect(held.map(({ job: { number }, reason }) => `${number} ${reason}`)).toEqual([
    '1 QOSMaxJobsPerUserLimit',
  ]);
});
