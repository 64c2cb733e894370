import type { Graph } from '../../dsl/graph.ts';
import { sha256 } from '../digest.ts';
import { createDurations, type Durations } from './durations.ts';
import type { TaskFailure } from '../executor.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import { createReadyQueue } from './ready-queue.ts';
import type { Outputs } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import { bindInputs, isPerImage, layOut, references, unitPreimage } from '../plan/units.ts';
import type { Unit } from '../plan/units.ts';

/** What the schedule tells of its progress. */
export interface ScheduleListener {
  /** A unit is in the store now: computed (`reused` false), or found there once its key was known. */
  readonly committed: (
    planned: PlannedCell,
    shard: number,
    unit: Unit,
    reused: boolean,
    peakBytes: number,
  ) => void;
  /** All units of a cell are in the store; comes again where a damaged one was made anew. */
  readonly finished: (planned: PlannedCell) => void;
  /** A cell has turned out to be impossible. The listener is to call `fail`. */
  readonly impossible: (planned: PlannedCell, failure: TaskFailure) => void;
  /** A committed unit was damaged and runs again. */
  readonly healing: (planned: PlannedCell, shard: number) => void;
}

/** Which units can run, from what is in the store: the executor's memory, without clock, processes or events. */
export interface Schedule {
  /** The next unit to compute, most urgent first; null where all wait or nothing is left. */
  readonly next: () => { readonly planned: PlannedCell; readonly shard: number; readonly unit: Unit } | null;
  readonly hasReady: () => boolean;
  /** Puts a unit back whose worker was lost. */
  readonly again: (planned: PlannedCell, shard: number) => void;
  /** Puts a unit back that has to wait for an input that is being healed. */
  readonly wait: (unit: Unit) => void;
  readonly commit: (planned: PlannedCell, shard: number, outputs: Outputs, result: CommitResult) => void;
  /** Marks a cell as failed and everything that depends on it as blocked. Returns how many are blocked by it. */
  readonly fail: (planned: PlannedCell) => number;
  /** Sends the makers of damaged objects back to work, then the unit that found them. */
  readonly heal: (planned: PlannedCell, shard: number, digests: readonly string[]) => void;
  readonly isActive: (planned: PlannedCell) => boolean;
  readonly mustRecompute: (planned: PlannedCell, unit: Unit) => boolean;
  readonly allFinished: () => boolean;
  /** Announces what the plan found finished and queues what it found ready. */
  readonly begin: () => void;
}

export interface CommitResult {
  readonly seconds: number;
  readonly reused: boolean;
  readonly peakBytes: number;
}

type Status = 'active' | 'finished' | 'failed' | 'blocked';

