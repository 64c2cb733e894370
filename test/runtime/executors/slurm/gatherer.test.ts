import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Gatherer } from '../../../../src/runtime/executors/slurm/gatherer.ts';
import { makeTask } from '../../fixtures/tasks.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open() {
  const submitted: number[][] = [];
  const finish: (() => void)[] = [];
  const gatherer = new Gatherer((tasks) => {
    submitted.push(tasks.map(({ id }) => id));
    return new Promise((resolve) => finish.push(resolve));
  });
  return { gatherer, submitted, finish };
}

test('what comes within a tenth of a second is submitted together', async () => {
  const { gatherer, submitted } = open();
  gatherer.add(makeTask(1));
  await vi.advanceTimersByTimeAsync(99);
  gatherer.add(makeTask(2));
  expect(submitted).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(submitted).toEqual([[1, 2]]);
});

test('one collection is submitted after the other, with all that came meanwhile', async () => {
  const { gatherer, submitted, finish } = open();
  for (const id of [1, 2, 3]) {
    gatherer.add(makeTask(id));
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(submitted).toEqual([[1]]);
  finish[0]!();
  await vi.advanceTimersByTimeAsync(0);
  expect(submitted).toEqual([[1], [2, 3]]);
  gatherer.add(makeTask(4));
  finish[1]!();
  await vi.advanceTimersByTimeAsync(100);
  expect(submitted).toEqual([[1], [2, 3], [4]]);
});

test('what was taken back is not submitted', async () => {
  const { gatherer, submitted } = open();
  gatherer.add(makeTask(1));
  expect(gatherer.takeBack().map(({ id }) => id)).toEqual([1]);
  await vi.advanceTimersByTimeAsync(200);
  expect(submitted.flat()).toEqual([]);
});

test('closing waits for what is being submitted, and submits nothing more', async () => {
  const { gatherer, submitted, finish } = open();
  gatherer.add(makeTask(1));
  await vi.advanceTimersByTimeAsync(100);
  gatherer.add(makeTask(2));
  const closed = vi.fn();
  void gatherer.close().then(closed);
  await vi.advanceTimersByTimeAsync(500);
  expect(closed).not.toHaveBeenCalled();
  finish[0]!();
  await vi.advanceTimersByTimeAsync(0);
  expect(closed).toHaveBeenCalled();
  expect(submitted).toEqual([[1]]);
  expect(vi.getTimerCount()).toBe(0);
});
