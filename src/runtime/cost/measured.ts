import type { RunEvent, UnitWork } from '../events.ts';
import { secondsOf } from './rates.ts';
import type { ObservedUnits } from './speeds.ts';

/** A unit that was computed in an earlier run. */
export interface MeasuredUnit {
  readonly uses: string;
  readonly work: UnitWork | null;
  readonly images: number;
  /** Processor seconds, without those of opening the backend. */
  readonly cpu: number;
  /** Wall-clock seconds, without those of opening the backend. */
  readonly wall: number;
  /** Highest resident memory of the worker up to then. */
  readonly peakBytes: number;
  readonly backend: string;
  readonly host: string;
}

/** The events that units are read from. */
export const measuredEvents = ['run-started', 'cell-planned', 'shard-committed'] as const;

/** The units of a run that have times. */
export function measuredUnits(events: Iterable<RunEvent>): MeasuredUnit[] {
  const cells = new Map<string, { readonly uses: string; readonly work: UnitWork | null }>();
  const units: MeasuredUnit[] = [];
  let backend = '';
  let host = '';
  for (const event of events) {
    if (event.type === 'run-started') ({ backend, host } = event);
    if (event.type === 'cell-planned') cells.set(event.cell, { uses: event.uses, work: event.work ?? null });
    if (event.type !== 'shard-committed' || event.reused || event.time === undefined) continue;
    const cell = cells.get(event.cell);
    if (cell === undefined) continue;
    const { wall, cpu, open } = event.time;
    const share = wall > 0 ? Math.max(0, 1 - open / wall) : 1;
    const { images, peakBytes } = event;
    units.push({ ...cell, images, cpu: cpu * share, wall: wall * share, peakBytes, backend, host });
  }
  return units;
}

/** A unit that took this many times longer than its processor time and the load explain has waited for another process or a device. */
export const longestWait = 15;

/**
 * Units of earlier runs by kind, for estimates of time: the median of what they took without other programs, which is their processor time, or their
 * wall-clock time if they waited for something else than a processor.
 */
export function observedUnits(units: readonly MeasuredUnit[], run: string): readonly ObservedUnits[] {
  const load = weightedMedian(
    units.flatMap(({ wall, cpu }) => (cpu > 0 ? [{ value: wall / cpu, weight: cpu }] : [])),
  );
  const kinds = new Map<string, MeasuredUnit[]>();
  for (const unit of units) {
    const { wall, cpu } = unit;
    const isWait = wall > longestWait * Math.max(1, load ?? 1) * cpu;
    push(kinds, `${unit.uses} ${unit.work?.alike ?? ''}`, {
      ...unit,
      cpu: isWait ? wall : Math.min(cpu, wall),
    });
  }
  return [...kinds.values()].map((alike) => {
    const images = alike.reduce((sum, unit) => sum + unit.images, 0) / alike.length;
    const { uses, work } = alike[0]!;
    return {
      uses,
      work,
      images,
      seconds: byImages(alike, images),
      units: alike.length,
      isCold: false,
      run,
    };
  });
}

/** How an estimate is known, from the surest to the least sure. */
export type Basis = 'measured' | 'scaled' | 'default' | 'assumed' | 'unknown';

export interface UnitEstimate {
  /** Null if unknown. */
  readonly seconds: number | null;
  readonly basis: Basis;
}

/**
 * Estimates units from measured ones. A unit takes the seconds of its operations by `secondsPer`, times the median of what
 * measured units of its kind took in relation to that: of units that are alike but for the number of images, or else of all
 * units of its stage type. A stage type that does not say what it does is estimated by the images of its measured units.
 */
export class Calibration {
  readonly #secondsPer: Readonly<Record<string, number>>;
  readonly #alike = new Map<string, MeasuredUnit[]>();
  readonly #uses = new Map<string, MeasuredUnit[]>();
  readonly #factors = new Map<readonly MeasuredUnit[], number | null>();

