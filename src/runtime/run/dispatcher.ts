import type { Graph } from '../../dsl/graph.ts';
import type { Executor, TaskFailure, TaskMessage, TaskOutcome } from '../executor.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import { readResult } from '../plan/stored-result.ts';
import { bindInputs } from '../plan/units.ts';
import type { Unit } from '../plan/units.ts';
import type { Claims } from '../store/claims.ts';
import { storedResult } from '../store/record.ts';
import type { CommitRecord } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import type { Reporter } from './reporter.ts';
import { beginAttempt, nextStep, untried } from './retry-policy.ts';
import type { UnitHistory } from './retry-policy.ts';
import type { ReadyUnit, Schedule } from './schedule.ts';
import type { StopSwitch } from './stop-switch.ts';
import { makeTask } from './tasks.ts';
import { createWaitingRoom } from './waiting-room.ts';
import type { WaitingRoom } from './waiting-room.ts';

export interface DispatcherParts {
  readonly graph: Graph;
  readonly plan: Plan;
  readonly store: Store;
  readonly schedule: Schedule;
  readonly executor: Executor;
  readonly claims: Claims;
  readonly reporter: Reporter;
  readonly stopSwitch: StopSwitch;
  /** Whether nothing may start until `resume`. */
  readonly isPaused: () => boolean;
  /** Fails the cell of a unit for good. */
  readonly fail: (planned: PlannedCell, shard: number, failure: TaskFailure, attempts: number) => void;
}

/** A task that the executor has and that has not ended. */
interface Flight {
  readonly ready: ReadyUnit;
  readonly key: string;
}

