import { secondsUntilEndInSteps, type OpenCell } from '../runtime/cost/remaining.ts';
import { Expectations, imagesOfUnit, shareDone, type Prior } from './expectations.ts';
import type { CellState, DashboardState, RunningShard } from './state.ts';
import { OptionalCells } from './optional-cells.ts';
import { at, items } from './vector.ts';

const rateWindowMs = 30_000;

/** Images finished per second over the last 30 s, in all stages together; null before the first shard. */
export function imageRate(state: DashboardState, now: number): number | null {
  const samples = state.recent.filter((sample) => sample.at > now - rateWindowMs);
  if (samples.length === 0) return null;
  const images = samples.reduce((sum, sample) => sum + sample.images, 0);
  const from = Math.max(state.startedAt ?? samples[0]!.at, now - rateWindowMs);
  return images === 0 ? null : images / Math.max(1, (now - from) / 1000);
}

/** Seconds since the run began; constant once it has ended. */
export function elapsedSeconds(state: DashboardState, now: number): number {
  if (state.finished !== null) return state.finished.seconds;
  return state.startedAt === null ? 0 : Math.max(0, now - state.startedAt) / 1000;
}

export type { Prior } from './expectations.ts';

export const noPrior: Prior = { secondsPer: {}, earlier: [] };

/** Wall-clock seconds until the end, and the range in which it lies in about four of five cases. */
export interface Remaining {
  readonly seconds: number;
  readonly low: number;
  readonly high: number;
}

export interface Estimator {
  /** Null while nothing is known, and once the run has ended. */
  remaining(state: DashboardState, now: number): Remaining | null;
}

/**
 * An estimate is made again after a second, and for every thousand cells after one more, since it looks at all of them; in between it
 * counts down.
 */
const freshMs = ({ cells }: DashboardState): number => Math.max(1000, cells.length);

/** A frame of a screen looks at no more cells to say how long the run still takes: some milliseconds. */
export const cellsPerFrame = 1000;

/**
 * Estimates how long a run still takes. Each unit takes the processor time that `Speeds` expects of it, times how much longer than that units took in the
 * last minute, since other programs share the machine. The end then follows from the order in which cells wait for each other, and the number of
 * workers.
 *
 * After the first estimate, a call looks at `cellsAtATime` cells at most, so that a screen with many of them draws no frame late;
 * meanwhile the last estimate counts down.
 */
export function createEstimator(prior: Prior = noPrior, cellsAtATime = Infinity): Estimator {
  interface Making {
    readonly at: number;
    readonly run: string;
    readonly steps: ReturnType<typeof estimateInSteps>;
  }
  let made: { readonly at: number; readonly run: string; readonly remaining: Remaining | null } | null = null;
  let making: Making | null = null;
  return {
    remaining: (state, now) => {
      if (state.finished !== null || state.startedAt === null) return null;
      const { run } = state;
      // A recording may go back in time, and then nothing that was made before is of use.
      if (made?.run !== run || now < made.at) [made, making] = [null, null];
      if (making === null && (made === null || now - made.at >= freshMs(state)))
        making = { at: now, run, steps: estimateInSteps(state, now, prior, cellsAtATime) };
      while (making !== null) {
        const step = making.steps.next();
        if (step.done === true) [made, making] = [{ at: making.at, run, remaining: step.value }, null];
        else if (made !== null) break;
      }
      if (made === null) return null;
      return made.remaining === null ? null : countDown(made.remaining, (now - made.at) / 1000);
    },
  };
}

function countDown({ seconds, low, high }: Remaining, passed: number): Remaining {
  const left = (value: number): number => Math.max(0, value - passed);
  return { seconds: left(seconds), low: left(low), high: left(high) };
}

/** The relative standard deviation of the speed of the machine: other programs come and go. */
const loadSpread = 0.2;
/** The range of four of five cases, in standard deviations. */
const quantile = 1.28;

