import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { hostname } from 'node:os';
import type { Graph } from '../dsl/graph.ts';
import { sha256 } from './digest.ts';
import { seedStream } from './digest.ts';
import type { Failure, RunEvent, RunEventBody } from './events.ts';
import type { Executor, TaskFailure, TaskMessage, TaskOutcome } from './executor.ts';
import { lastKeysPath, writeLastKeys } from './last-keys.ts';
import { logPath } from './ledger.ts';
import type { Plan, PlannedCell } from './plan.ts';
import { countShards } from './plan-json.ts';
import { openPublisher } from './publish.ts';
import { createReadyQueue } from './ready-queue.ts';
import type { Outputs } from './store/record.ts';
import { errorCode } from './store/errors.ts';
import type { Store } from './store/store.ts';
import { bindInputs, chunkOf, isPerImage, layOut, references, unitPreimage } from './units.ts';
import type { Unit } from './units.ts';

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
  /** Some stage with `onError: stop` failed, so that the run ended early. */
  readonly stopped: boolean;
}

/** A unit that sends its inputs to be made again more often than this has something else wrong. */
const mostHeals = 5;

type Status = 'active' | 'finished' | 'failed' | 'blocked';

interface Flight {
  readonly cell: number;
  readonly unit: Unit;
  readonly shard: number;
}

/**
 * Brings a plan to its end: computes units on the executor as their inputs become known, looks each new key up in the
 * store first, retries lost workers, heals damaged inputs by running their makers again, and reports everything as
 * events. Never throws for a failure of a cell.
 */
