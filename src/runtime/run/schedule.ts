import type { Graph } from '../../dsl/graph.ts';
import { sha256 } from '../digest.ts';
import type { UnitTime } from '../events.ts';
import type { TaskFailure } from '../executor.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import { readResult } from '../plan/stored-result.ts';
import { bindInputs, isPerImage, layOut, references, unitPreimage } from '../plan/units.ts';
import type { Unit } from '../plan/units.ts';
import { storedResult } from '../store/record.ts';
import type { OutputPart, Outputs } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import { createActionQueue } from './action-queue.ts';
import { CellStates } from './cell-states.ts';
import { createDurations } from './durations.ts';
import type { Durations } from './durations.ts';
import { openPriority } from './priority.ts';
import type { Priority } from './priority.ts';
import { createReadyQueue } from './ready-queue.ts';

/** A unit whose inputs are all in the store. */
export interface ReadyUnit {
  readonly planned: PlannedCell;
  readonly shard: number;
  readonly unit: Unit;
}

export interface CommitResult {
  readonly outputs: Outputs;
  readonly seconds: number;
  /** The unit was found in the store, or another run committed it. */
  readonly reused: boolean;
  /** The warnings of the stage when it was computed, if it is reused. */
  readonly warnings?: readonly string[];
  readonly peakBytes: number;
  readonly time?: UnitTime;
}

/** The events of the schedule's progress. */
export interface ScheduleListener {
  /** A unit is in the store now: it was computed, or found there once its key was known. */
  readonly committed: (ready: ReadyUnit, result: CommitResult) => void;
  /** All units of a cell are in the store. Reported again after a damaged unit has been computed again. */
  readonly finished: (planned: PlannedCell) => void;
  /** A cell has turned out to be impossible. The listener has to call `fail`. */
  readonly impossible: (planned: PlannedCell, failure: TaskFailure) => void;
  /** A committed unit was damaged and will be computed again. */
  readonly recomputing: (planned: PlannedCell, shard: number) => void;
}

/**
 * Knows which units can run, from what is in the store, and gives them out by priority. It has no clock,
 * starts no process and emits no event.
 */
export class Schedule {
  readonly #cells: Plan['cells'];
  readonly #store: Pick<Store, 'readRecord'>;
  readonly #listener: ScheduleListener;
  readonly #states: CellStates;
  readonly #durations: Durations = createDurations();
  readonly #priorityOf: Priority;
  readonly #queue = createReadyQueue();
  /**
   * Units that have to be computed although the store may have a record
   * of them, because that one was damaged.
   */
  readonly #damaged = new Set<Unit>();
  /** Units in the queue, and those that were taken from it and have come to no end yet. */
  readonly #queued = new Set<Unit>();
  readonly #taken = new Set<Unit>();
  readonly #queueAction = createActionQueue();

  constructor(
    graph: Pick<Graph, 'stages'>,
    plan: Plan,
    store: Pick<Store, 'readRecord'>,
    listener: ScheduleListener,
  ) {
    this.#cells = plan.cells;
    this.#store = store;
    this.#listener = listener;
    this.#states = new CellStates(plan.cells);
    this.#priorityOf = openPriority(graph.stages, this.#durations);
    if (plan.totals.run > 0) this.#observeReused();
  }

