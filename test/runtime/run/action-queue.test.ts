import { expect, test } from 'vitest';
import { createActionQueue } from '../../../src/runtime/run/action-queue.ts';

test('an action runs at once, and what it queues runs after it, in order', () => {
  const queueAction = createActionQueue();
  const done: string[] = [];
  queueAction(() => {
    queueAction(() => {
      queueAction(() => done.push('third'));
      done.push('second');
    });
    queueAction(() => done.push('after the second'));
    done.push('first');
  });
  expect(done).toEqual(['first', 'second', 'after the second', 'third']);
  queueAction(() => done.push('later'));
  expect(done.at(-1)).toBe('later');
});

test('a chain of a million actions does not exhaust the stack', () => {
  const queueAction = createActionQueue();
  let count = 0;
  const next = (): void => {
    if (++count < 1e6) queueAction(next);
  };
  queueAction(next);
  expect(count).toBe(1e6);
});
