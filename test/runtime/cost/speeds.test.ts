import { describe, expect, test } from 'vitest';
import { Speeds, type ObservedUnits } from '../../../src/runtime/cost/speeds.ts';
import type { UnitWork } from '../../../src/runtime/events.ts';

const rates = { forward: 1, gradient: 3, 'defense/jpeg': 1 };

function workOf(alike: string, perUnit: UnitWork['perUnit'], network?: string): UnitWork {
  return { alike, perImage: {}, perUnit, ...(network !== undefined && { network }) };
}

function observed(work: UnitWork | null, seconds: number, more: Partial<ObservedUnits> = {}): ObservedUnits {
  return { uses: 'lab/a', work, images: 1, seconds, units: 100, isCold: false, run: 'now', ...more };
}

const secondsOf = (speeds: Speeds, uses: string, work: UnitWork | null, images = 1): number | null =>
  speeds.predict(uses, work, images, 'now', 0).seconds;
const deviationOf = (speeds: Speeds, uses: string, work: UnitWork | null): number =>
  speeds.deviationOf([{ seconds: 1, feature: speeds.predict(uses, work, 1, 'now', 0).feature }]);

describe('the seconds of units', () => {
  test('are those of the rates if nothing was measured', () => {
    const speeds = new Speeds(rates, []);
    expect(secondsOf(speeds, 'lab/a', workOf('x', { forward: 2, gradient: 1 }))).toBeCloseTo(5);
  });

  test('are those that many units that are alike took', () => {
    const work = workOf('x', { forward: 2 });
    expect(secondsOf(new Speeds(rates, [observed(work, 20)]), 'lab/a', work)).toBeCloseTo(20, 0);
  });

  test('follow on a slow machine from whatever was measured, and the more so the more it has in common', () => {
    const network = '9/9';
    const speeds = new Speeds(rates, [observed(workOf('x', { forward: 1 }, network), 4)]);
    const slower = (uses: string, work: UnitWork, nominal: number): number =>
      secondsOf(speeds, uses, work)! / nominal;
    const other = slower('lab/b', workOf('y', { 'defense/jpeg': 1 }), 1);
    const gradient = slower('lab/b', workOf('z', { gradient: 1 }), 3);
    const ofNetwork = slower('lab/b', workOf('w', { gradient: 1 }, network), 3);
    const forward = slower('lab/b', workOf('v', { forward: 1 }, network), 1);
    const ofUses = slower('lab/a', workOf('u', { forward: 1 }, network), 1);
    expect(other).toBeGreaterThan(1.2);
    expect([other, gradient, ofNetwork, forward, ofUses].sort((a, b) => a - b)).toEqual([
      other,
      gradient,
      ofNetwork,
      forward,
      ofUses,
    ]);
    expect(ofUses).toBeLessThan(4);
  });

  test('are found for each operation of mixed units', () => {
    const mixed = [1, 2, 4, 8].map((amount, index) =>
      observed(workOf(`m${index}`, { forward: amount, 'defense/jpeg': 8 / amount }), amount + 40 / amount, {
        uses: `lab/${index}`,
      }),
    );
    const speeds = new Speeds(rates, mixed);
    const jpeg = secondsOf(speeds, 'lab/x', workOf('j', { 'defense/jpeg': 1 }))!;
    const forward = secondsOf(speeds, 'lab/x', workOf('f', { forward: 1 }))!;
    expect(jpeg / forward).toBeGreaterThan(1.5);
  });

  test('of a first unit on a worker say little of the later ones if they are short', () => {
    const work = workOf('x', { forward: 0.01 });
    const cold = secondsOf(
      new Speeds(rates, [observed(work, 0.2, { isCold: true, units: 1 })]),
      'lab/a',
      work,
    )!;
    const warm = secondsOf(new Speeds(rates, [observed(work, 0.2, { units: 1 })]), 'lab/a', work)!;
    expect(cold).toBeLessThan(warm / 2);
  });

  test('of a stage type that says nothing follow from its own units alone', () => {
    const speeds = new Speeds(rates, [observed(null, 6, { images: 3 })]);
    expect(secondsOf(speeds, 'lab/a', null, 10)).toBeCloseTo(20, 0);
    expect(secondsOf(speeds, 'lab/a', null, 0)).toBeCloseTo(6, 0);
    expect(secondsOf(speeds, 'lab/b', null, 10)).toBeNull();
  });
});

test('the range is the wider, the less is known', () => {
  const work = workOf('x', { forward: 1 });
  const other = workOf('y', { 'defense/jpeg': 1 });
  const none = new Speeds(rates, []);
  const one = new Speeds(rates, [observed(work, 2, { units: 1 })]);
  const many = new Speeds(rates, [observed(work, 2)]);
  const deviations = [
    deviationOf(many, 'lab/a', work),
    deviationOf(one, 'lab/a', work),
    deviationOf(one, 'lab/b', other),
    deviationOf(none, 'lab/a', work),
  ];
  expect([...deviations].sort((a, b) => a - b)).toEqual(deviations);
  expect(deviations[0]).toBeLessThan(0.1);
  expect(deviations[3]).toBeGreaterThan(0.8);
});

test('more kinds than are taken are those that took most of the time', () => {
  const many = Array.from({ length: 400 }, (_, index) =>
    observed(workOf(`k${index}`, { forward: 1 + index }), 2 * (1 + index), { units: 1 }),
  );
  expect(secondsOf(new Speeds(rates, many), 'lab/b', workOf('z', { forward: 3 }))).toBeGreaterThan(4);
});