export function createSchedule(graph: Graph, plan: Plan, store: Store, listener: ScheduleListener): Schedule {
  const { cells } = plan;
  const queue = createReadyQueue();
  const durations = createDurations();
  const status: Status[] = new Array<Status>(cells.length).fill('active');
  /** Units of each cell that are not in the store. */
  const remaining = new Int32Array(cells.length);
  /** Unfinished cells that each cell reads. */
  const pending = new Int32Array(cells.length);
  const recompute = new Set<Unit>();
  const depths = new Map(graph.stages.map((stage, index) => [stage.id, index]));
  const settled: (() => void)[] = [];
  let consumers: number[][] | null = null;

  const consumersOf = (index: number): readonly number[] => {
    consumers ??= findConsumers(cells);
    return consumers[index]!;
  };

  /** Settles one thing after the other, as each may settle others: no recursion as deep as the graph. */
  const settle = (action: () => void): void => {
    settled.push(action);
    if (settled.length > 1) return;
    for (let next = settled[0]; next !== undefined; next = settled[0]) {
      next();
      settled.shift();
    }
  };

  const enqueue = (planned: PlannedCell, shard: number): void => {
    queue.push(priorityOf(planned, shard), planned.index, shard);
  };

  /**
   * Whole units first, for they are the long ones that one worker has to do alone; then quick ones, so that first results, and mistakes in
   * them, are seen before hours of attacks; then the stage nearest to the end.
   */
  const priorityOf = (planned: PlannedCell, shard: number): number => {
    const rank = graph.stages.length - (depths.get(planned.cell.stage) ?? 0);
    const group = planned.sharded ? 1 + durations.classOf(planned) : 0;
    return group * 1e15 + rank * 1e10 + planned.index * 1e4 + shard;
  };

  const tryReady = (planned: PlannedCell, shard: number): void => {
    const unit = planned.units[shard];
    if (unit?.state !== 'waits' || status[planned.index] !== 'active') return;
    if (!planned.sharded && pending[planned.index]! > 0) return;
    const inputs = bindInputs(cells, planned, unit);
    if (typeof inputs === 'number') return;
    unit.key = sha256(unitPreimage(planned, unit, inputs));
    const record = planned.forced || recompute.has(unit) ? null : store.readRecord(unit.key);
    if (record === null) {
      unit.state = 'run';
      enqueue(planned, shard);
    } else commit(planned, shard, record.outputs, { seconds: record.seconds, reused: true, peakBytes: 0 });
  };

  const commit = (planned: PlannedCell, shard: number, outputs: Outputs, result: CommitResult): void => {
    const unit = planned.units[shard]!;
    unit.state = 'reuse';
    unit.outputs = outputs;
    unit.seconds = result.seconds;
    durations.observe(planned, result.seconds);
    recompute.delete(unit);
    remaining[planned.index]!--;
    listener.committed(planned, shard, unit, result.reused, result.peakBytes);
    settle(() => propagate(planned, unit));
  };

  const propagate = (planned: PlannedCell, unit: Unit): void => {
    if (status[planned.index] !== 'active') return;
    const complete = remaining[planned.index] === 0;
    if (complete && !finish(planned)) return;
    for (const index of consumersOf(planned.index)) {
      const consumer = cells[index]!;
      if (status[index] !== 'active') continue;
      if (complete) pending[index]!--;
      if (!planned.sharded && !layOutAgain(consumer)) continue;
      if (!consumer.sharded || complete) {
        for (let shard = 0; shard < consumer.units.length; shard++) tryReady(consumer, shard);
        continue;
      }
      const size = consumer.settings.shard;
      const last = Math.min(consumer.units.length, Math.ceil((unit.first + unit.count) / size));
      for (let shard = Math.floor(unit.first / size); shard < last; shard++) tryReady(consumer, shard);
    }
  };

  const finish = (planned: PlannedCell): boolean => {
    const odd = differingOutput(planned);
    if (odd !== null) {
      const message = `${planned.cell.uses} made another '${odd}' in one shard than in the first; an output that is no list over images must not depend on the shard`;
      listener.impossible(planned, { code: 'stage', message });
      return false;
    }
    status[planned.index] = 'finished';
    listener.finished(planned);
    return true;
  };

  /** Cuts a cell anew whose number of images was an estimate, and those after it. False where that fails it. */
  const layOutAgain = (consumer: PlannedCell): boolean => {
    if (!consumer.sharded || consumer.exact) return true;
    const { images, units } = consumer;
    const problem = layOut(cells, consumer);
    if (problem !== null) {
      listener.impossible(consumer, { code: 'bad-data', message: problem });
      return false;
    }
    // Units of a cell with two estimates may be under way in part: the same cut must stay the same objects.
    if (consumer.images === images && units.length === consumer.units.length) consumer.units = units;
    else remaining[consumer.index] = consumer.units.length;
    for (const next of consumersOf(consumer.index)) if (status[next] === 'active') layOutAgain(cells[next]!);
    return true;
  };

  const heal = (planned: PlannedCell, shard: number, digests: readonly string[]): void => {
    const unit = planned.units[shard]!;
    unit.state = 'waits';
    unit.key = null;
    const bad = new Set(digests);
    for (const { cell, port } of references(planned.cell)) {
      const producer = cells[cell]!;
      producer.units.forEach((made, index) => {
        const parts = made.outputs?.[port] ?? [];
        const isBad = parts.some(({ digest }) => bad.has(digest));
        if (!isBad && !parts.some(({ needs }) => needs?.some(({ digest }) => bad.has(digest)))) return;
        listener.healing(producer, index);
        made.outputs = null;
        made.state = 'waits';
        // Where only what it names is bad, its record is whole again once the maker of that has run.
        if (isBad) recompute.add(made);
        if (remaining[cell] === 0) {
          status[cell] = 'active';
          for (const consumer of consumersOf(cell)) pending[consumer]!++;
        }
        remaining[cell]!++;
        settle(() => tryReady(producer, index));
      });
    }
    settle(() => tryReady(planned, shard));
  };

  return {
    commit,
    heal,
    again: enqueue,
    hasReady: () => queue.size() > 0,
    isActive: (planned) => status[planned.index] === 'active',
    mustRecompute: (planned, unit) => planned.forced || recompute.has(unit),
    allFinished: () => cells.every((planned, index) => planned === null || status[index] === 'finished'),
    wait(unit) {
      unit.state = 'waits';
    },
    next() {
      for (let top = queue.pop(); top !== null; top = queue.pop()) {
        const planned = cells[top.cell]!;
        const shard = top.unit;
        const unit = planned.units[shard];
        if (status[planned.index] !== 'active' || unit?.state !== 'run') continue;
        // It may have turned out to be slow while it waited.
        if (priorityOf(planned, shard) <= top.priority) return { planned, shard, unit };
        enqueue(planned, shard);
      }
      return null;
    },
    fail(planned) {
      status[planned.index] = 'failed';
      let blocked = 0;
      const stack = [...consumersOf(planned.index)];
      for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
        if (status[next] !== 'active') continue;
        status[next] = 'blocked';
        blocked++;
        stack.push(...consumersOf(next));
      }
      return blocked;
    },
    begin() {
      for (const planned of cells) {
        if (planned !== null)
          remaining[planned.index] = planned.units.filter(({ state }) => state !== 'reuse').length;
      }
      if (plan.totals.run > 0) {
        countPending(cells, remaining, pending);
        observeReused(cells, durations);
      }
      for (const planned of cells) {
        if (planned === null) continue;
        if (planned.failure !== null) listener.impossible(planned, planned.failure);
        else if (remaining[planned.index] === 0) finish(planned);
        else if (status[planned.index] === 'active') {
          planned.units.forEach((unit, shard) => {
            if (unit.state === 'run') enqueue(planned, shard);
          });
        }
      }
    },
  };
}

