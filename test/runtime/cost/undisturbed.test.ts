import { describe, expect, test } from 'vitest';
import type { MeasuredUnit } from '../../../src/runtime/cost/measured.ts';
import { undisturbedUnits } from '../../../src/runtime/cost/undisturbed.ts';

const unitOf = (cpu: number, wall: number, backend = 'wasm'): MeasuredUnit => ({
  uses: 'test/unit',
  work: null,
  images: 1,
  cpu,
  wall,
  peakBytes: 0,
  backend,
  host: 'host',
});
const wallsOf = (units: readonly MeasuredUnit[]): readonly number[] => units.map(({ wall }) => wall);

describe('the time of measured units without other programs', () => {
  test('is the processor time of each, if the units of a run on wasm took much longer than that', () => {
    const units = [unitOf(9, 20), unitOf(0.01, 0.1), unitOf(0.002, 0.01)];
    const [long, short, shortest] = wallsOf(undisturbedUnits(units));
    expect(long).toBe(9);
    // It waited ten times as long, which may be for a process of its own: at least its time less the load, twice.
    expect(short).toBeCloseTo(0.1 / (20 / 9) ** 2);
    expect(shortest).toBeCloseTo(0.01 / (20 / 9) ** 2);
  });

  test('is the wall-clock time on a quiet machine, also of a unit that waits for a process of its own', () => {
    const units = [unitOf(9, 9.5), unitOf(0.01, 3)];
    expect(undisturbedUnits(units)).toBe(units);
  });

  test('stays long for a unit that waited for a process of its own on a shared machine', () => {
    expect(wallsOf(undisturbedUnits([unitOf(10, 20), unitOf(0.01, 8)]))).toEqual([10, 2]);
  });

  test('is the wall-clock time on backends that compute on threads and devices of their own', () => {
    const units = [unitOf(1, 4, 'webgpu'), unitOf(1, 4, 'tensorflow')];
    expect(wallsOf(undisturbedUnits(units))).toEqual([4, 4]);
  });
});