  /** Reports what the plan found to be finished or impossible, and queues what it found ready. */
  begin(): void {
    for (const planned of this.#cells) {
      if (planned === null) continue;
      if (planned.failure !== null) this.#listener.impossible(planned, planned.failure);
      else if (this.#states.isComplete(planned.index)) this.#finish(planned);
      else if (this.isActive(planned)) {
        planned.units.forEach((unit, shard) => {
          if (unit.state === 'run') this.putBack(planned, shard);
        });
      }
    }
  }

  hasReady(): boolean {
    return this.#queue.size() > 0;
  }

  /** Takes the most urgent unit; null if nothing is ready now. */
  next(): ReadyUnit | null {
    for (let top = this.#queue.pop(); top !== null; top = this.#queue.pop()) {
      const planned = this.#cells[top.cell]!;
      const shard = top.unit;
      const unit = planned.units[shard];
      if (unit === undefined || !this.#queued.delete(unit)) continue;
      if (!this.isActive(planned) || unit.state !== 'run') continue;
      // Its cell may have turned out to be slow while the unit waited.
      if (this.#priorityOf(planned, shard) <= top.priority) {
        this.#taken.add(unit);
        return { planned, shard, unit };
      }
      this.putBack(planned, shard);
    }
    return null;
  }

  /** Queues a unit that was taken and not computed. */
  putBack(planned: PlannedCell, shard: number): void {
    const unit = planned.units[shard]!;
    this.#taken.delete(unit);
    if (this.#queued.has(unit)) return;
    this.#queued.add(unit);
    this.#queue.push(this.#priorityOf(planned, shard), planned.index, shard);
  }

  /** Lets a unit that was taken wait for an input that is being computed again. */
  waitForInputs(unit: Unit): void {
    this.#taken.delete(unit);
    unit.state = 'waits';
  }

  /** Nobody computes a unit any more that was taken, and it is not wanted back. */
  drop(unit: Unit): void {
    this.#taken.delete(unit);
  }

  isActive(planned: PlannedCell): boolean {
    return this.#states.isActive(planned.index);
  }

  hasFailed(planned: PlannedCell): boolean {
    return this.#states.hasFailed(planned.index);
  }

  /** Whether it is a part that only cancelled cells would have needed. */
  isUnneeded(planned: PlannedCell): boolean {
    return this.#states.isUnneeded(planned.index);
  }

  allFinished(): boolean {
    return this.#states.allFinished();
  }

  /** Whether the unit has to be computed even if the store has a record of its key. */
  mustRecompute(planned: PlannedCell, unit: Unit): boolean {
    return planned.forced || this.#damaged.has(unit);
  }

  commit(planned: PlannedCell, shard: number, result: CommitResult): void {
    const unit = planned.units[shard]!;
    this.#taken.delete(unit);
    unit.state = 'reuse';
    unit.outputs = result.outputs;
    unit.seconds = result.seconds;
    unit.warnings = result.warnings ?? [];
    this.#durations.observe(planned, result.seconds);
    this.#damaged.delete(unit);
    this.#states.unitCommitted(planned.index);
    this.#listener.committed({ planned, shard, unit }, result);
    this.#queueAction(() => this.#propagate(planned, unit));
  }

  /** Marks a cell as failed and what depends on it as blocked. Returns the number of blocked cells. */
  fail(planned: PlannedCell): number {
    return this.#states.fail(planned.index);
  }

  /** Gives up the parts that serve nothing but a failed cell and what that blocks, and returns them. */
  releaseParts(planned: PlannedCell): readonly PlannedCell[] {
    return this.#states.releaseParts(planned.index).map((index) => this.#cells[index]!);
  }

  /** Marks failed cells as active, with all that was given up because of them. Returns the cells that can finish again. */
  retry(failed: readonly PlannedCell[]): readonly PlannedCell[] {
    return this.#states.retry(failed.map(({ index }) => index)).map((index) => this.#cells[index]!);
  }

  /** Queues the units of the cells that `retry` has returned. */
  takeUp(cells: readonly PlannedCell[]): void {
    this.#queueAction(() => {
      for (const planned of cells) this.#takeUp(planned);
    });
  }

  /**
   * Computes the units again that made these damaged objects, and then
   * the unit that found them to be damaged.
   */
  recomputeInputs(planned: PlannedCell, shard: number, digests: readonly string[]): void {
    const unit = planned.units[shard]!;
    this.#taken.delete(unit);
    unit.state = 'waits';
    unit.key = null;
    const damaged = new Set(digests);
    for (const { cell, port } of references(planned.cell)) {
      const producer = this.#cells[cell]!;
      producer.units.forEach((made, index) =>
        this.#loseIfDamaged(producer, index, made.outputs?.[port], damaged),
      );
    }
    this.#queueAction(() => this.#tryReady(planned, shard));
  }

  /** Computes the units of a finished cell again that made these damaged objects. */
  recomputeOutputs(planned: PlannedCell, digests: readonly string[]): void {
    const damaged = new Set(digests);
    planned.units.forEach((made, index) => {
      const parts = Object.values(made.outputs ?? {}).flat();
      this.#loseIfDamaged(planned, index, parts, damaged);
    });
  }

  #loseIfDamaged(
    producer: PlannedCell,
    index: number,
    parts: readonly OutputPart[] = [],
    damaged: ReadonlySet<string>,
  ): void {
    const made = producer.units[index]!;
    const isDamaged = parts.some(({ digest }) => damaged.has(digest));
    if (!isDamaged && !parts.some(({ needs }) => needs?.some(({ digest }) => damaged.has(digest)))) return;
    this.#listener.recomputing(producer, index);
    made.outputs = null;
    made.state = 'waits';
    // If only an object that the output names is damaged, its record is valid again once that one has been made.
    if (isDamaged) this.#damaged.add(made);
    this.#states.unitLost(producer.index);
    this.#queueAction(() => this.#tryReady(producer, index));
  }