function findConsumers(cells: Plan['cells']): number[][] {
  const consumers: number[][] = cells.map(() => []);
  for (const planned of cells) {
    if (planned === null) continue;
    for (const index of producersOf(planned)) consumers[index]!.push(planned.index);
  }
  return consumers;
}

function countPending(cells: Plan['cells'], remaining: Int32Array, pending: Int32Array): void {
  for (const planned of cells) {
    if (planned === null) continue;
    for (const index of producersOf(planned)) if (remaining[index]! > 0) pending[planned.index]!++;
  }
}

function observeReused(cells: Plan['cells'], durations: Durations): void {
  for (const planned of cells) {
    if (planned === null) continue;
    for (const { state, seconds } of planned.units) {
      if (state === 'reuse') durations.observe(planned, seconds);
    }
  }
}

function producersOf(planned: PlannedCell): ReadonlySet<number> {
  return new Set(references(planned.cell).map(({ cell }) => cell));
}

/** Name of an output that is no list over images and yet differs between the shards of a cell. */
function differingOutput(planned: PlannedCell): string | null {
  if (planned.units.length < 2) return null;
  for (const port of Object.keys(planned.stage.out)) {
    if (isPerImage(planned, port)) continue;
    const first = planned.units[0]!.outputs?.[port]?.[0]?.digest;
    if (planned.units.some((unit) => unit.outputs?.[port]?.[0]?.digest !== first)) return port;
  }
  return null;
}
