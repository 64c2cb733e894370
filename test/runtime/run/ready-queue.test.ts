import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createReadyQueue } from '../../../src/runtime/run/ready-queue.ts';

test('gives out whatever was pushed, smallest priority first', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (priorities) => {
      const queue = createReadyQueue();
      priorities.forEach((priority, cell) => queue.push(priority, cell, 0));
      const popped: number[] = [];
      for (let top = queue.pop(); top !== null; top = queue.pop()) popped.push(top.priority);
      expect(popped).toEqual([...priorities].sort((a, b) => a - b));
      expect(queue.size()).toBe(0);
    }),
  );
});
