import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeLoss, outcomesOfLostTask } from '../../../../src/runtime/executors/slurm/lost-task.ts';
import type { CommitRecord } from '../../../../src/runtime/store/record.ts';
import { makeFolder } from '../../fixtures/graphs.ts';
import { makeTask } from '../../fixtures/tasks.ts';
import { state } from './conducted-scheduler.ts';

const units = [1, 2, 3, 4].map((id) => makeTask(id, { key: `k${id}` }));
const committed = (...keys: readonly string[]): ((key: string) => CommitRecord | null) => {
  return (key) => (keys.includes(key) ? ({ outputs: {}, seconds: 2 } as CommitRecord) : null);
};
const loss = { cause: 'crash', message: 'gone' } as const;
const typesOf = (outcomes: ReturnType<typeof outcomesOfLostTask>): string[] =>
  outcomes.map(({ type, id }) => `${id} ${type}`);

test('of the units of a lost task, the first one without a commit record is lost, and the rest has not begun', () => {
  const outcomes = outcomesOfLostTask(units, committed('k1'), loss);
  expect(outcomes).toEqual([
    { type: 'committed', id: 1, outputs: {}, seconds: 2, reused: true, warnings: [], peakBytes: 0 },
    { type: 'lost', id: 2, cause: 'crash', message: 'gone' },
    { type: 'returned', id: 3 },
    { type: 'returned', id: 4 },
  ]);
});

test('a unit that another run committed meanwhile is committed, wherever it stands', () => {
  expect(typesOf(outcomesOfLostTask(units, committed('k3'), loss))).toEqual([
    '1 lost',
    '2 returned',
    '3 committed',
    '4 returned',
  ]);
});

test('nothing of a task that was cancelled before it began is lost', () => {
  expect(typesOf(outcomesOfLostTask(units, committed('k2'), null))).toEqual([
    '1 returned',
    '2 committed',
    '3 returned',
    '4 returned',
  ]);
});

test.each([
  [state('7', 3, 'OUT_OF_MEMORY', { nodes: 'gpu4' }), 'out-of-memory', ' on gpu4: OUT_OF_MEMORY'],
  [state('7', 3, 'TIMEOUT', { nodes: 'gpu4' }), 'timeout', ' on gpu4: TIMEOUT'],
  [
    state('7', 3, 'FAILED', { nodes: 'gpu4', reason: 'NonZeroExitCode' }),
    'crash',
    ' on gpu4: FAILED (NonZeroExitCode)',
  ],
  [state('7', 3, 'CANCELLED'), 'crash', ': CANCELLED'],
  [undefined, 'crash', ': unknown to the scheduler'],
])('%j is described with the place of its log', (found, cause, text) => {
  const folder = makeFolder();
  const job = { folder, number: '7', groups: [], open: new Set([3]) };
  expect(describeLoss({ job, index: 3, state: found })).toEqual({
    cause,
    message: `task 3 of job 7 ended${text}; its log is ${folder}/logs/3.log`,
  });
});

test('the last ten lines of the log are repeated', () => {
  const folder = makeFolder();
  mkdirSync(join(folder, 'logs'));
  writeFileSync(
    join(folder, 'logs/3.log'),
    Array.from({ length: 12 }, (_, line) => `line ${line}\n`).join(''),
  );
  const job = { folder, number: '7', groups: [], open: new Set([3]) };
  const { message } = describeLoss({ job, index: 3, state: undefined });
  expect(message).toContain('; its last output was: line 2\nline 3\n');
  expect(message).toContain(`line 11; its log is ${folder}/logs/3.log`);
});
