import type { RunEvent } from '../runtime/events.ts';
import type { CellState, DashboardState, History, KindState, WorkerState } from './state.ts';

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/** The kinds with one more, of which nothing is measured. */
export function kindOf(
  kinds: DashboardState['kinds'],
  name: string,
  { uses, work }: Event<'cell-planned'>,
): DashboardState['kinds'] {
  return new Map(kinds).set(name, { uses, work: work ?? null, measured: 0, images: 0, seconds: 0, found: 0 });
}

export function committedKind(
  kinds: DashboardState['kinds'],
  { kind: name, expectedShare }: CellState,
  { reused, images, seconds, time }: Event<'shard-committed'>,
): DashboardState['kinds'] {
  const kind = kinds.get(name);
  if (kind === undefined) return kinds;
  // The opening of the backend is paid once by each worker, and says nothing of the units that follow.
  const own = time === undefined ? seconds : Math.max(0, time.wall - time.open);
  const changed: KindState = reused
    ? { ...kind, found: kind.found + (expectedShare < 1 ? 0 : 1) }
    : { ...kind, measured: kind.measured + 1, images: kind.images + images, seconds: kind.seconds + own };
  return new Map(kinds).set(name, changed);
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
