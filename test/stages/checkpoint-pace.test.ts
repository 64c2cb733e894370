import { expect, it } from 'vitest';
import { checkpointPace } from '../../src/stages/train/shared/checkpoint-pace.ts';

it('a checkpoint is due every so many steps if that is said', () => {
  const pace = checkpointPace(3, () => 0);
  expect([1, 2, 3, 4, 5, 6].filter((steps) => pace.isDue(steps))).toEqual([3, 6]);
});

it('otherwise writing takes a hundredth of the time, and happens every ten seconds at most', async () => {
  let now = 0;
  const pace = checkpointPace(null, () => now);
  const writeFor = (ms: number): Promise<void> =>
    pace.write(() => {
      now += ms;
      return Promise.resolve();
    });
  const isDueAfter = (ms: number): boolean => {
    now += ms;
    return pace.isDue(1);
  };
  expect(isDueAfter(9_999)).toBe(false);
  expect(isDueAfter(1)).toBe(true);
  await writeFor(20);
  expect(isDueAfter(9_999)).toBe(false);
  expect(isDueAfter(1)).toBe(true);
  // A large network on a slow disk.
  await writeFor(2_000);
  expect(isDueAfter(199_999)).toBe(false);
  expect(isDueAfter(1)).toBe(true);
});

it('an epoch that is shorter than a hundred times the writing is not always written down', async () => {
  let now = 0;
  const pace = checkpointPace(null, () => now);
  expect(pace.isDueAfterEpoch()).toBe(true);
  await pace.write(() => {
    now += 20;
    return Promise.resolve();
  });
  now += 1_999;
  expect(pace.isDueAfterEpoch()).toBe(false);
  now += 1;
  expect(pace.isDueAfterEpoch()).toBe(true);
  expect(checkpointPace(7, () => now).isDueAfterEpoch()).toBe(true);
});
