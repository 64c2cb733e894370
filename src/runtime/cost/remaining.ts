/** A cell of a run that has not ended, as far as its time is concerned. */
export interface OpenCell {
  /** Units that nobody works on yet. */
  readonly units: number;
  /** Expected wall-clock seconds of each of them. */
  readonly seconds: number;
  /** Expected seconds until the units that run now have ended. */
  readonly running: readonly number[];
  /** The open cells that have to end before its units can start, by their index. */
  readonly after: readonly number[];
}

/** Beyond this number of units the end is bounded and not simulated. */
const mostUnits = 20_000;

/**
 * Seconds until all cells have ended, if each unit takes what is expected of it: the schedule of a run that gives each free
 * worker the unit that can start and that begins the longest chain, as a run that prefers whole units nearly does (list scheduling, R. L. Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math.
 * 17, 1969). So a training that everything waits for keeps one worker busy and the others idle. A very large run gets the lower
 * bound of that paper: the work over the workers, or the longest chain of units that wait for each other.
 */
export function secondsUntilEnd(cells: readonly OpenCell[], workers: number): number {
  const steps = secondsUntilEndInSteps(cells, workers, Infinity);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same, which stops after every `unitsAtATime` units, so that something else can be done before it goes on. */
export function* secondsUntilEndInSteps(
  cells: readonly OpenCell[],
  workers: number,
  unitsAtATime: number,
): Generator<void, number> {
  const units = cells.reduce((sum, cell) => sum + cell.units + cell.running.length, 0);
  return units > mostUnits
    ? lowerBound(cells, workers)
    : yield* simulated(cells, Math.max(1, workers), unitsAtATime);
}

/** The work over the workers, but at least the longest chain. Cells come after those that they wait for, as in a plan. */
export function lowerBound(cells: readonly OpenCell[], workers: number): number {
  const ends = new Float64Array(cells.length);
  let work = 0;
  let longest = 0;
  cells.forEach((cell, index) => {
    const start = cell.after.reduce((latest, before) => Math.max(latest, ends[before]!), 0);
    const own = Math.max(cell.units > 0 ? cell.seconds : 0, ...cell.running);
    ends[index] = start + own;
    longest = Math.max(longest, ends[index]);
    work += cell.units * cell.seconds + cell.running.reduce((sum, seconds) => sum + seconds, 0);
  });
  return Math.max(longest, work / Math.max(1, workers));
}

function* simulated(
  cells: readonly OpenCell[],
  workers: number,
  unitsAtATime: number,
): Generator<void, number> {
  const left = cells.map(({ units, running }) => units + running.length);
  const waiting = cells.map(({ after }) => after.length);
  const dependents: number[][] = cells.map(() => []);
  cells.forEach(({ after }, index) => after.forEach((before) => dependents[before]!.push(index)));
  const unstarted = cells.map(({ units }) => units);
  const chains = chainsFrom(cells, dependents);
  const ready = new EarliestFirst();
  const busy = new EarliestFirst();
  const isReady = (index: number): void => {
    if (left[index] === 0) end(index);
    else if (unstarted[index]! > 0) ready.add(-chains[index]!, index);
  };
  const ended: number[] = [];
  const end = (index: number): void => void ended.push(index);
  const settle = (): void => {
    for (let index = ended.pop(); index !== undefined; index = ended.pop())
      for (const dependent of dependents[index]!) if (--waiting[dependent]! === 0) isReady(dependent);
  };
  cells.forEach((cell, index) => {
    for (const seconds of cell.running) busy.add(seconds, index);
    if (cell.after.length === 0) isReady(index);
  });
  if (cells.length > unitsAtATime) yield;
  let now = 0;
  /** Units that have ended. */
  let done = 0;
  for (;;) {
    settle();
    while (ready.size > 0 && busy.size < workers) {
      const [key, index] = ready.take();
      busy.add(now + cells[index]!.seconds, index);
      if (--unstarted[index]! > 0) ready.add(key, index);
    }
    if (busy.size === 0) return now;
    const [time, index] = busy.take();
    now = Math.max(now, time);
    if (--left[index]! === 0) end(index);
    if (++done % unitsAtATime === 0) yield;
  }
}

/** Seconds of the longest chain of units that wait for each other, from each cell on. */
function chainsFrom(cells: readonly OpenCell[], dependents: readonly (readonly number[])[]): Float64Array {
  const chains = new Float64Array(cells.length);
  for (let index = cells.length - 1; index >= 0; index--) {
    const { units, seconds, running } = cells[index]!;
    const next = dependents[index]!.reduce((longest, later) => Math.max(longest, chains[later]!), 0);
    chains[index] = Math.max(units > 0 ? seconds : 0, ...running) + next;
  }
  return chains;
}

/** A binary heap of times with what ends then. */
class EarliestFirst {
  readonly #heap: [time: number, index: number][] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(time: number, index: number): void {
    const heap = this.#heap;
    let at = heap.push([time, index]) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]![0] <= heap[at]![0]) return;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  take(): readonly [time: number, index: number] {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) heap[0] = last;
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && heap[child]![0] < heap[least]![0]) least = child;
      if (least === at) return first;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}