function* estimateInSteps(
  state: DashboardState,
  now: number,
  prior: Prior,
  cellsAtATime: number,
): Generator<void, Remaining | null> {
  const expected = new Expectations(state, now, prior);
  const cells: OpenCell[] = [];
  const indices = new Map<number, number>();
  const optional = new OptionalCells(items(state.cells));
  let chance = 0;
  const pause = pauseOf(state);
  const runningOf = groupByCell(state.running);
  for (let position = 0; position < state.cells.length; position++) {
    if (position % cellsAtATime === 0 && state.cells.length > cellsAtATime) yield;
    const cell = at(state.cells, position)!;
    const running = (runningOf.get(position) ?? []).map((shard) => restOf(shard, cell, now, expected));
    const units = isOpen(cell) ? Math.max(0, cell.shards.total - cell.shards.done - running.length) : 0;
    if (units === 0 && running.length === 0) continue;
    // Before anything is known, only shards that say how far they are can be judged.
    const isJudged =
      units === 0 && (runningOf.get(position) ?? []).every((shard) => shareDone(shard, cell) > 0);
    if (!expected.isKnown && !isJudged) return null;
    const isOptional = cell.expectedShare < 1;
    const share = optional.shareOf(cell);
    const whole = expected.secondsOf(cell.kind, imagesOfUnit(cell), !isOptional);
    const seconds = pause + share * whole;
    chance += share * (1 - share) * (units * whole) ** 2;
    indices.set(position, cells.length);
    cells.push({ units, seconds, running, after: openReads(cell, position, indices) });
    expected.count(cell.kind, imagesOfUnit(cell), units * seconds);
    // A shard that says how far it is is known as well as the load.
    for (const [index, shard] of (runningOf.get(position) ?? []).entries())
      expected.count(shareDone(shard, cell) > 0 ? null : cell.kind, imagesOfUnit(cell), running[index]!);
  }
  if (state.cells.length > cellsAtATime) yield;
  const seconds = yield* secondsUntilEndInSteps(cells, state.workers, cellsAtATime);
  const spread = Math.exp(quantile * Math.hypot(loadSpread, expected.deviation(chance)));
  return { seconds, low: seconds / spread, high: seconds * spread };
}

/** Mean seconds between two shards of a worker that has work. */
function pauseOf({ workerStates }: DashboardState): number {
  let [pauses, ms] = [0, 0];
  for (const worker of workerStates.values()) {
    pauses += worker.pauses;
    ms += worker.pauseMs;
  }
  return pauses === 0 ? 0 : ms / pauses / 1000;
}

function isOpen({ status }: CellState): boolean {
  return status === 'waiting' || status === 'running' || status === 'partly';
}

/** The open cells that a cell reads. Ranges of a damaged ledger may name any cells, but none that come later. */
function openReads(cell: CellState, position: number, indices: ReadonlyMap<number, number>): number[] {
  const open: number[] = [];
  for (const [first, last] of cell.reads)
    for (let read = first; read <= Math.min(last, position - 1); read++) {
      const index = indices.get(read);
      if (index !== undefined) open.push(index);
    }
  return open;
}

function groupByCell(running: DashboardState['running']): ReadonlyMap<number, readonly RunningShard[]> {
  const groups = new Map<number, RunningShard[]>();
  for (const shard of running.values()) groups.set(shard.cell, [...(groups.get(shard.cell) ?? []), shard]);
  return groups;
}

/**
 * Seconds until a running shard ends. What it says of its progress counts for more, the further it is. A shard that takes longer
 * than expected is taken to need a quarter of its time again.
 */
function restOf(shard: RunningShard, cell: CellState, now: number, expected: Expectations): number {
  const elapsed = Math.max(0, now - shard.startedAt) / 1000;
  const whole = expected.secondsOf(cell.kind, imagesOfUnit(cell), false);
  const byTime = Math.max(whole - elapsed, elapsed / 4);
  const share = shareDone(shard, cell);
  if (share <= 0) return byTime;
  const left = shard.total - shard.done;
  const overall = (left * elapsed) / shard.done;
  const { at: since, done } = shard.before;
  // The latest speed, so that other programs that come and go are noticed.
  const recent = shard.done > done ? (left * (now - since)) / 1000 / (shard.done - done) : overall;
  const weight = Math.min(1, share * 4);
  return weight * Math.sqrt(overall * recent) + (1 - weight) * byTime;
}
