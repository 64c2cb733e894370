import { expect, test } from 'vitest';
import { groupTasks } from '../../../../src/runtime/executors/slurm/group-tasks.ts';
import { makeTask } from '../../fixtures/tasks.ts';

const idsOf = (jobs: ReturnType<typeof groupTasks>): number[][][] =>
  jobs.map((groups) => groups.map((tasks) => tasks.map(({ id }) => id)));
const tasks = [1, 2, 3, 4, 5].map((id) => makeTask(id));

test('tasks of one stage share a job, some of them an array task', () => {
  expect(idsOf(groupTasks(tasks, { unitsPerTask: 1, maxArraySize: 10 }))).toEqual([
    [[1], [2], [3], [4], [5]],
  ]);
  expect(idsOf(groupTasks(tasks, { unitsPerTask: 2, maxArraySize: 10 }))).toEqual([[[1, 2], [3, 4], [5]]]);
  expect(groupTasks([], { unitsPerTask: 1, maxArraySize: 10 })).toEqual([]);
});

test('a job has no more array tasks than the cluster allows', () => {
  expect(idsOf(groupTasks(tasks, { unitsPerTask: 2, maxArraySize: 2 }))).toEqual([
    [
      [1, 2],
      [3, 4],
    ],
    [[5]],
  ]);
});

test('tasks of another stage, or with other needs, get a job of their own', () => {
  const mixed = [
    makeTask(1),
    makeTask(2, { stage: 'other' }),
    makeTask(3, { resources: { gpu: 1 } }),
    makeTask(4),
    makeTask(5, { stage: 'other' }),
  ];
  expect(idsOf(groupTasks(mixed, { unitsPerTask: 1, maxArraySize: 10 }))).toEqual([
    [[1], [4]],
    [[2], [5]],
    [[3]],
  ]);
});
