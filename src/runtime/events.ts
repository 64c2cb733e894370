import type { AxisLabel, Graph } from '../dsl/graph.ts';

/** The choices of a run's command line beside the file: `-S`, `-p` and `--seed`. */
export interface RunChoices {
  readonly set: readonly string[];
  readonly profile: readonly string[];
  readonly seed: number | null;
}

/**
 * The only thing between the engine and every screen: `--ui json` prints these, the ledger stores them, the
 * dashboard reduces them. Version 1; fields are only ever added.
 */
export type RunEvent = {
  readonly v: 1;
  /** Milliseconds since the epoch. */ readonly at: number;
} & RunEventBody;

export type RunEventBody =
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly pipeline: string;
      readonly file: string;
      readonly backend: string;
      readonly workers: number;
      readonly host: string;
      readonly pid: number;
      /** With `host` and `pid` these name the process for ever. Absent from runs of earlier versions. */
      readonly boot?: string | null;
      readonly processStarted?: string | null;
      /** Absent if the command line chose nothing. */
      readonly choices?: RunChoices;
      /** The other options of the command line as they were given, such as `['--cache', 'shared']`; absent if there are none. */
      readonly options?: readonly string[];
      /** The values of the params of the pipeline, those that are short. Absent from runs of earlier versions. */
      readonly params?: Graph['params'];
      /** The commit of the repository that the pipeline is in; absent outside of one. */
      readonly revision?: string;
      readonly totals: {
        readonly cells: number;
        /** How many of the cells are parts of others, as the preparations of attacks are; absent if none is. */
        readonly parts?: number;
        readonly shards: number;
        readonly reuse: number;
        readonly run: number;
      };
    }
  /** A person has paused the run, or has let it go on. */
  | { readonly type: 'run-paused'; readonly paused: boolean }
  /** A person has let a failed cell be tried again: the failure is taken back, and `freed` other cells can finish again. */
  | { readonly type: 'cell-retried'; readonly cell: string; readonly freed: number }
  /** Nothing of the cell is computed any more: it is a part of cells that a person has cancelled, and of no others. */
  | { readonly type: 'cell-skipped'; readonly cell: string }
  /** Comes before anything runs, if results of another backend are passed over. */
  | ({ readonly type: 'backend-changed' } & BackendChange)
  | {
      readonly type: 'cell-planned';
      readonly cell: string;
      readonly stage: string;
      readonly uses: string;
      readonly axes: Readonly<Record<string, AxisLabel>>;
      /** Id of the stage whose cells this is a part of; absent for a cell that the pipeline declares. */
      readonly partOf?: string;
      readonly shards: { readonly total: number; readonly reuse: number; readonly run: number };
      /** Images that the cell reads or makes; 0 if it has none. */
      readonly images: number;
      readonly because: readonly string[];
      /** The work of its units; absent if nothing of it runs or the stage type does not say. */
      readonly work?: UnitWork;
      /**
       * Units that are expected to be computed, if those are fewer than run: results of another cell will be found, or a part of
       * an attack is only needed for some images.
       */
      readonly expected?: number;
      /**
       * The cells that it reads: first and last of each range of positions, among the `cell-planned` events of the run, from
       * 0. Absent from runs of earlier versions, and if it reads none.
       */
      readonly reads?: readonly (readonly [first: number, last: number])[];
      /** It makes only the recipe of a defense: its images are computed by the cells that read them. */
      readonly onTheFly?: true;
    }
  | {
      readonly type: 'shard-started';
      readonly cell: string;
      readonly shard: number;
      readonly worker: number;
      readonly attempt: number;
    }
  | {
      readonly type: 'shard-progress';
      readonly cell: string;
      readonly shard: number;
      readonly done: number;
      readonly total: number;
      /** The unit that is counted: `images`, `steps`, `epochs`. */
      readonly unit: string;
    }
  | {
      readonly type: 'shard-committed';
      readonly cell: string;
      readonly shard: number;
      readonly key: string;
      /**
       * It was found in the store: a rerun upstream gave the same bytes,
       * or another run committed it meanwhile.
       */
      readonly reused: boolean;
      readonly images: number;
      readonly seconds: number;
      readonly bytes: number;
      /** Highest resident memory of the worker so far. */
      readonly peakBytes: number;
      /** Absent if the unit was reused. */
      readonly time?: UnitTime;
    }
  | {
      readonly type: 'cell-finished';
      readonly cell: string;
      /** Every shard came from the cache. */
      readonly reused: boolean;
      readonly seconds: number;
      /** Seconds that the reused shards took when they were computed. */
      readonly savedSeconds: number;
      /** Commit records of its shards, in order. */
      readonly keys: readonly string[];
    }
  | {
      readonly type: 'cell-failed';
      readonly cell: string;
      readonly shard: number;
      readonly failure: Failure;
      /** Cells that cannot run because of it. */
      readonly blocked: number;
    }
  | {
      readonly type: 'metric';
      readonly cell: string;
      readonly name: string;
      readonly value: number;
      readonly axes: Readonly<Record<string, AxisLabel>>;
    }
  | { readonly type: 'log'; readonly cell: string; readonly shard: number; readonly message: string }
  | { readonly type: 'warning'; readonly cell: string | null; readonly message: string }
  | { readonly type: 'published'; readonly cell: string; readonly path: string }
  /** A file under `publish:` could not be written, or a table not be shown: the run has failed. */
  | {
      readonly type: 'not-published';
      readonly cell: string;
      /** Absolute path of the file; null for a table. */
      readonly path: string | null;
      /** A whole sentence that names the file. */
      readonly message: string;
      readonly fix?: string;
      /** A file of an earlier result stands at the path. */
      readonly stale: boolean;
    }
  | {
      readonly type: 'run-finished';
      readonly status: 'ok' | 'failed' | 'interrupted';
      readonly totals: {
        readonly cells: number;
        /** How many of the cells are parts of others, as the preparations of attacks are; absent if none is. */
        readonly parts?: number;
        readonly shards: number;
        readonly reused: number;
        readonly ran: number;
        readonly failed: number;
      };
      readonly seconds: number;
    };

