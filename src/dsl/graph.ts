import type { Json, JsonObject } from '../values/json.ts';

/**
 * A resolved pipeline: every stage expanded over its axes into cells, every input bound to the cells it
 * reads. Plain JSON, so that it can be printed, compared in tests and cached by the digest of its sources.
 */
export interface Graph {
  readonly pipeline: string;
  readonly description: string;
  readonly seed: number;
  /** Absolute path of the pipeline file. */
  readonly file: string;
  /** Absolute path of the project root: no path of the pipeline leaves it, but for `allowedPaths`. */
  readonly root: string;
  /** Absolute paths of files and folders outside of the project that the user lets its stages read; absent if none. */
  readonly allowedPaths?: readonly string[];
  /** Parameter values after profiles and `-S`. */
  readonly params: JsonObject;
  readonly executor: { readonly uses: string; readonly [option: string]: Json };
  /** The tensor backend that the pipeline or a profile names; `auto` if none does. */
  readonly backend: string;
  /** Treat tensors of one numeric backend as good for another (`numerics: shared`). */
  readonly sharedNumerics: boolean;
  /** TensorFlow may compute products with the 10 bits of TF32 on a GPU (`numerics: tf32`); float32 if absent. */
  readonly allowsTf32?: true;
  readonly plugins: readonly string[];
  /** Topological order: a stage comes after every stage that it reads. */
  readonly stages: readonly GraphStage[];
  /** Grouped by stage, stages in the order of `stages`. Inputs refer to cells by index into this list. */
  readonly cells: readonly Cell[];
}

export interface GraphStage {
  readonly id: string;
  readonly title: string;
  /** Names of the axes of its cells, inherited ones first. */
  readonly axes: readonly string[];
  /** Index of its first cell, and how many it has. */
  readonly firstCell: number;
  readonly cellCount: number;
  /** Place where the stage is written, as `file:line:column`. */
  readonly at: string;
  readonly settings: StageSettings;
  /** Files to which outputs are copied: `publish:`. */
  readonly publish: readonly PublishTarget[];
  /** Id of the stage whose cells these are parts of, if the runtime added the stage. */
  readonly partOf?: string;
}

export interface PublishTarget {
  readonly port: string;
  /**
   * Relative to the pipeline's folder; `{axis}` stands for the label of a cell, which `publishPath` puts in.
   */
  readonly path: string;
}

/** None of these enters a key. */
export interface StageSettings {
  /** Images in a shard. */
  readonly shard: number;
  readonly onError: 'stop' | 'continue';
  readonly retry: { readonly max: number; readonly on: readonly RetryCause[] };
  readonly resources: {
    readonly gpu?: number | string;
    readonly memoryBytes?: number;
    readonly timeMs?: number;
  };
  readonly store: 'auto' | 'always' | 'never';
}

export type RetryCause = 'out-of-memory' | 'crash' | 'preempted' | 'io';

export type AxisLabel = string | number | boolean;

export interface Cell {
  /** `defended[attack=fgsm,strength=0.06,defense=tvm]`, or the bare stage id if it has no axes. */
  readonly id: string;
  readonly stage: string;
  readonly uses: string;
  readonly axes: Readonly<Record<string, AxisLabel>>;
  /** Defaults filled, units normalised, fractions as the nearest double. */
  readonly params: JsonObject;
  /** Value of `seed:` of its stage; absent for 0. */
  readonly seed?: number;
  readonly inputs: Readonly<Record<string, CellInput>>;
  /** Present only if `defaults:` for its stage type make them differ from those of the stage. */
  readonly settings?: StageSettings;
  /** Only this number of images, the first ones, are made or read; all if absent. */
  readonly images?: number;
  /** Index of a cell that is brought up to date only together with this one, which reads it. */
  readonly follows?: number;
  /** For estimates: the first images that parts of the cell compute under the same keys, as a rule. */
  readonly computedBefore?: number;
  /** For estimates: the share of its units that have to be computed when their turn comes, as a rule; 1 if absent. */
  readonly expectedShare?: number;
}

export type CellInput =
  | { readonly one: CellOutput }
  /**
   * `collect` or a list of references, in document order; `axes` are the labels that tell the items apart.
   */
  | { readonly many: readonly (CellOutput & { readonly axes: Readonly<Record<string, AxisLabel>> })[] };

export interface CellOutput {
  /** Index into `Graph.cells`. */
  readonly cell: number;
  readonly port: string;
}