  constructor(units: readonly MeasuredUnit[], secondsPer: Readonly<Record<string, number>>) {
    this.#secondsPer = secondsPer;
    for (const unit of units) {
      push(this.#uses, unit.uses, unit);
      if (unit.work !== null) push(this.#alike, unit.work.alike, unit);
    }
  }

  /** Measured units of a stage type. */
  unitsOf(uses: string): readonly MeasuredUnit[] {
    return this.#uses.get(uses) ?? [];
  }

  estimate(uses: string, work: UnitWork | null, images: number): UnitEstimate {
    const alike = work === null ? undefined : this.#alike.get(work.alike);
    const all = this.#uses.get(uses);
    const nominal = work === null ? null : secondsOf(work, images, this.#secondsPer);
    if (nominal !== null) {
      for (const [units, basis] of [
        [alike, 'measured'],
        [all, 'scaled'],
      ] as const) {
        const factor = units === undefined ? null : this.#factor(units);
        if (factor !== null) return { seconds: nominal * factor, basis };
      }
      return { seconds: nominal, basis: 'default' };
    }
    if (alike !== undefined) return { seconds: byImages(alike, images), basis: 'measured' };
    if (work !== null) {
      const seconds = this.#byUnknownOperation(all ?? [], work, images);
      return seconds === null ? { seconds, basis: 'unknown' } : { seconds, basis: 'scaled' };
    }
    // Nothing says how their time grows with anything but images, and images of unknown size are none of a known one.
    const others = all?.filter((unit) => unit.work === null) ?? [];
    if (others.length > 0) return { seconds: byImages(others, images), basis: 'scaled' };
    return { seconds: null, basis: 'unknown' };
  }

  /**
   * The seconds of measured units that do an operation without a rate, such as the defense of a plugin, in proportion to how much
   * of it this unit does; null if none of them does it. Units without it would say nothing of its time.
   */
  #byUnknownOperation(units: readonly MeasuredUnit[], work: UnitWork, images: number): number | null {
    const names = [...Object.keys(work.perImage), ...Object.keys(work.perUnit)];
    for (const name of names.filter((own) => !(own in this.#secondsPer))) {
      const each = units.flatMap((unit) => {
        const amount = unit.work === null ? 0 : amountOf(unit.work, unit.images, name);
        return amount > 0 ? [{ value: unit.cpu / amount, weight: amount }] : [];
      });
      const seconds = weightedMedian(each);
      if (seconds !== null) return seconds * amountOf(work, images, name);
    }
    return null;
  }

  /** The median of measured over nominal seconds, where a unit counts by its nominal seconds. */
  #factor(units: readonly MeasuredUnit[]): number | null {
    let factor = this.#factors.get(units);
    if (factor === undefined) {
      const ratios = units.flatMap(({ work, images, cpu }) => {
        const nominal = work === null ? null : secondsOf(work, images, this.#secondsPer);
        return nominal === null || nominal <= 0 ? [] : [{ value: cpu / nominal, weight: nominal }];
      });
      factor = weightedMedian(ratios);
      this.#factors.set(units, factor);
    }
    return factor;
  }
}

/** How much of an operation a unit with this number of images does. */
function amountOf({ perImage, perUnit }: UnitWork, images: number, name: string): number {
  return (perUnit[name] ?? 0) + images * (perImage[name] ?? 0);
}

/** The median of seconds per image, times the images; of seconds per unit if the units have no images. */
function byImages(units: readonly MeasuredUnit[], images: number): number {
  const each = (unit: MeasuredUnit): number => Math.max(1, unit.images);
  const perImage = weightedMedian(
    units.map((unit) => ({ value: unit.cpu / each(unit), weight: each(unit) })),
  );
  return perImage! * Math.max(1, images);
}

/** The smallest value up to which half of the weight lies; null if there is none. */
export function weightedMedian(
  values: readonly { readonly value: number; readonly weight: number }[],
): number | null {
  const sorted = [...values].sort((a, b) => a.value - b.value);
  const half = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let sum = 0;
  for (const { value, weight } of sorted) {
    sum += weight;
    if (sum >= half) return value;
  }
  return null;
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
