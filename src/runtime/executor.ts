import type { AxisLabel, StageSettings } from '../dsl/graph.ts';
import type { JsonObject } from '../values/json.ts';
import type { FailureCode, UnitTime } from './events.ts';
import type { Outputs } from './store/record.ts';
import type { CodePermission } from './plan/resolve-path.ts';
import type { FileDigest } from './plan/file-digests.ts';
import type { BoundInput } from './plan/units.ts';

/**
 * Everything a worker needs to compute and commit one unit, as plain JSON: it
 * travels over IPC or in a manifest file.
 */
export interface Task {
  readonly id: number;
  /** Used in messages only. */
  readonly cell: string;
  /** Its stage, because a batch system submits the units of a stage together. */
  readonly stage: string;
  readonly shardIndex: number;
  readonly uses: string;
  /** It computes on the device of the backend. */
  readonly onDevice?: boolean;
  readonly params: JsonObject;
  readonly inputs: readonly BoundInput[];
  /** Null for a whole unit. */
  readonly shard: { readonly first: number; readonly count: number } | null;
  /** Images that the cell makes or reads, as the plan counted them. */
  readonly images: number;
  /** Images in one object of a whole unit's output. */
  readonly chunk: number | null;
  readonly seed: readonly [high: number, low: number];
  readonly key: string;
  readonly preimage: string;
  /** The files that decide its result, as they were when the plan was made. */
  readonly files: readonly FileDigest[];
  /** Compute the unit even if the store has a record of its key. */
  readonly recompute: boolean;
  readonly resources: StageSettings['resources'];
  /** Most images to compute at a time, after it ran out of memory with more; null at first. */
  readonly batchLimit: number | null;
}

/** The setup that all tasks of a run share. */
export interface WorkerSetup {
  readonly root: string;
  /** Files and folders outside of the project that its stages may read. */
  readonly allowedPaths?: readonly string[];
  /** Folder of the pipeline file. */
  readonly folder: string;
  readonly cacheFolder: string;
  readonly backend: string;
  readonly version: string;
  readonly code: CodePermission;
  /** Folder to write a CPU profile of each worker to; none is made if it is absent. */
  readonly profiles?: string;
}

export interface TaskFailure {
  readonly code: FailureCode;
  readonly message: string;
  readonly file?: string;
  readonly fix?: string;
  readonly stack?: string;
  /** The number of images that were computed at a time when memory ran out. */
  readonly batch?: number;
}

/**
 * A worker's report about a task. The commit record in the store is the truth; `committed` only repeats it.
 */
export type TaskMessage =
  | { readonly type: 'started'; readonly id: number }
  | {
      readonly type: 'progress';
      readonly id: number;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
    }
  | {
      readonly type: 'metric';
      readonly id: number;
      readonly name: string;
      readonly value: number;
      readonly axes: Readonly<Record<string, AxisLabel>>;
      /** The value is that of one unit, and the metric is the sum over the units of the cell. */
      readonly isSummed?: boolean;
    }
  | { readonly type: 'log' | 'warning' | 'output'; readonly id: number; readonly message: string }
  | TaskOutcome;

/** The last message of a task. */
export type TaskOutcome =
  | {
      readonly type: 'committed';
      readonly id: number;
      readonly outputs: Outputs;
      readonly seconds: number;
      /** Another run had committed it meanwhile. */
      readonly reused: boolean;
      /** The warnings of the stage when it was computed, if it was reused. */
      readonly warnings?: readonly string[];
      readonly peakBytes: number;
      /** Absent if it was reused. */
      readonly time?: UnitTime;
    }
  | { readonly type: 'failed'; readonly id: number; readonly failure: TaskFailure }
  /**
   * Given back before its end, because the executor was drained: it had not begun, or it wrote a checkpoint and
   * stopped. Or it had not begun when a task before it in the same array task was lost.
   */
  | { readonly type: 'returned'; readonly id: number }
  /** Objects among its inputs are missing or damaged, and have to be computed again first. */
  | { readonly type: 'damaged'; readonly id: number; readonly digests: readonly string[] }
  | {
      readonly type: 'lost';
      readonly id: number;
      readonly cause: 'crash' | 'out-of-memory' | 'timeout';
      readonly message: string;
    };

export type ExecutorListener = (message: TaskMessage, worker: number) => void;

/**
 * Whatever computes units: worker processes on this machine (`executors/local/`), or
 * a batch system (`executors/slurm/`).
 */
export interface Executor {
  /** The number of tasks that it would begin soon if they were submitted now. */
  readonly capacity: () => number;
  readonly submit: (task: Task) => void;
  /** Set once, before the first `submit`. */
  readonly listen: (listener: ExecutorListener) => void;
  /**
   * The run was asked to stop: gives back the tasks that have not begun, if it may be long until they do, and those that can
   * go on from a checkpoint.
   */
  readonly drain?: () => void;
  /**
   * Ends what computes these tasks, which get no outcome any more, or one that nobody needs. Without it they are computed to
   * their ends.
   */
  readonly cancel?: (tasks: readonly number[]) => void;
  /** Stops everything at once. Unfinished tasks get no outcome. */
  readonly kill: () => void;
  /** Ends all workers. Resolves when they are gone. */
  readonly close: () => Promise<void>;
}
