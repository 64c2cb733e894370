import type { AxisLabel } from '../dsl/graph.ts';
import type { Failure, RunEvent } from '../runtime/events.ts';
import { emptyVector } from './vector.ts';
import type { Vector } from './vector.ts';

/** `blocked`: the cell will not run, because the run ended before its turn. */
export type CellStatus = 'waiting' | 'running' | 'reused' | 'finished' | 'failed' | 'blocked';

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
  /** Latest value of each metric. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Seconds that its reused shards took when they were computed; 0 until it has finished. */
  readonly savedSeconds: number;
  readonly failure: Failure | null;
  /** Only the last lines of its log. */
  readonly logs: readonly string[];
}

export interface StageState {
  readonly id: string;
  /** Indices into `DashboardState.cells`. */
  readonly cells: Vector<number>;
  readonly axes: readonly string[];
  readonly uses: readonly string[];
  readonly counts: Readonly<Record<CellStatus, number>>;
  readonly shards: { readonly total: number; readonly done: number };
  /** Milliseconds since the epoch of the first and of the latest shard; null before the first. */
  readonly startedAt: number | null;
  readonly latestAt: number | null;
  readonly images: number;
}

/** Work of one `uses`: the number of shards left, and the seconds that the measured ones took. */
export interface WorkState {
  readonly left: number;
  readonly measured: number;
  readonly seconds: number;
}

export interface RunningShard {
  readonly cell: number;
  readonly shard: number;
  readonly worker: number;
  readonly startedAt: number;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

export interface DashboardState {
  readonly run: string;
  readonly pipeline: string;
  readonly file: string;
  readonly backend: string;
  readonly workers: number;
  /** The sentence about results of another backend that are passed over; empty if there are none. */
  readonly backendChange: string;
  readonly startedAt: number | null;
  /** Time of the latest event. */
  readonly now: number;
  readonly totals: {
    readonly cells: number;
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
  readonly work: ReadonlyMap<string, WorkState>;
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
  reused: 0,
  finished: 0,
  failed: 0,
  blocked: 0,
};

export function initialState(): DashboardState {
  return {
    run: '',
    pipeline: '',
    file: '',
    backend: '',
    workers: 0,
    backendChange: '',
    startedAt: null,
    now: 0,
    totals: { cells: 0, shards: 0, reuse: 0, run: 0 },
    stages: [],
    cells: emptyVector(),
    index: new Map(),
    stageIndex: new Map(),
    counts: noCounts,
    running: new Map(),
    work: new Map(),
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

export function newStage(id: string, axes: readonly string[]): StageState {
  return {
    id,
    cells: emptyVector(),
    axes,
    uses: [],
    counts: noCounts,
    shards: { total: 0, done: 0 },
    startedAt: null,
    latestAt: null,
    images: 0,
  };
}