export async function execute(request: ExecuteRequest): Promise<RunSummary> {
  const { graph, store, plan } = request;
  const cells = plan.cells;
  const startedAt = Date.now();
  const emit = (body: RunEventBody): void => request.emit({ v: 1, at: Date.now(), ...body });
  const publisher = openPublisher(graph, store);
  const queue = createReadyQueue();
  const flights = new Map<number, Flight>();
  const status: Status[] = new Array<Status>(cells.length).fill('active');
  const remaining = new Int32Array(cells.length);
  const pendingCells = new Int32Array(cells.length);
  const announced = new Uint8Array(cells.length);
  const attempts = new Map<Unit, number>();
  const heals = new Map<Unit, number>();
  const recompute = new Set<Unit>();
  const ranSeconds = new Map<number, number>();
  const failures: { cell: string; failure: Failure }[] = [];
  const publishing: Promise<void>[] = [];
  const settled: (() => void)[] = [];
  const stageIndex = new Map(graph.stages.map((stage, index) => [stage.id, index]));
  const counts = { ran: 0, failed: 0, reusedNow: 0 };
  let consumers: number[][] | null = null;
  let executor: Executor | null = null;
  let nextTask = 1;
  let stopped = false;
  let finish: () => void = () => undefined;
  const interrupted = (): boolean => request.drain?.aborted === true || request.kill?.aborted === true;
  const draining = (): boolean => stopped || interrupted();

  const consumersOf = (index: number): readonly number[] => {
    consumers ??= findConsumers(cells);
    return consumers[index]!;
  };

  /** Settles work one after the other, as settling a unit may settle others. */
  const settle = (action: () => void): void => {
    settled.push(action);
    if (settled.length > 1) return;
    while (settled.length > 0) {
      settled[0]!();
      settled.shift();
    }
  };

  const log = (cell: string, text: string): void => {
    const path = logPath(store.folder, request.run, cell);
    try {
      try {
        appendFileSync(path, text);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
        mkdirSync(dirname(path), { recursive: true });
        appendFileSync(path, text);
      }
    } catch {
      // A log that cannot be written must not fail the work; the store will say what is wrong with the disk.
    }
  };

  const failCell = (planned: PlannedCell, shard: number, failure: TaskFailure, tries: number): void => {
    counts.failed++;
    if (status[planned.index] !== 'active') return;
    status[planned.index] = 'failed';
    const { stack, ...rest } = failure;
    const path = logPath(store.folder, request.run, planned.cell.id);
    log(planned.cell.id, `shard ${shard}: ${failure.message}\n${stack === undefined ? '' : `${stack}\n`}`);
    const full: Failure = { ...rest, at: planned.graphStage.at, log: path, attempts: tries };
    failures.push({ cell: planned.cell.id, failure: full });
    emit({ type: 'cell-failed', cell: planned.cell.id, shard, failure: full, blocked: block(planned.index) });
    const policy = request.onError ?? planned.graphStage.settings.onError;
    if (policy === 'stop' || failure.code === 'storage') stopped = true;
  };

  const block = (index: number): number => {
    let blocked = 0;
    const stack = [...consumersOf(index)];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (status[next] !== 'active') continue;
      status[next] = 'blocked';
      blocked++;
      stack.push(...consumersOf(next));
    }
    return blocked;
  };

  const enqueue = (planned: PlannedCell, shard: number): void => {
    // Whole units first, as they are the long ones that a single worker has to do; then the stage nearest to the results.
    const depth = stageIndex.get(planned.cell.stage) ?? 0;
    queue.push((planned.sharded ? 1e15 : 0) + (graph.stages.length - depth) * 1e10 + planned.index * 1e4 + shard, planned.index, shard);
  };

  const tryReady = (planned: PlannedCell, shard: number): void => {
    const unit = planned.units[shard];
    if (unit?.state !== 'waits' || status[planned.index] !== 'active') return;
    if (!planned.sharded && pendingCells[planned.index]! > 0) return;
    const inputs = bindInputs(cells, planned, unit);
    if (typeof inputs === 'number') return;
    unit.key = sha256(unitPreimage(planned, unit, inputs));
    const record = planned.forced && !heals.has(unit) ? null : store.readRecord(unit.key);
    if (record === null || recompute.has(unit)) {
      unit.state = 'run';
      enqueue(planned, shard);
    } else commit(planned, shard, unit, record.outputs, record.seconds, true, 0);
  };

  const commit = (
    planned: PlannedCell,
    shard: number,
    unit: Unit,
    outputs: Outputs,
    seconds: number,
    reused: boolean,
    peakBytes: number,
  ): void => {
    unit.state = 'reuse';
    unit.outputs = outputs;
    unit.seconds = seconds;
    recompute.delete(unit);
    if (reused) counts.reusedNow++;
    else {
      counts.ran++;
      ranSeconds.set(planned.index, (ranSeconds.get(planned.index) ?? 0) + seconds);
    }
    const bytes = Object.values(outputs).flat().reduce((sum, part) => sum + part.bytes, 0);
    const images = planned.sharded ? unit.count : planned.images;
    emit({ type: 'shard-committed', cell: planned.cell.id, shard, key: unit.key!, reused, images, seconds, bytes, peakBytes });
    remaining[planned.index]!--;
    settle(() => propagate(planned, unit));
  };

  const propagate = (planned: PlannedCell, unit: Unit): void => {
    if (status[planned.index] !== 'active') return;
    const complete = remaining[planned.index] === 0;
    if (complete) {
      finishCell(planned);
      if ((status[planned.index] as Status) === 'failed') return;
    }
    for (const index of consumersOf(planned.index)) {
      const consumer = cells[index]!;
      if (status[index] !== 'active') continue;
      if (complete) pendingCells[index]!--;
      if (!planned.sharded && !relay(consumer)) continue;
      if (!consumer.sharded || complete) {
        for (let shard = 0; shard < consumer.units.length; shard++) tryReady(consumer, shard);
        continue;
      }
      const size = consumer.graphStage.settings.shard;
      const last = Math.min(consumer.units.length, Math.ceil((unit.first + unit.count) / size));
      for (let shard = Math.floor(unit.first / size); shard < last; shard++) tryReady(consumer, shard);
    }
  };

  /** Cuts a cell anew whose number of images was an estimate. False where that fails it. */
  const relay = (consumer: PlannedCell): boolean => {
    if (!consumer.sharded || consumer.exact) return true;
    const before = consumer.images;
    const units = consumer.units;
    const problem = layOut(cells, consumer);
    if (problem !== null) {
      failCell(consumer, 0, { code: 'bad-data', message: problem }, 0);
      return false;
    }
    if (consumer.images === before && units.length === consumer.units.length) consumer.units = units;
    else {
      remaining[consumer.index] = consumer.units.length;
      for (const next of consumersOf(consumer.index)) relay(cells[next]!);
    }
    return true;
  };

  const finishCell = (planned: PlannedCell): void => {
    const odd = differingOutput(planned);
    if (odd !== null) {
      const message = `${planned.cell.uses} made another '${odd}' in one shard than in the first; an output that is no list over images must not depend on the shard`;
      failCell(planned, 0, { code: 'stage', message }, 1);
      return;
    }
    status[planned.index] = 'finished';
    if (announced[planned.index] === 1) return;
    announced[planned.index] = 1;
    const ran = ranSeconds.get(planned.index);
    const total = planned.units.reduce((sum, unit) => sum + unit.seconds, 0);
    const announce = (): void =>
      emit({
        type: 'cell-finished',
        cell: planned.cell.id,
        reused: ran === undefined,
        seconds: ran ?? 0,
        savedSeconds: Math.max(0, total - (ran ?? 0)),
        keys: planned.units.map((unit) => unit.key!),
      });
    if (planned.graphStage.publish.length === 0) announce();
    else publishing.push(publishCell(planned).then(announce));
  };

  const publishCell = async (planned: PlannedCell): Promise<void> => {
    try {
      for (const path of await publisher.publish(planned)) emit({ type: 'published', cell: planned.cell.id, path });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      emit({ type: 'warning', cell: planned.cell.id, message: `could not publish: ${message}` });
    }
  };

  const pump = (): void => {
    while (!draining() && executor !== null && executor.capacity() > 0) {
      const next = queue.pop();
      if (next === null) break;
      const planned = cells[next[0]]!;
      const unit = planned.units[next[1]];
      if (status[planned.index] !== 'active' || unit?.state !== 'run') continue;
      submit(executor, planned, unit, next[1]);
    }
    if (flights.size === 0 && (draining() || queue.size() === 0)) finish();
  };

  const submit = (to: Executor, planned: PlannedCell, unit: Unit, shard: number): void => {
    const inputs = bindInputs(cells, planned, unit);
    if (typeof inputs === 'number') {
      // A maker of its inputs is being healed: it comes back when that one has committed.
      unit.state = 'waits';
      return;
    }
    const id = nextTask++;
    attempts.set(unit, (attempts.get(unit) ?? 0) + 1);
    flights.set(id, { cell: planned.index, unit, shard });
    to.submit({
      id,
      cell: planned.cell.id,
      shardIndex: shard,
      uses: planned.cell.uses,
      params: planned.cell.params,
      inputs,
      shard: planned.sharded ? { first: unit.first, count: unit.count } : null,
      images: planned.images,
      chunk: chunkOf(planned),
      seed: seedStream(graph.seed, planned.cell.stage),
      key: unit.key!,
      preimage: unitPreimage(planned, unit, inputs),
      recompute: planned.forced || recompute.has(unit),
      timeMs: planned.graphStage.settings.resources.timeMs ?? null,
    });
  };

  const receive = (message: TaskMessage, worker: number): void => {
    const flight = flights.get(message.id);
    if (flight === undefined) return;
    const planned = cells[flight.cell]!;
    const cell = planned.cell.id;
    const { shard } = flight;
    switch (message.type) {
      case 'started':
        return emit({ type: 'shard-started', cell, shard, worker, attempt: attempts.get(flight.unit) ?? 1 });
      case 'progress':
        return emit({ type: 'shard-progress', cell, shard, done: message.done, total: message.total, unit: message.unit });
      case 'metric':
        return emit({ type: 'metric', cell, name: message.name, value: message.value, axes: { ...planned.cell.axes, ...message.axes } });
      case 'warning':
        return emit({ type: 'warning', cell, message: message.message });
      case 'log':
        log(cell, `${message.message}\n`);
        return emit({ type: 'log', cell, shard, message: message.message });
      case 'output':
        return log(cell, message.message);
      case 'committed':
      case 'failed':
      case 'damaged':
      case 'lost':
        flights.delete(message.id);
        conclude(planned, flight, message);
        pump();
    }
  };

  const conclude = (planned: PlannedCell, { unit, shard }: Flight, outcome: TaskOutcome): void => {
    const tries = attempts.get(unit) ?? 1;
    if (outcome.type === 'committed') {
      commit(planned, shard, unit, outcome.outputs, outcome.seconds, outcome.reused, outcome.peakBytes);
    } else if (outcome.type === 'damaged') {
      const count = (heals.get(unit) ?? 0) + 1;
      heals.set(unit, count);
      attempts.set(unit, tries - 1);
      if (count > mostHeals) {
        const message = `its inputs were damaged ${count} times in a row; the disk under ${store.folder} cannot be trusted`;
        failCell(planned, shard, { code: 'storage', message }, tries);
      } else heal(planned, shard, unit, outcome.digests);
    } else {
      const failure: TaskFailure =
        outcome.type === 'failed'
          ? outcome.failure
          : { code: outcome.cause, message: outcome.message };
      if (mayRetry(planned, outcome) && tries <= planned.graphStage.settings.retry.max && status[planned.index] === 'active') {
        log(planned.cell.id, `shard ${shard}, attempt ${tries}: ${failure.message}\n`);
        emit({ type: 'warning', cell: planned.cell.id, message: `shard ${shard} is tried again: ${failure.message}` });
        enqueue(planned, shard);
      } else failCell(planned, shard, failure, tries);
    }
  };

  const heal = (planned: PlannedCell, shard: number, unit: Unit, digests: readonly string[]): void => {
    unit.state = 'waits';
    unit.key = null;
    const bad = new Set(digests);
    for (const { cell, port } of references(planned.cell)) {
      const producer = cells[cell]!;
      producer.units.forEach((made, index) => {
        if (made.outputs?.[port]?.some((part) => bad.has(part.digest)) !== true) return;
        emit({ type: 'warning', cell: producer.cell.id, message: `a result of shard ${index} was damaged and is made again` });
        made.outputs = null;
        made.state = 'waits';
        recompute.add(made);
        remaining[producer.index]!++;
        if (remaining[producer.index] === 1) {
          status[producer.index] = 'active';
          for (const consumer of consumersOf(producer.index)) pendingCells[consumer]!++;
        }
        settle(() => tryReady(producer, index));
      });
    }
    settle(() => tryReady(planned, shard));
  };

  // ---- begin
  emit({
    type: 'run-started',
    run: request.run,
    pipeline: graph.pipeline,
    file: graph.file,
    backend: request.backend,
    workers: request.workers,
    host: hostname(),
    pid: process.pid,
    totals: plan.totals,
  });
  for (const planned of cells) {
    if (planned === null) continue;
    const shards = countShards(planned.units);
    const { id, stage, uses, axes } = planned.cell;
    emit({ type: 'cell-planned', cell: id, stage, uses, axes, shards, images: planned.images, because: planned.because });
    remaining[planned.index] = shards.run;
  }
  if (plan.totals.run > 0) countPending(cells, remaining, pendingCells);
  for (const planned of cells) {
    if (planned === null) continue;
    if (planned.failure !== null) failCell(planned, 0, planned.failure, 0);
    else if (remaining[planned.index] === 0) finishCell(planned);
    else if (status[planned.index] === 'active') {
      planned.units.forEach((unit, shard) => {
        if (unit.state === 'run') enqueue(planned, shard);
      });
    }
  }
  const plannedReuse = plan.totals.reuse;
  if (queue.size() > 0 && !draining()) {
    executor = await request.openExecutor();
    executor.listen(receive);
    await new Promise<void>((resolve) => {
      const kill = (): void => {
        executor?.kill();
        resolve();
      };
      finish = resolve;
      request.drain?.addEventListener('abort', pump, { once: true });
      request.kill?.addEventListener('abort', kill, { once: true });
      if (request.kill?.aborted === true) kill();
      pump();
    });
    await executor.close();
  }
  await Promise.all(publishing);
  publisher.save();
  saveLastKeys(request);
  // A unit made a second time to heal it ran, and is not reused any more.
  const shards = cells.reduce((sum, planned) => sum + (planned?.units.length ?? 0), 0);
  const summary: RunSummary = {
    status: interrupted() && !allFinished(cells, status) ? 'interrupted' : failures.length > 0 ? 'failed' : 'ok',
    totals: {
      cells: plan.totals.cells,
      shards,
      reused: Math.min(plannedReuse + counts.reusedNow, shards - Math.min(counts.ran, shards)),
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

function allFinished(cells: Plan['cells'], status: readonly Status[]): boolean {
  return cells.every((planned, index) => planned === null || status[index] === 'finished');
}

function findConsumers(cells: Plan['cells']): number[][] {
  const consumers: number[][] = cells.map(() => []);
  for (const planned of cells) {
    if (planned === null) continue;
    for (const index of new Set(references(planned.cell).map(({ cell }) => cell))) consumers[index]!.push(planned.index);
  }
  return consumers;
}

function countPending(cells: Plan['cells'], remaining: Int32Array, pending: Int32Array): void {
  for (const planned of cells) {
    if (planned === null) continue;
    for (const index of new Set(references(planned.cell).map(({ cell }) => cell))) {
      if (remaining[index]! > 0) pending[planned.index]!++;
    }
  }
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

function mayRetry(planned: PlannedCell, outcome: TaskOutcome): boolean {
  const { on } = planned.graphStage.settings.retry;
  if (outcome.type === 'lost') {
    // Who killed a worker is a guess, so either cause will do.
    return outcome.cause !== 'timeout' && (on.includes('crash') || on.includes('out-of-memory'));
  }
  if (outcome.type !== 'failed') return false;
  return (outcome.failure.code === 'out-of-memory' || outcome.failure.code === 'io') && on.includes(outcome.failure.code);
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