/** Hands ready units to the executor for as long as it takes them, and acts on what becomes of each. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #elsewhere: WaitingRoom;
  readonly #flights = new Map<number, Flight>();
  readonly #histories = new Map<Unit, UnitHistory>();
  #nextTask = 1;
  #isRunning = false;
  #end: () => void = () => undefined;

  constructor(parts: DispatcherParts) {
    const { claims, store, schedule, reporter } = parts;
    this.#parts = parts;
    const recordOf = ({ planned, unit }: ReadyUnit): CommitRecord | null =>
      readResult(store, planned.stage, unit.key!);
    this.#elsewhere = createWaitingRoom(claims, recordOf, {
      waiting: (ready, holder) => reporter.waitingFor(ready, holder),
      found: ({ planned, shard }, record) => {
        if (schedule.isActive(planned))
          schedule.commit(planned, shard, { ...storedResult(record), peakBytes: 0 });
        else schedule.drop(planned.units[shard]!);
        this.#submitReady();
      },
      freed: ({ planned, shard }) => {
        if (schedule.isActive(planned)) schedule.putBack(planned, shard);
        else {
          claims.release(planned.units[shard]!.key!);
          schedule.drop(planned.units[shard]!);
        }
        this.#submitReady();
      },
    });
    parts.executor.listen((message, worker) => this.#receive(message, worker));
  }

  /**
   * Resolves when nothing is left to do, when what was running at an
   * interruption has ended, or at once after a kill.
   */
  async run(): Promise<void> {
    const { executor, stopSwitch } = this.#parts;
    const { drain, kill } = stopSwitch;
    const onDrain = (): void => {
      executor.drain?.();
      this.#submitReady();
    };
    await new Promise<void>((resolve) => {
      this.#isRunning = true;
      this.#end = () => {
        this.#isRunning = false;
        resolve();
      };
      const onKill = (): void => {
        executor.kill();
        this.#end();
      };
      drain?.addEventListener('abort', onDrain, { once: true });
      kill?.addEventListener('abort', onKill, { once: true });
      if (kill?.aborted === true) onKill();
      else this.#submitReady();
    });
    // A kill still counts until the executor is closed; a drain no longer does.
    drain?.removeEventListener('abort', onDrain);
    this.#elsewhere.close();
  }

  /** Lets the units of cells that were taken up again be tried as often as at first, and starts what can start. */
  retry(cells: readonly PlannedCell[]): void {
    const inFlight = new Set([...this.#flights.values()].map(({ ready }) => ready.unit));
    for (const unit of cells.flatMap(({ units }) => units)) {
      const { batchLimit } = this.#historyOf(unit);
      if (!inFlight.has(unit)) this.#histories.set(unit, { ...untried, batchLimit });
    }
    this.#submitReady();
  }

  /** Starts what was not started while the run was paused. */
  resume(): void {
    this.#submitReady();
  }

  /** Ends the tasks of cells that nobody wants any more, so that their workers are free for others. */
  cancel(cells: readonly PlannedCell[]): void {
    const { claims, executor, schedule } = this.#parts;
    const cancelled = new Set(cells);
    const tasks: number[] = [];
    for (const [task, { ready, key }] of this.#flights) {
      if (!cancelled.has(ready.planned)) continue;
      this.#flights.delete(task);
      claims.release(key);
      tasks.push(task);
    }
    if (tasks.length > 0) executor.cancel?.(tasks);
    for (const planned of cells) {
      this.#elsewhere.forget(planned);
      for (const unit of planned.units) schedule.drop(unit);
    }
    this.#submitReady();
  }

  #submitReady(): void {
    const { executor, schedule, stopSwitch, isPaused } = this.#parts;
    if (!this.#isRunning) return;
    while (!stopSwitch.isOff && !isPaused() && executor.capacity() > 0) {
      const ready = schedule.next();
      if (ready === null) break;
      this.#submit(ready);
    }
    const isIdle = !schedule.hasReady() && this.#elsewhere.size() === 0;
    if (this.#flights.size === 0 && (stopSwitch.isOff || isIdle)) this.#end();
  }

  #submit(ready: ReadyUnit): void {
    const { graph, plan, schedule, executor } = this.#parts;
    const { planned, unit } = ready;
    const inputs = bindInputs(plan.cells, planned, unit);
    if (typeof inputs === 'number') {
      // One of its inputs is being computed again: the unit comes back when that one is committed.
      schedule.waitForInputs(unit);
      return;
    }
    const recompute = schedule.mustRecompute(planned, unit);
    if (!recompute && !this.#elsewhere.admit(ready)) return;
    const history = beginAttempt(this.#historyOf(unit));
    this.#histories.set(unit, history);
    const task = makeTask(graph, this.#nextTask++, ready, inputs, recompute, history.batchLimit);
    this.#flights.set(task.id, { ready, key: task.key });
    executor.submit(task);
  }

  #receive(message: TaskMessage, worker: number): void {
    const flight = this.#flights.get(message.id);
    if (flight === undefined) {
      // Its cell was cancelled, and what computed it is free now.
      if (isOutcome(message)) this.#submitReady();
      return;
    }
    if (isOutcome(message)) {
      this.#flights.delete(message.id);
      this.#parts.claims.release(flight.key);
      this.#conclude(flight.ready, message);
      this.#submitReady();
    } else {
      const { attempts } = this.#historyOf(flight.ready.unit);
      this.#parts.reporter.progress(flight.ready, attempts, message, worker);
    }
  }

  #conclude(ready: ReadyUnit, outcome: TaskOutcome): void {
    const { schedule, reporter, store, fail } = this.#parts;
    const { planned, unit, shard } = ready;
    const history = this.#historyOf(unit);
    const { retry } = planned.settings;
    const step = nextStep(outcome, history, { retry, images: unit.count, cacheFolder: store.folder });
    switch (step.do) {
      case 'commit':
        schedule.commit(planned, shard, step.result);
        break;
      case 'put-back':
        this.#histories.set(unit, step.history);
        schedule.putBack(planned, shard);
        break;
      case 'recompute-inputs':
        this.#histories.set(unit, step.history);
        schedule.recomputeInputs(planned, shard, step.digests);
        break;
      case 'retry':
        if (!schedule.isActive(planned)) {
          // Another shard has failed the cell meanwhile.
          schedule.drop(unit);
          fail(planned, shard, step.because, history.attempts);
          break;
        }
        this.#histories.set(unit, step.history);
        reporter.retrying(ready, history.attempts, step.because, step.smallerBatch);
        schedule.putBack(planned, shard);
        break;
      case 'fail':
        schedule.drop(unit);
        fail(planned, shard, step.failure, history.attempts);
    }
  }

  #historyOf(unit: Unit): UnitHistory {
    return this.#histories.get(unit) ?? untried;
  }
}

function isOutcome(message: TaskMessage): message is TaskOutcome {
  switch (message.type) {
    case 'committed':
    case 'failed':
    case 'returned':
    case 'damaged':
    case 'lost':
      return true;
    default:
      return false;
  }
}
