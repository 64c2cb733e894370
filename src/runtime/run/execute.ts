import { hostname } from 'node:os';
import type { Graph } from '../../dsl/graph.ts';
import { openClaims } from '../store/claims.ts';
import type { Claims } from '../store/claims.ts';
import type { Failure, RunEvent, RunEventBody } from '../events.ts';
import type { Executor, TaskFailure, TaskMessage, TaskOutcome } from '../executor.ts';
import { lastKeysPath, writeLastKeys } from '../plan/last-keys.ts';
import { appendLog, logPath } from './ledger.ts';
import { countShards } from '../plan/plan-json.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import { openPublisher } from './publish.ts';
import { createSchedule } from './schedule.ts';
import type { Store } from '../store/store.ts';
import { isRetried, makeTask, smallerBatch } from './tasks.ts';
import { bindInputs } from '../plan/units.ts';
import type { Unit } from '../plan/units.ts';
import { createWaitingRoom } from './waiting-room.ts';
import type { ReadyUnit, WaitingRoom } from './waiting-room.ts';

export interface ExecuteRequest {
  readonly graph: Graph;
  /** Used up: the executor goes on from its states. */
  readonly plan: Plan;
  readonly store: Store;
  readonly run: string;
  /** Name of the tensor backend, for people. */
  readonly backend: string;
  readonly workers: number;
  /** Called once, and only if there is something to compute. */
  readonly openExecutor: () => Promise<Executor>;
  readonly emit: (event: RunEvent) => void;
  /** Overrides `onError` of every stage: `--keep-going`, `--fail-fast`. */
  readonly onError?: 'stop' | 'continue';
  /** Once aborted, nothing is started; what runs is finished. */
  readonly drain?: AbortSignal;
  /** Once aborted, workers are killed. */
  readonly kill?: AbortSignal;
}

export interface RunSummary {
  readonly status: 'ok' | 'failed' | 'interrupted';
  readonly totals: Extract<RunEvent, { type: 'run-finished' }>['totals'];
  readonly seconds: number;
  readonly failures: readonly { readonly cell: string; readonly failure: Failure }[];
  /** A cell with `onError: stop` failed, or the disk did, so that the run ended early. */
  readonly stopped: boolean;
}

/** A unit that sends its inputs to be made again more often than this has something else wrong. */
const mostHeals = 5;

/**
 * Brings a plan to its end: computes units on the executor as their inputs become known, looks each new key up in the
 * store first, retries lost workers, heals damaged inputs by running their makers again, and reports everything as
 * events. A failure of a cell is an event, never an exception.
 */
