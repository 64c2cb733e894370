import type { AxisLabel } from '../dsl/graph.ts';
import type { Failure, RunChoices, RunEvent, UnitWork } from '../runtime/events.ts';
import { emptyVector } from './vector.ts';
import type { Vector } from './vector.ts';

/**
 * `partly`: some of its shards are done and none is running. `blocked`: the cell will not run, because the run ended before its
 * turn.
 */
export type CellStatus = 'waiting' | 'running' | 'partly' | 'reused' | 'finished' | 'failed' | 'blocked';

export interface CellState {
  readonly id: string;
  /** Index into `DashboardState.stages`. */
  readonly stage: number;
  readonly uses: string;
  readonly axes: Readonly<Record<string, AxisLabel>>;
  readonly status: CellStatus;
  readonly shards: { readonly total: number; readonly done: number; readonly running: number };
  readonly images: number;
  readonly because: readonly string[];
  /** Its images are computed by the cells that read them, so that it makes only a recipe. */
  readonly onTheFly: boolean;
  /** First and last index of each range of cells that it reads. */
  readonly reads: readonly (readonly [first: number, last: number])[];
  /** The share of its units to run that is expected to be computed; the results of the others will be found. */
  readonly expectedShare: number;
  /** Name of the kind of its units in `DashboardState.kinds`. */
  readonly kind: string;
  /** Latest value of each metric. */
  readonly metrics: Readonly<Record<string, number>>;
  /** All values of each metric that has an axis of its own, such as the epoch, in their order. */
  readonly curves: Readonly<Record<string, readonly number[]>>;
  /** Sum of the seconds of the shards that were computed. */
  readonly seconds: number;
  readonly timings: readonly ShardTiming[];
  /** Index of the cell of this run that has computed the same result; null if there is none. */
  readonly sameAs: number | null;
  /** Seconds that its reused shards took when they were computed; 0 until it has finished. */
  readonly savedSeconds: number;
  readonly failure: Failure | null;
  /** The key of its first shard, once the cell has finished. */
  readonly firstKey: string | null;
  /** Only the last lines of its log. */
  readonly logs: readonly string[];
}

export interface StageState {
  readonly id: string;
  /** Its cells are parts of those of another stage. */
  readonly isPart: boolean;
  /** Indices into `DashboardState.cells`. */
  readonly cells: Vector<number>;
  readonly axes: readonly string[];
  readonly uses: readonly string[];
  readonly counts: Readonly<Record<CellStatus, number>>;
  readonly shards: { readonly total: number; readonly done: number; readonly running: number };
  /** Number of its cells that are computed by the cells that read them. */
  readonly onTheFly: number;
  /** Sum of the seconds of the shards that were computed. */
  readonly seconds: number;
  /** Milliseconds in which at least one of its shards was running, up to `busySince`; null if none is running. */
  readonly busyMs: number;
  readonly busySince: number | null;
  /** Images of the shards that were computed. */
  readonly images: number;
  /** Accuracies that have arrived, as shares; null before the first. */
  readonly score: StageScore | null;
}

export interface StageScore {
  readonly name: string;
  readonly lowest: number;
  readonly highest: number;
}

export interface ShardTiming {
  readonly shard: number;
  readonly worker: number;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
  readonly seconds: number;
  readonly images: number;
}

/** Units that take the same time for each image, but for chance. */
export interface KindState {
  readonly uses: string;
  readonly work: UnitWork | null;
  /** Units that were computed in this run. */
  readonly measured: number;
  /** Those of them that were the first on their worker, which also opens models and compiles, and the others. */
  readonly cold: UnitSums;
  readonly warm: UnitSums;
  /** The workers that have computed one. */
  readonly workers: readonly number[];
  /** Units that were expected to be computed, and whose results were found instead. */
  readonly found: number;
}

/** Sums over units, without the opening of the backend. */
export interface UnitSums {
  readonly units: number;
  readonly images: number;
  /** Wall-clock seconds. */
  readonly seconds: number;
  /** Processor seconds, if the unit has needed fewer of them than wall-clock seconds. */
  readonly busySeconds: number;
}

/** How much longer than its processor time the work of the last minute took: sums in which older units count for less. */
export interface LoadState {
  readonly at: number;
  readonly seconds: number;
  readonly busySeconds: number;
}

/** Units of fewer processor seconds are short. */
export const shortSeconds = 0.1;

export interface WorkerState {
  /** Key in `DashboardState.running`; null while it waits for work. */
  readonly shard: string | null;
  readonly since: number;
  /** Sums of all that it has computed. */
  readonly shards: number;
  readonly images: number;
  readonly seconds: number;
  /** Processor seconds of all its threads. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  /** Short pauses between two of its shards, in which results travel and the next task comes. */
  readonly pauses: number;
  readonly pauseMs: number;
}