  #observeReused(): void {
    for (const planned of this.#cells) {
      if (planned === null) continue;
      for (const { state, seconds } of planned.units) {
        if (state === 'reuse') this.#durations.observe(planned, seconds);
      }
    }
  }

  /** Queues the units of a cell that nobody has: its inputs may have come, and results been committed, while it was given up. */
  #takeUp(planned: PlannedCell): void {
    if (!this.#layOutAgain(planned)) return;
    if (planned.units.length > 0 && this.#states.isComplete(planned.index)) this.#finish(planned);
    planned.units.forEach((unit, shard) => {
      if (unit.state === 'run' && !this.#taken.has(unit)) this.putBack(planned, shard);
      else if (unit.state === 'waits') this.#queueAction(() => this.#tryReady(planned, shard));
    });
  }

  /** Queues a waiting unit if its inputs are known, or commits it if the store has its key. */
  #tryReady(planned: PlannedCell, shard: number): void {
    const unit = planned.units[shard];
    if (unit?.state !== 'waits' || !this.isActive(planned)) return;
    if (!planned.sharded && !this.#states.hasAllInputs(planned.index)) return;
    const inputs = bindInputs(this.#cells, planned, unit);
    if (typeof inputs === 'number') return;
    unit.key = sha256(unitPreimage(planned, unit, inputs));
    const record = this.mustRecompute(planned, unit)
      ? null
      : readResult(this.#store, planned.stage, unit.key);
    if (record === null) {
      unit.state = 'run';
      this.putBack(planned, shard);
    } else {
      this.commit(planned, shard, { ...storedResult(record), peakBytes: 0 });
    }
  }

  /** Follows a new result to the units that were waiting for it. */
  #propagate(planned: PlannedCell, unit: Unit): void {
    if (!this.isActive(planned)) return;
    const complete = this.#states.isComplete(planned.index);
    if (complete && !this.#finish(planned)) return;
    for (const index of this.#states.consumersOf(planned.index)) {
      const consumer = this.#cells[index]!;
      // A finished cell counts too: one of its results may turn out to be damaged later.
      if (complete) this.#states.inputFinished(index);
      if (!this.isActive(consumer)) continue;
      if (!planned.sharded && !this.#layOutAgain(consumer)) continue;
      let first = 0;
      let end = consumer.units.length;
      if (consumer.sharded && !complete) {
        const size = consumer.settings.shard;
        first = Math.floor(unit.first / size);
        end = Math.min(end, Math.ceil((unit.first + unit.count) / size));
      }
      for (let shard = first; shard < end; shard++) this.#tryReady(consumer, shard);
    }
  }

  /** Returns false if the cell turns out to be impossible instead. */
  #finish(planned: PlannedCell): boolean {
    const output = differingOutput(planned);
    if (output !== null) {
      const message = `output '${output}' of ${planned.cell.uses} differs between shards; an output that is not a list over images must be the same in every shard`;
      this.#listener.impossible(planned, { code: 'stage', message });
      return false;
    }
    this.#states.finish(planned.index);
    this.#listener.finished(planned);
    return true;
  }

  /**
   * Cuts a cell into units again if its number of images was an estimate, and then the cells that read it.
   * Returns false if the cell turns out to be impossible.
   */
  #layOutAgain(consumer: PlannedCell): boolean {
    if (!consumer.sharded || consumer.exact) return true;
    const { images, units } = consumer;
    const problem = layOut(this.#cells, consumer);
    if (problem !== null) {
      this.#listener.impossible(consumer, { code: 'bad-data', message: problem });
      return false;
    }
    // Some units of a cell with two estimates may be under way: if the cut is the same, they must stay the
    // same objects.
    if (consumer.images === images && units.length === consumer.units.length) consumer.units = units;
    else this.#states.unitsReplaced(consumer.index, consumer.units.length);
    for (const index of this.#states.consumersOf(consumer.index)) {
      const next = this.#cells[index]!;
      if (this.isActive(next)) this.#layOutAgain(next);
    }
    return true;
  }
}

/** Name of an output that is not a list over images and yet differs between the shards of a cell. */
function differingOutput(planned: PlannedCell): string | null {
  if (planned.units.length < 2) return null;
  for (const port of Object.keys(planned.stage.out)) {
    if (isPerImage(planned, port)) continue;
    const first = planned.units[0]!.outputs?.[port]?.[0]?.digest;
    if (planned.units.some((unit) => unit.outputs?.[port]?.[0]?.digest !== first)) return port;
  }
  return null;
}
