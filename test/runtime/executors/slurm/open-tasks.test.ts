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
