import type { RunEvent } from '../runtime/events.ts';
import {
  shortSeconds,
  type CellState,
  type DashboardState,
  type History,
  type KindState,
  type UnitSums,
  type WorkerState,
} from './state.ts';

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

const noUnits: UnitSums = { units: 0, images: 0, seconds: 0, busySeconds: 0 };

/** The kinds with one more, of which nothing is measured. */
export function kindOf(
  kinds: DashboardState['kinds'],
  name: string,
  { uses, work }: Event<'cell-planned'>,
): DashboardState['kinds'] {
  const kind: KindState = {
    uses,
    work: work ?? null,
    measured: 0,
    cold: noUnits,
    warm: noUnits,
    workers: [],
    found: 0,
  };
  return new Map(kinds).set(name, kind);
}

/** The share of its weight that a unit keeps with each later one, because code becomes faster as it is compiled. */
const kept = 0.93;

export function committedKind(
  kinds: DashboardState['kinds'],
  { kind: name, expectedShare }: CellState,
  worker: number,
  event: Event<'shard-committed'>,
): DashboardState['kinds'] {
  const kind = kinds.get(name);
  if (kind === undefined) return kinds;
  if (event.reused)
    return new Map(kinds).set(name, { ...kind, found: kind.found + (expectedShare < 1 ? 0 : 1) });
  const isFirst = !kind.workers.includes(worker);
  const old = isFirst ? kind.cold : kind.warm;
  const own = ownSeconds(event);
  const sums: UnitSums = {
    units: kept * old.units + 1,
    images: kept * old.images + event.images,
    seconds: kept * old.seconds + own.seconds,
    busySeconds: kept * old.busySeconds + own.busySeconds,
  };
  return new Map(kinds).set(name, {
    ...kind,
    measured: kind.measured + 1,
    ...(isFirst ? { cold: sums, workers: [...kind.workers, worker] } : { warm: sums }),
  });
}

/** The opening of the backend is paid once by each worker, and says nothing of the units that follow. */
function ownSeconds({ seconds, time }: Event<'shard-committed'>): Pick<UnitSums, 'seconds' | 'busySeconds'> {
  if (time === undefined || time.wall <= 0) return { seconds, busySeconds: seconds };
  const own = Math.max(0, time.wall - time.open);
  return { seconds: own, busySeconds: Math.min(own, (time.cpu * own) / time.wall) };
}

/** The time in which what a unit says of the load loses two thirds of its weight. */
const loadMs = 45_000;
/** A unit that took this many times its processor time did not wait for a processor, but for something else. */
const mostLoad = 15;

export function committedLoad(
  load: DashboardState['load'],
  event: Event<'shard-committed'>,
): DashboardState['load'] {
  const { seconds, busySeconds } = ownSeconds(event);
  if (event.reused || seconds > mostLoad * busySeconds) return load;
  const length = busySeconds < shortSeconds ? 'short' : 'long';
  const old = load[length];
  const kept = Math.exp(Math.min(0, old.at - event.at) / loadMs);
  const sums = {
    at: event.at,
    seconds: kept * old.seconds + seconds,
    busySeconds: kept * old.busySeconds + busySeconds,
  };
  return { ...load, [length]: sums };
}

/** A worker that pauses longer has had nothing to do. */
const longestPauseMs = 300;

export function startedWorker(
  workers: DashboardState['workerStates'],
  { worker, at }: Event<'shard-started'>,
  shard: string,
): DashboardState['workerStates'] {
  const old: WorkerState = workers.get(worker) ?? {
    shard: null,
    since: at,
    shards: 0,
    images: 0,
    seconds: 0,
    cpuSeconds: 0,
    peakBytes: 0,
    pauses: 0,
    pauseMs: 0,
  };
  const pause = at - old.since;
  const isShort = old.shards > 0 && old.shard === null && pause >= 0 && pause < longestPauseMs;
  return new Map(workers).set(worker, {
    ...old,
    shard,
    since: at,
    pauses: old.pauses + (isShort ? 1 : 0),
    pauseMs: old.pauseMs + (isShort ? pause : 0),
  });
}

export function committedWorker(
  workers: DashboardState['workerStates'],
  worker: number,
  { at, images, seconds, time, peakBytes }: Event<'shard-committed'>,
): DashboardState['workerStates'] {
  const old = workers.get(worker);
  if (old === undefined) return workers;
  return new Map(workers).set(worker, {
    ...old,
    shard: null,
    since: at,
    shards: old.shards + 1,
    images: old.images + images,
    seconds: old.seconds + seconds,
    cpuSeconds: old.cpuSeconds + (time?.cpu ?? 0),
    peakBytes: Math.max(old.peakBytes, peakBytes),
  });
}

/** Periods of a history. Once there are as many, neighbours are merged, so that any run fits. */
const mostPeriods = 240;

export function committedHistory(history: History, elapsedMs: number, images: number): History {
  let { periodMs, images: counts } = history;
  let index = Math.max(0, Math.floor(elapsedMs / periodMs));
  while (index >= mostPeriods) {
    periodMs *= 2;
    counts = merged(counts);
    index = Math.floor(elapsedMs / periodMs);
  }
  const copy = Array.from({ length: Math.max(counts.length, index + 1) }, (_, period) => counts[period] ?? 0);
  copy[index]! += images;
  return { periodMs, images: copy };
}

function merged(counts: readonly number[]): readonly number[] {
  return Array.from(
    { length: Math.ceil(counts.length / 2) },
    (_, index) => counts[2 * index]! + (counts[2 * index + 1] ?? 0),
  );
}
