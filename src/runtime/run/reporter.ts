import type { Graph } from '../../dsl/graph.ts';
import type { BackendChange, Failure, ForeseenCell, RunEvent, RunEventBody } from '../events.ts';
import type { TaskFailure, TaskMessage, TaskOutcome } from '../executor.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import { isAppliedOnTheFly } from '../plan/on-the-fly.ts';
import { countShards, references } from '../plan/units.ts';
import type { ClaimHolder } from '../store/claims.ts';
import { ownIdentity } from '../store/process-identity.ts';
import { appendLog, logPath } from './ledger.ts';
import type { PublishProblem } from './publish-problem.ts';
import type { CommitResult, ReadyUnit } from './schedule.ts';
import { counted } from '../../values/counted.ts';

export interface RunSummary {
  readonly status: 'ok' | 'failed' | 'interrupted';
  readonly totals: Extract<RunEvent, { type: 'run-finished' }>['totals'];
  readonly seconds: number;
  readonly failures: readonly { readonly cell: string; readonly failure: Failure }[];
  /** Number of files that could not be published, and of tables that could not be shown. */
  readonly unpublished: number;
  /** A cell with `onError: stop` failed, or the disk did, so that the run ended early. */
  readonly stopped: boolean;
}

export interface ReporterRequest {
  readonly run: string;
  /** Absolute path of the cache folder, which has the logs of the cells. */
  readonly cacheFolder: string;
  readonly emit: (event: RunEvent) => void;
  readonly now?: () => number;
}

/** The beginning of a run, besides its plan. */
interface Beginning {
  /** The units of each cell as far as they are known, by its index. */
  readonly works?: readonly (ForeseenCell | null)[];
  readonly backend: string;
  readonly workers: number;
  readonly backendChange?: BackendChange | null;
}

/**
 * Reports all that happens in a run, as events and in the logs of its cells, and adds it up for the summary.
 */
export class Reporter {
  readonly #request: ReporterRequest;
  readonly #now: () => number;
  readonly #startedAt: number;
  /** Seconds of the units that were computed in this run, by the index of their cell. */
  readonly #ranSeconds = new Map<number, number>();
  /** Metrics that are summed over the shards of a cell, by cell and name: the sum, and the value of each shard. */
  readonly #counts = new Map<string, { sum: number; readonly values: Map<number, number> }>();
  #failures: readonly { cell: string; failure: Failure }[] = [];
  #unpublished = 0;
  #ranShards = 0;
  /** The shards that failed, by their cells. */
  readonly #failedShards = new Map<PlannedCell, number>();

  constructor(request: ReporterRequest) {
    this.#request = request;
    this.#now = request.now ?? Date.now;
    this.#startedAt = this.#now();
  }

