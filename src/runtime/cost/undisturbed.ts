import { type MeasuredUnit, weightedMedian } from './measured.ts';

/** Runs whose units took less than this more than their processor time are taken as they are. */
const quiet = 1.5;

/**
 * The wall-clock seconds that the units of one run would have taken without other programs, in place of those that they took. If the machine was
 * shared, short units waited for their turn up to ten times as long as long ones, so that their times say little about a run on a quiet machine, and
 * about each other. On wasm a unit computes in one thread, and its processor seconds do not change much. A unit that took far longer than the
 * others waits for a process of its own, such as a model in Python: it counts by its wall-clock time. Other backends compute on threads or devices that
 * the processor time of a worker does not show, so their units are left as they are.
 */
export function undisturbedUnits(units: readonly MeasuredUnit[]): readonly MeasuredUnit[] {
  const ofCpu = units.filter(({ backend, cpu, wall }) => backend === 'wasm' && cpu > 0 && wall > 0);
  const load = weightedMedian(ofCpu.map(({ cpu, wall }) => ({ value: wall / cpu, weight: cpu }))) ?? 1;
  if (load < quiet) return units;
  return units.map((unit) => {
    const { backend, cpu, wall } = unit;
    return backend === 'wasm' ? { ...unit, wall: Math.min(wall, Math.max(cpu, wall / load ** 2)) } : unit;
  });
}