/**
 * The seconds of a unit, commit included, by what they went into. The phases add up to `wall`; `src/timing/phases.ts` says what
 * each is.
 */
export interface UnitTime {
  readonly wall: number;
  /** Processor seconds of all threads of the worker. */
  readonly cpu: number;
  readonly read: number;
  readonly codec: number;
  readonly open: number;
  readonly backend: number;
  readonly kernels: number;
  readonly javascript: number;
  readonly write: number;
  /** Bytes that went to the backend and came back, if it counts them and there were any. */
  readonly fed?: number;
  readonly fetched?: number;
  /** Seconds from the start of the worker's process to its first unit, if this is the first that it committed. */
  readonly starting?: number;
}

/** The work of a unit of a cell, in amounts of operations, by which the times of earlier runs are scaled. */
export interface UnitWork {
  /** Equal for cells whose units differ in their number of images alone. */
  readonly alike: string;
  /** Names the networks that it computes, by their size; absent if it computes none, and from runs of earlier versions. */
  readonly network?: string;
  readonly perImage: Readonly<Record<string, number>>;
  readonly perUnit: Readonly<Record<string, number>>;
}

/** The units of a cell, as far as the plan knows them before any of them runs. */
export interface ForeseenCell {
  readonly work: UnitWork | null;
  /**
   * Units that are expected to be computed. Fewer than those that run, if the cell is equal to an earlier one, or if a part of it
   * is only needed for some images: their results are then found.
   */
  readonly expected: number;
}

/** A run computes on another backend, or another version of it, than what has results. */
export interface BackendChange {
  readonly from: { readonly backend: string; readonly version: string };
  readonly to: { readonly backend: string; readonly version: string };
  /** Shards whose results exist from `from` and that are computed again. */
  readonly shards: number;
  /** The same as a sentence, and how to keep `from`. */
  readonly message: string;
}

/** Why a shard failed, for people: which file, what is wrong, and what to do. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** The file or value at fault, if there is one. */
  readonly file?: string;
  readonly fix?: string;
  /** The place of the stage in the pipeline: `file:line:column`. */
  readonly at: string;
  /** Absolute path of the cell's log, which has the full stack. */
  readonly log: string;
  readonly attempts: number;
}

export type FailureCode =
  'bad-data' | 'out-of-memory' | 'crash' | 'storage' | 'io' | 'stage' | 'cancelled' | 'timeout';