export async function execute(request: ExecuteRequest): Promise<RunSummary> {
  const { graph, store, plan } = request;
  const startedAt = Date.now();
  const emit = (body: RunEventBody): void => request.emit({ v: 1, at: Date.now(), ...body });
  const log = (cell: string, text: string): void => appendLog(logPath(store.folder, request.run, cell), text);
  const publisher = openPublisher(graph, store);
  const publishing: Promise<void>[] = [];
  const flights = new Map<number, ReadyUnit & { readonly key: string }>();
  const attempts = new Map<Unit, number>();
  const heals = new Map<Unit, number>();
  const batchLimits = new Map<Unit, number>();
  const ranSeconds = new Map<number, number>();
  const announced = new Set<PlannedCell>();
  const failures: { cell: string; failure: Failure }[] = [];
  const counts = { ran: 0, failed: 0 };
  let executor: Executor | null = null;
  let claims: Claims | null = null;
  let elsewhere: WaitingRoom | null = null;
  let nextTask = 1;
  let stopped = false;
  let resolveEnd: () => void = () => undefined;
  const interrupted = (): boolean => request.drain?.aborted === true || request.kill?.aborted === true;
  const draining = (): boolean => stopped || interrupted();

  const failCell = (planned: PlannedCell, shard: number, failure: TaskFailure, tries: number): void => {
    counts.failed++;
    if (!schedule.isActive(planned)) return;
    const { stack, batch: _batch, ...rest } = failure;
    const { id } = planned.cell;
    log(id, `shard ${shard}: ${stack ?? failure.message}\n`);
    const path = logPath(store.folder, request.run, id);
    const full: Failure = { ...rest, at: planned.graphStage.at, log: path, attempts: tries };
    failures.push({ cell: id, failure: full });
    emit({ type: 'cell-failed', cell: id, shard, failure: full, blocked: schedule.fail(planned) });
    const policy = request.onError ?? planned.settings.onError;
    if (policy === 'stop' || failure.code === 'storage') stopped = true;
  };

  const announce = (planned: PlannedCell): void => {
    const ran = ranSeconds.get(planned.index);
    const total = planned.units.reduce((sum, unit) => sum + unit.seconds, 0);
    emit({
      type: 'cell-finished',
      cell: planned.cell.id,
      reused: ran === undefined,
      seconds: ran ?? 0,
      savedSeconds: Math.max(0, total - (ran ?? 0)),
      keys: planned.units.map((unit) => unit.key!),
    });
  };

  const publishCell = async (planned: PlannedCell): Promise<void> => {
    const cell = planned.cell.id;
    try {
      for (const path of await publisher.publish(planned)) emit({ type: 'published', cell, path });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      emit({ type: 'warning', cell, message: `could not publish: ${message}` });
    }
    announce(planned);
  };

  const schedule = createSchedule(graph, plan, store, {
    committed(planned, shard, unit, reused, peakBytes) {
      if (!reused) {
        counts.ran++;
        ranSeconds.set(planned.index, (ranSeconds.get(planned.index) ?? 0) + unit.seconds);
      }
      let bytes = 0;
      for (const parts of Object.values(unit.outputs!)) for (const part of parts) bytes += part.bytes;
      const images = planned.sharded ? unit.count : planned.images;
      const { seconds } = unit;
      const cell = planned.cell.id;
      emit({
        type: 'shard-committed',
        cell,
        shard,
        key: unit.key!,
        reused,
        images,
        seconds,
        bytes,
        peakBytes,
      });
    },
    finished(planned) {
      if (announced.has(planned)) return;
      announced.add(planned);
      if (planned.graphStage.publish.length === 0) announce(planned);
      else publishing.push(publishCell(planned));
    },
    impossible: (planned, failure) => failCell(planned, 0, failure, 0),
    healing(planned, shard) {
      const message = `a result of shard ${shard} was damaged and is made again`;
      emit({ type: 'warning', cell: planned.cell.id, message });
    },
  });

  const pump = (): void => {
    while (!draining() && executor !== null && executor.capacity() > 0) {
      const ready = schedule.next();
      if (ready === null) break;
      const { planned, unit, shard } = ready;
      const inputs = bindInputs(plan.cells, planned, unit);
      if (typeof inputs === 'number') {
        // A maker of its inputs is being healed: it comes back when that one has committed.
        schedule.wait(unit);
        continue;
      }
      const recompute = schedule.mustRecompute(planned, unit);
      if (!recompute && elsewhere?.admit(ready) === false) continue;
      attempts.set(unit, (attempts.get(unit) ?? 0) + 1);
      const limit = batchLimits.get(unit) ?? null;
      const task = makeTask(graph, nextTask++, ready, inputs, recompute, limit);
      flights.set(task.id, { planned, unit, shard, key: task.key });
      executor.submit(task);
    }
    const isIdle = !schedule.hasReady() && (elsewhere?.size() ?? 0) === 0;
    if (flights.size === 0 && (draining() || isIdle)) resolveEnd();
  };

  const receive = (message: TaskMessage, worker: number): void => {
    const flight = flights.get(message.id);
    if (flight === undefined) return;
    const { planned, shard, unit } = flight;
    const cell = planned.cell.id;
    switch (message.type) {
      case 'started':
        emit({ type: 'shard-started', cell, shard, worker, attempt: attempts.get(unit) ?? 1 });
        break;
      case 'progress': {
        const { done, total, unit: counted } = message;
        emit({ type: 'shard-progress', cell, shard, done, total, unit: counted });
        break;
      }
      case 'metric': {
        const axes = { ...planned.cell.axes, ...message.axes };
        emit({ type: 'metric', cell, name: message.name, value: message.value, axes });
        break;
      }
      case 'warning':
        emit({ type: 'warning', cell, message: message.message });
        break;
      case 'log':
        log(cell, `${message.message}\n`);
        emit({ type: 'log', cell, shard, message: message.message });
        break;
      case 'output':
        log(cell, message.message);
        break;
      default:
        flights.delete(message.id);
        claims?.release(flight.key);
        conclude(planned, shard, unit, message);
        pump();
    }
  };

  const conclude = (planned: PlannedCell, shard: number, unit: Unit, outcome: TaskOutcome): void => {
    const tries = attempts.get(unit) ?? 1;
    if (outcome.type === 'committed') {
      schedule.commit(planned, shard, outcome.outputs, outcome);
      return;
    }
    if (outcome.type === 'returned') {
      attempts.set(unit, tries - 1);
      schedule.again(planned, shard);
      return;
    }
    if (outcome.type === 'damaged') {
      const times = (heals.get(unit) ?? 0) + 1;
      heals.set(unit, times);
      attempts.set(unit, tries - 1);
      if (times <= mostHeals) schedule.heal(planned, shard, outcome.digests);
      else {
        const message = `its inputs were damaged ${times} times in a row; the disk under ${store.folder} cannot be trusted`;
        failCell(planned, shard, { code: 'storage', message }, tries);
      }
      return;
    }
    const failure: TaskFailure =
      outcome.type === 'failed' ? outcome.failure : { code: outcome.cause, message: outcome.message };
    const { max } = planned.settings.retry;
    const smaller = smallerBatch(unit, outcome, batchLimits.get(unit) ?? null);
    // Halving ends by itself, and each time differs; who killed a worker is a guess, which has to end.
    const halved = outcome.type === 'failed' && smaller !== null && max > 0;
    if (!(halved || tries <= max) || !isRetried(planned, outcome) || !schedule.isActive(planned)) {
      failCell(planned, shard, failure, tries);
      return;
    }
    if (smaller !== null) batchLimits.set(unit, smaller);
    const message = `shard ${shard}, attempt ${tries}: ${failure.message}`;
    const how =
      smaller === null ? '' : `, at most ${smaller} ${smaller === 1 ? 'image' : 'images'} at a time`;
    log(planned.cell.id, `${message}; it is tried again${how}\n`);
    emit({ type: 'warning', cell: planned.cell.id, message: `${message}; it is tried again${how}` });
    schedule.again(planned, shard);
  };

  const compute = async (): Promise<void> => {
    const opened = await request.openExecutor();
    executor = opened;
    opened.listen(receive);
    claims = openClaims(store.folder, request.run);
    elsewhere = createWaitingRoom(claims, store.readRecord, {
      waiting({ planned, shard }, { run, pid, host }) {
        const message = `shard ${shard} is being computed by run ${run} (process ${pid} on ${host}); waiting for it`;
        log(planned.cell.id, `${message}\n`);
        emit({ type: 'log', cell: planned.cell.id, shard, message });
      },
      found({ planned, shard }, { outputs, seconds }) {
        if (schedule.isActive(planned))
          schedule.commit(planned, shard, outputs, { seconds, reused: true, peakBytes: 0 });
        pump();
      },
      freed({ planned, shard }) {
        schedule.again(planned, shard);
        pump();
      },
    });
    const drain = (): void => {
      opened.drain?.();
      pump();
    };
    await new Promise<void>((resolve) => {
      const kill = (): void => {
        opened.kill();
        resolve();
      };
      resolveEnd = resolve;
      request.drain?.addEventListener('abort', drain, { once: true });
      request.kill?.addEventListener('abort', kill, { once: true });
      if (request.kill?.aborted === true) kill();
      else pump();
    });
    request.drain?.removeEventListener('abort', drain);
    elsewhere.close();
    await opened.close();
    claims.close();
  };

  const { totals } = plan;
  const { run, backend, workers } = request;
  const { pipeline, file } = graph;
  emit({
    type: 'run-started',
    run,
    pipeline,
    file,
    backend,
    workers,
    host: hostname(),
    pid: process.pid,
    totals,
  });
  for (const planned of plan.cells) {
    if (planned === null) continue;
    const { id, stage, uses, axes } = planned.cell;
    const { images, because } = planned;
    emit({
      type: 'cell-planned',
      cell: id,
      stage,
      uses,
      axes,
      shards: countShards(planned.units),
      images,
      because,
    });
  }
  schedule.begin();
  if (schedule.hasReady() && !draining()) await compute();
  await Promise.all(publishing);
  publisher.save();
  saveLastKeys(request);

  const shards = plan.cells.reduce((sum, planned) => sum + (planned?.units.length ?? 0), 0);
  const present = plan.cells.reduce(
    (sum, planned) => sum + (planned === null ? 0 : countShards(planned.units).reuse),
    0,
  );
  const summary: RunSummary = {
    status: interrupted() && !schedule.allFinished() ? 'interrupted' : failures.length > 0 ? 'failed' : 'ok',
    // A unit made a second time to heal it has run, and is no longer reused.
    totals: {
      cells: totals.cells,
      shards,
      reused: Math.max(0, present - counts.ran),
      ran: counts.ran,
      failed: counts.failed,
    },
    seconds: (Date.now() - startedAt) / 1000,
    failures,
    stopped,
  };
  emit({ type: 'run-finished', status: summary.status, totals: summary.totals, seconds: summary.seconds });
  return summary;
}

function saveLastKeys({ graph, plan, store }: ExecuteRequest): void {
  const keys = new Map<string, readonly string[]>();
  let complete = true;
  for (const planned of plan.cells) {
    if (planned?.units.every((unit) => unit.state === 'reuse') === true) {
      keys.set(
        planned.cell.id,
        planned.units.map((unit) => unit.key!),
      );
    } else complete = false;
  }
  try {
    writeLastKeys(lastKeysPath(store.folder, graph), keys, complete);
  } catch {
    // Explanations of the next plan will be poorer; nothing else depends on it.
  }
}
