import { expect, test } from 'vitest';
import { OpenTasks } from '../../../../src/runtime/executors/slurm/open-tasks.ts';
import { makeTask } from '../../fixtures/tasks.ts';

test('messages of another driver’s job are passed on under the id that this driver knows, and a task ends once', () => {
  const tasks = new OpenTasks();
  const reports: unknown[] = [];
  tasks.listen((message, worker) => reports.push([message, worker]));
  tasks.add(makeTask(7, { key: 'k' }));
  tasks.report('k', { type: 'started', id: 1 }, 3);
  tasks.report('unknown', { type: 'started', id: 2 }, 3);
  expect(tasks.size).toBe(1);
  tasks.end('k', { type: 'returned', id: 1 }, 3);
  tasks.end('k', { type: 'returned', id: 1 }, 3);
  tasks.report('k', { type: 'started', id: 1 }, 3);
  expect(tasks.size).toBe(0);
  expect(reports).toEqual([
    [{ type: 'started', id: 7 }, 3],
    [{ type: 'returned', id: 7 }, 3],
  ]);
});

test('tasks of several cells that have one key end one after the other', () => {
  const tasks = new OpenTasks();
  const ended: number[] = [];
  tasks.listen((message) => ended.push(message.id));
  for (const id of [1, 2, 3]) tasks.add(makeTask(id, { key: 'k' }));
  expect(tasks.size).toBe(3);
  tasks.forget(new Set([2]));
  expect(tasks.size).toBe(2);
  for (let outcome = 0; outcome < 3; outcome++) tasks.end('k', { type: 'returned', id: 9 }, 0);
  expect([ended, tasks.size, tasks.has('k')]).toEqual([[1, 3], 0, false]);
});