/** Images that were computed in each period of a run, the first beginning with it. */
export interface History {
  readonly periodMs: number;
  readonly images: readonly number[];
}

export interface RunningShard {
  readonly cell: number;
  readonly shard: number;
  readonly worker: number;
  readonly startedAt: number;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  /** How far it was some seconds ago, by which its present speed is known. */
  readonly before: ProgressMark;
  /** A later mark, which will replace `before`. */
  readonly mark: ProgressMark;
}

export interface ProgressMark {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly done: number;
}

export interface DashboardState {
  readonly run: string;
  readonly pipeline: string;
  readonly file: string;
  /** The choices of the command line beside the file; null if there are none. */
  readonly choices: RunChoices | null;
  /** The other options of the command line as they were given. */
  readonly options: readonly string[];
  readonly backend: string;
  readonly workers: number;
  /** The sentence about results of another backend that are passed over; empty if there are none. */
  readonly backendChange: string;
  readonly startedAt: number | null;
  /** Whether a person has paused the run, so that it starts nothing. */
  readonly isPaused: boolean;
  /** Time of the latest event. */
  readonly now: number;
  readonly totals: {
    readonly cells: number;
    readonly parts?: number;
    readonly shards: number;
    readonly reuse: number;
    readonly run: number;
  };
  readonly stages: readonly StageState[];
  readonly cells: Vector<CellState>;
  /** Cell id → index. It only grows, so all states of one run share it. */
  readonly index: Map<string, number>;
  readonly stageIndex: ReadonlyMap<string, number>;
  readonly counts: Readonly<Record<CellStatus, number>>;
  readonly running: ReadonlyMap<string, RunningShard>;
  readonly kinds: ReadonlyMap<string, KindState>;
  /** Short units wait for their turn more often than long ones. */
  readonly load: { readonly short: LoadState; readonly long: LoadState };
  readonly workerStates: ReadonlyMap<number, WorkerState>;
  readonly history: History;
  /** Key → index of the cell that has computed it in this run. It only grows, so all states of one run share it. */
  readonly keys: Map<string, number>;
  /** Cells whose results another cell of this run has computed. */
  readonly sharedCells: number;
  /** Shards that were reused, and the seconds that they took when they were computed. */
  readonly reusedShards: number;
  readonly savedSeconds: number;
  readonly ranShards: number;
  /** Images of the shards that finished recently, for the rate. */
  readonly recent: readonly { readonly at: number; readonly images: number }[];
  readonly peakBytes: number;
  readonly failures: readonly {
    readonly cell: string;
    readonly shard: number;
    readonly failure: Failure;
    readonly blocked: number;
  }[];
  readonly warnings: readonly { readonly cell: string | null; readonly message: string }[];
  readonly published: readonly { readonly cell: string; readonly path: string }[];
  /** Files that could not be published, and tables that could not be shown. */
  readonly unpublished: readonly {
    readonly cell: string;
    readonly message: string;
    readonly fix: string | undefined;
    readonly stale: boolean;
  }[];
  readonly finished: Extract<RunEvent, { type: 'run-finished' }> | null;
}

const noCounts: Readonly<Record<CellStatus, number>> = {
  waiting: 0,
  running: 0,
  partly: 0,
  reused: 0,
  finished: 0,
  failed: 0,
  blocked: 0,
};

const noLoad: LoadState = { at: 0, seconds: 0, busySeconds: 0 };

export function initialState(): DashboardState {
  return {
    run: '',
    pipeline: '',
    file: '',
    choices: null,
    options: [],
    backend: '',
    workers: 0,
    backendChange: '',
    startedAt: null,
    isPaused: false,
    now: 0,
    totals: { cells: 0, shards: 0, reuse: 0, run: 0 },
    stages: [],
    cells: emptyVector(),
    index: new Map(),
    stageIndex: new Map(),
    counts: noCounts,
    running: new Map(),
    kinds: new Map(),
    load: { short: noLoad, long: noLoad },
    workerStates: new Map(),
    history: { periodMs: 1000, images: [] },
    keys: new Map(),
    sharedCells: 0,
    reusedShards: 0,
    savedSeconds: 0,
    ranShards: 0,
    recent: [],
    peakBytes: 0,
    failures: [],
    warnings: [],
    published: [],
    unpublished: [],
    finished: null,
  };
}

export function newStage(id: string, axes: readonly string[], isPart: boolean): StageState {
  return {
    id,
    isPart,
    cells: emptyVector(),
    axes,
    uses: [],
    counts: noCounts,
    shards: { total: 0, done: 0, running: 0 },
    onTheFly: 0,
    seconds: 0,
    busyMs: 0,
    busySince: null,
    images: 0,
    score: null,
  };
}
