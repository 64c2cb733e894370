import { expect, it } from 'vitest';
import { differenceInterval } from '../../src/metrics/difference-interval.ts';
import { wilsonInterval } from '../../src/metrics/wilson.ts';

const proportion = ([successes, n]: readonly [number, number]) => ({
  value: successes / n,
  ...wilsonInterval(successes, n)!,
});

// Newcombe 1998, table II, method 10 (score, without continuity correction).
it.each([
  ['56/70 − 48/80', [48, 80], [56, 70], 0.0524, 0.3339],
  ['9/10 − 3/10', [3, 10], [9, 10], 0.1705, 0.809],
  ['10/10 − 0/20', [0, 20], [10, 10], 0.6791, 1],
] as const)('%s has the interval that Newcombe published', (_, first, second, low, high) => {
  const interval = differenceInterval(proportion(first), proportion(second));
  expect(interval.low).toBeCloseTo(low, 4);
  expect(interval.high).toBeCloseTo(high, 4);
});

it('turns its sign with the order of the two', () => {
  const [one, other] = [proportion([3, 10]), proportion([9, 10])];
  const [there, back] = [differenceInterval(one, other), differenceInterval(other, one)];
  expect(back.low).toBeCloseTo(-there.high, 12);
  expect(back.high).toBeCloseTo(-there.low, 12);
});
