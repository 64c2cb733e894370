import { Speeds, type ObservedUnits, type Prediction } from '../runtime/cost/speeds.ts';
import {
  shortSeconds,
  type CellState,
  type DashboardState,
  type KindState,
  type LoadState,
  type RunningShard,
} from './state.ts';
import { at, items } from './vector.ts';

/** The name of this run among those of the observed units. */
const thisRun = 'now';
/** A running shard that says how far it is counts as a measured one from this share on, and for as much of one as it has done. */
const leastShare = 0.1;
/** Processor seconds by which a load is drawn towards what else is known. */
const weakSeconds = 0.1;

/** Images of each unit of a cell, on average. */
export function imagesOfUnit({ images, shards }: CellState): number {
  return images / Math.max(1, shards.total);
}

/**
 * The share of its time that a running shard has behind it, by what it says; 0 if that is not known. An attack counts the images of one of its passes
 * over them, and may make many.
 */
export function shareDone({ done, total, unit }: RunningShard, { uses }: CellState): number {
  const isTime = total > 0 && !(unit === 'images' && uses.startsWith('attack/'));
  return isTime ? Math.min(1, done / total) : 0;
}

/** Knowledge of the time of units before any of them ran. */
export interface Prior {
  /** Seconds of one operation, by its name. */
  readonly secondsPer: Readonly<Record<string, number>>;
  /** Units of earlier runs on this machine. */
  readonly earlier: readonly ObservedUnits[];
}

interface Counts {
  units: number;
  found: number;
}

/** The seconds that units will take, by the rates, by earlier runs and by what was measured in this one. */
export class Expectations {
  readonly #kinds: DashboardState['kinds'];
  readonly #speeds: Speeds;
  readonly #uses = new Map<string, Counts>();
  /** The relation of wall-clock to processor seconds of the last units. */
  readonly #load: { readonly short: number; readonly long: number };
  readonly #workers: number;
  /** Units of each kind that have not ended. */
  readonly #left = new Map<string, number>();
  /** Kinds of units whose time is not that of a processor. */
  readonly #waiting = new Set<string>();
  readonly #meanUnit: number | null;
  readonly #predictions = new Map<string, Prediction>();
  readonly #counted: { readonly seconds: number; readonly feature: Prediction['feature'] }[] = [];
  readonly isKnown: boolean;

  constructor(state: DashboardState, now: number, prior: Prior) {
    this.#kinds = state.kinds;
    const observed: ObservedUnits[] = [...prior.earlier];
    let [seconds, units] = [0, 0];
    this.#load = loadsOf(state.load);
    this.#workers = Math.max(1, state.workers);
    for (const { kind, shards } of items(state.cells))
      this.#left.set(kind, (this.#left.get(kind) ?? 0) + shards.total - shards.done);
    for (const [name, kind] of state.kinds) {
      const counts = this.#uses.get(kind.uses) ?? { units: 0, found: 0 };
      this.#uses.set(kind.uses, { units: counts.units + kind.measured, found: counts.found + kind.found });
      seconds += kind.cold.seconds + kind.warm.seconds;
      units += kind.measured;
      if (kind.measured === 0) continue;
      const sums = kind.warm.units > 0 ? kind.warm : kind.cold;
      if (waits(kind, this.#load.short)) this.#waiting.add(name);
      observed.push(
        observedOf(
          kind,
          sums.images,
          waits(kind, this.#load.short) ? sums.seconds : sums.busySeconds,
          sums.units,
        ),
      );
    }
    for (const shard of state.running.values()) {
      const cell = at(state.cells, shard.cell)!;
      const kind = state.kinds.get(cell.kind);
      const share = shareDone(shard, cell);
      const elapsed = Math.max(0, now - shard.startedAt) / 1000;
      if (share >= leastShare && kind !== undefined)
        observed.push({
          ...observedOf(kind, imagesOfUnit(cell), elapsed / share / this.#loadOf(cell.kind, elapsed), 1),
          units: share,
        });
    }
    this.#meanUnit = units === 0 ? null : seconds / units;
    this.#speeds = new Speeds(prior.secondsPer, observed);
    this.isKnown =
      units > 0 || [...state.kinds.keys()].some((name) => this.#predict(name, 1).seconds !== null);
  }

  /** Expected seconds of a unit. `mayBeFound` counts that some results are found and not computed. */
  secondsOf(name: string, images: number, mayBeFound = true): number {
    const { seconds } = this.#predict(name, images);
    const own = seconds === null ? (this.#meanUnit ?? 1) : seconds * this.#loadOf(name, seconds);
    return own * (mayBeFound ? this.#shareComputed(name) : 1);
  }

  /** Counts seconds that are left, of a kind of units or of one whose time only the load changes. */
  count(name: string | null, images: number, seconds: number): void {
    if (seconds > 0)
      this.#counted.push({
        seconds,
        feature: name === null ? new Map() : this.#predict(name, images).feature,
      });
  }

  /** The standard deviation of the logarithm of all that was counted. `chance` is the variance of work that may not have to be done, in s². */
  deviation(chance: number): number {
    const total = this.#counted.reduce((sum, { seconds }) => sum + seconds, 0);
    return total === 0 ? 0 : Math.sqrt(this.#speeds.deviationOf(this.#counted) ** 2 + chance / total ** 2);
  }

  /** The share of the units of a kind that are left which will be the first on their worker. */
  #coldShare(name: string, { workers }: KindState): number {
    return Math.max(0, this.#workers - workers.length) / Math.max(this.#workers, this.#left.get(name) ?? 0);
  }

  #loadOf(name: string, seconds: number): number {
    if (this.#waiting.has(name)) return 1;
    return seconds < shortSeconds ? this.#load.short : this.#load.long;
  }

  #predict(name: string, images: number): Prediction {
    const key = `${images} ${name}`;
    let prediction = this.#predictions.get(key);
    if (prediction === undefined) {
      const kind = this.#kinds.get(name);
      prediction =
        kind === undefined
          ? { seconds: null, feature: new Map() }
          : this.#speeds.predict(kind.uses, kind.work, images, thisRun, this.#coldShare(name, kind));
      this.#predictions.set(key, prediction);
    }
    return prediction;
  }

  #shareComputed(name: string): number {
    const sums = this.#uses.get(this.#kinds.get(name)?.uses ?? '');
    return sums === undefined ? 1 : 1 - sums.found / (sums.found + sums.units + 2);
  }
}

/** 1 before any unit has ended; what is not known of one length is taken from the other. */
function loadsOf({ short, long }: DashboardState['load']): { readonly short: number; readonly long: number } {
  const known = (seconds: number, busySeconds: number): number =>
    Math.max(1, (seconds + weakSeconds) / (busySeconds + weakSeconds));
  const all = known(short.seconds + long.seconds, short.busySeconds + long.busySeconds);
  const towards = ({ seconds, busySeconds }: LoadState): number =>
    Math.max(1, (seconds + all * weakSeconds) / (busySeconds + weakSeconds));
  return { short: towards(short), long: towards(long) };
}

/** Whether units take a time that has nothing to do with the load, since they wait for another process or a device. */
function waits({ cold, warm }: KindState, load: number): boolean {
  const seconds = cold.seconds + warm.seconds;
  const busySeconds = cold.busySeconds + warm.busySeconds;
  return seconds > 15 * load * busySeconds;
}

function observedOf(
  { uses, work, warm }: KindState,
  images: number,
  seconds: number,
  units: number,
): ObservedUnits {
  return {
    uses,
    work,
    images: images / units,
    seconds: seconds / units,
    units,
    isCold: warm.units === 0,
    run: thisRun,
  };
}