  begin(
    { pipeline, file }: Pick<Graph, 'pipeline' | 'file'>,
    { totals, cells }: Plan,
    { backend, workers, backendChange = null, works }: Beginning,
  ): void {
    const { run } = this.#request;
    const { host, pid, boot, started: processStarted } = ownIdentity();
    this.#emit({
      type: 'run-started',
      run,
      pipeline,
      file,
      backend,
      workers,
      host,
      pid,
      boot,
      processStarted,
      totals,
    });
    if (backendChange !== null) this.#emit({ type: 'backend-changed', ...backendChange });
    const positions = positionsOf(cells);
    for (const planned of cells) {
      if (planned === null) continue;
      const { id, stage, uses, axes } = planned.cell;
      const { images, because } = planned;
      const shards = countShards(planned.units);
      const { partOf } = planned.graphStage;
      const part = partOf === undefined ? {} : { partOf };
      const known = shards.run > 0 ? works?.[planned.index] : null;
      const work = known?.work ? { work: known.work } : {};
      const expected = known && known.expected < shards.run ? { expected: known.expected } : {};
      const ranges = rangesOf(references(planned.cell).map(({ cell }) => positions[cell]!));
      const reads = ranges.length > 0 ? { reads: ranges } : {};
      const onTheFly = isAppliedOnTheFly(planned) ? { onTheFly: true as const } : {};
      this.#emit({
        type: 'cell-planned',
        cell: id,
        stage,
        uses,
        axes,
        ...part,
        shards,
        images,
        because,
        ...work,
        ...expected,
        ...reads,
        ...onTheFly,
      });
    }
  }

  /** The sum over the shards of a cell so far. A shard that is computed again counts once. */
  #sumOf(cell: string, name: string, shard: number, value: number): number {
    const key = JSON.stringify([cell, name]);
    const counts = this.#counts.get(key) ?? { sum: 0, values: new Map<number, number>() };
    counts.sum += value - (counts.values.get(shard) ?? 0);
    counts.values.set(shard, value);
    this.#counts.set(key, counts);
    return counts.sum;
  }

  /** The reports of a task while it runs. */
  progress(
    { planned, shard }: ReadyUnit,
    attempt: number,
    message: Exclude<TaskMessage, TaskOutcome>,
    worker: number,
  ): void {
    const cell = planned.cell.id;
    switch (message.type) {
      case 'started':
        this.#emit({ type: 'shard-started', cell, shard, worker, attempt });
        break;
      case 'progress': {
        const { done, total, unit } = message;
        this.#emit({ type: 'shard-progress', cell, shard, done, total, unit });
        break;
      }
      case 'metric': {
        const axes = { ...planned.cell.axes, ...message.axes };
        const { name, isSummed = false } = message;
        const value = isSummed ? this.#sumOf(cell, name, shard, message.value) : message.value;
        this.#emit({ type: 'metric', cell, name, value, axes });
        break;
      }
      case 'warning':
        this.#emit({ type: 'warning', cell, message: message.message });
        break;
      case 'log':
        this.#logEvent(cell, shard, message.message);
        break;
      case 'output':
        this.#log(cell, message.message);
        break;
      default:
        message satisfies never;
    }
  }

  committed({ planned, shard, unit }: ReadyUnit, { outputs, reused, peakBytes, time }: CommitResult): void {
    const { seconds } = unit;
    if (!reused) {
      this.#ranShards++;
      this.#ranSeconds.set(planned.index, (this.#ranSeconds.get(planned.index) ?? 0) + seconds);
    }
    let bytes = 0;
    for (const parts of Object.values(outputs)) for (const part of parts) bytes += part.bytes;
    const images = planned.sharded ? unit.count : planned.images;
    const cell = planned.cell.id;
    const key = unit.key!;
    const result = { key, reused, images, seconds, bytes, peakBytes, ...(time !== undefined && { time }) };
    this.#emit({ type: 'shard-committed', cell, shard, ...result });
  }

  cellFinished({ index, cell, units }: PlannedCell): void {
    const ran = this.#ranSeconds.get(index);
    const total = units.reduce((sum, unit) => sum + unit.seconds, 0);
    // What was computed now has warned already.
    const warnings = new Set(units.flatMap((unit) => unit.warnings));
    for (const message of warnings) this.#emit({ type: 'warning', cell: cell.id, message });
    this.#emit({
      type: 'cell-finished',
      cell: cell.id,
      reused: ran === undefined,
      seconds: ran ?? 0,
      savedSeconds: Math.max(0, total - (ran ?? 0)),
      keys: units.map((unit) => unit.key!),
    });
  }

  paused(paused: boolean): void {
    this.#emit({ type: 'run-paused', paused });
  }

  published({ cell }: PlannedCell, path: string): void {
    this.#emit({ type: 'published', cell: cell.id, path });
  }

  notPublished({ cell }: PlannedCell, problem: PublishProblem): void {
    this.#unpublished++;
    this.#emit({ type: 'not-published', cell: cell.id, ...problem });
  }

  warnOf({ cell }: PlannedCell, message: string): void {
    this.#emit({ type: 'warning', cell: cell.id, message });
  }

  recomputing({ cell }: PlannedCell, shard: number): void {
    const message = `the result of shard ${shard} was damaged and will be computed again`;
    this.#emit({ type: 'warning', cell: cell.id, message });
  }

  retrying(
    { planned, shard }: ReadyUnit,
    attempt: number,
    failure: TaskFailure,
    smallerBatch: number | null,
  ): void {
    const cell = planned.cell.id;
    const how = smallerBatch === null ? '' : ` with at most ${counted(smallerBatch, 'image')} at a time`;
    const message = `shard ${shard}, attempt ${attempt}: ${failure.message}; trying again${how}`;
    this.#log(cell, `${message}\n`);
    this.#emit({ type: 'warning', cell, message });
  }

  waitingFor({ planned, shard }: ReadyUnit, { run, pid, host }: ClaimHolder): void {
    const message = `shard ${shard} is being computed by run ${run} (process ${pid} on ${host}); waiting for it`;
    this.#logEvent(planned.cell.id, shard, message);
  }

  /** Counts a shard that failed; of several in one cell, only the first fails the cell. */
  shardFailed(planned: PlannedCell): void {
    this.#failedShards.set(planned, (this.#failedShards.get(planned) ?? 0) + 1);
  }

  cellFailed(
    planned: PlannedCell,
    shard: number,
    failure: TaskFailure,
    attempts: number,
    blocked: number,
  ): void {
    const { id } = planned.cell;
    const { stack, batch: _batch, ...described } = failure;
    this.#log(id, `shard ${shard}: ${stack ?? failure.message}\n`);
    const full: Failure = { ...described, at: planned.graphStage.at, log: this.#logPath(id), attempts };
    this.#failures = [...this.#failures, { cell: id, failure: full }];
    this.#emit({ type: 'cell-failed', cell: id, shard, failure: full, blocked });
  }

  /** Takes back that a cell has failed, since it is tried again. */
  cellRetried(planned: PlannedCell, freed: number): void {
    const { id } = planned.cell;
    this.#failures = this.#failures.filter(({ cell }) => cell !== id);
    this.#failedShards.delete(planned);
    this.#log(id, 'it is tried again, because somebody asked for it\n');
    this.#emit({ type: 'cell-retried', cell: id, freed });
  }

  cellSkipped({ cell }: PlannedCell): void {
    this.#emit({ type: 'cell-skipped', cell: cell.id });
  }

  /** The last event. `interrupted` says that the user ended the run before all cells were finished. */
  end(
    { cells, totals }: Plan,
    ending: { readonly interrupted: boolean; readonly stopped: boolean },
  ): RunSummary {
    let shards = 0;
    let present = 0;
    for (const planned of cells) {
      if (planned === null) continue;
      shards += planned.units.length;
      present += countShards(planned.units).reuse;
    }
    const isFailed = this.#failures.length + this.#unpublished > 0;
    const summary: RunSummary = {
      status: ending.interrupted ? 'interrupted' : isFailed ? 'failed' : 'ok',
      totals: {
        cells: totals.cells,
        ...(totals.parts !== undefined && { parts: totals.parts }),
        shards,
        // A unit that was computed a second time, because its result was damaged, has run and is no longer
        // reused.
        reused: Math.max(0, present - this.#ranShards),
        ran: this.#ranShards,
        failed: [...this.#failedShards.values()].reduce((sum, count) => sum + count, 0),
      },
      seconds: (this.#now() - this.#startedAt) / 1000,
      failures: this.#failures,
      unpublished: this.#unpublished,
      stopped: ending.stopped,
    };
    const { status, seconds } = summary;
    this.#emit({ type: 'run-finished', status, totals: summary.totals, seconds });
    return summary;
  }

  #emit(body: RunEventBody): void {
    this.#request.emit({ v: 1, at: this.#now(), ...body });
  }

  #logEvent(cell: string, shard: number, message: string): void {
    this.#log(cell, `${message}\n`);
    this.#emit({ type: 'log', cell, shard, message });
  }

  #log(cell: string, text: string): void {
    appendLog(this.#logPath(cell), text);
  }

  #logPath(cell: string): string {
    return logPath(this.#request.cacheFolder, this.#request.run, cell);
  }
}

/** Positions of the cells of a plan among those that are selected, by their index; −1 for the others. */
function positionsOf(cells: Plan['cells']): readonly number[] {
  let next = 0;
  return cells.map((planned) => (planned === null ? -1 : next++));
}

/** The numbers from 0 on as ascending ranges without overlaps. */
function rangesOf(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  const selected = numbers.filter((number) => number >= 0);
  for (const number of [...new Set(selected)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
