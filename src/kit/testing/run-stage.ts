import { Value as Schema } from '@sinclair/typebox/value';
import { resolve } from 'node:path';
import { runVerified } from '../../runtime/border.ts';
import {
  noCheckpoint,
  nothingPrinted,
  type Printed,
  type Stage,
  type StageContext,
} from '../../runtime/stage.ts';
import { stages } from '../../stages/index.ts';
import { BatchSizes } from '../../values/batch-size.ts';
import { givenInputs } from '../../values/image-rows.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Seed } from '../../tensors/random.ts';
import type { Value } from '../../values/value.ts';

export interface StageRun {
  /** Values by output port. */
  readonly outputs: Readonly<Record<string, Value>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly logs: readonly string[];
  readonly warnings: readonly string[];
}

export interface StageRunOptions {
  /** Values by input port; a list port takes a list of `{ axes, value }`. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** Images to make or transform; all of the input `images`, or of the dataset, if absent. */
  readonly shard?: { readonly first: number; readonly count: number };
  readonly seed?: Seed;
  /** Tensor backend; wasm if absent. */
  readonly backend?: string;
  /** Facts of the run that a report prints; none if absent. */
  readonly printed?: Printed;
  /** Folder that relative paths start from; the working directory if absent. */
  readonly folder?: string;
  /** Stages of plugins that this one needs, such as a defense that an attack goes through. */
  readonly others?: readonly Stage[];
}

/**
 * Runs a stage in this process as a worker would, without a pipeline or a cache: what it returns is verified, and
 * it must not write into its inputs. `params` are those of `with:`; defaults are filled in. Throws `TypeError` if
 * the schema or the stage's check rejects the parameters.
 */
export async function runStage(
  stage: Stage,
  params: JsonObject = {},
  options: StageRunOptions = {},
): Promise<StageRun> {
  const filled = fillParameters(stage, params);
  const resolvePath = (path: string): string => resolve(options.folder ?? '.', path);
  const metrics: Record<string, number> = {};
  const logs: string[] = [];
  const warnings: string[] = [];
  const context: StageContext<never, never> = {
    params: filled,
    inputs: givenInputs(stage.in, options.inputs ?? {}) as never,
    shard: options.shard ?? { first: 0, count: await countImages(stage, filled, options, resolvePath) },
    seed: options.seed ?? [1, 2],
    backend: options.backend ?? 'wasm',
    batchSizes: new BatchSizes(),
    printed: options.printed ?? nothingPrinted,
    libraries: {},
    stages: new Map([
      ...stages,
      ...[...(options.others ?? []), stage].map((some) => [some.uses, some] as const),
    ]),
    resolve: resolvePath,
    resolveCode: (path) => ({ path: resolvePath(path), root: options.folder ?? '.' }),
    signal: new AbortController().signal,
    progress: () => {},
    metric: (name, value) => {
      metrics[name] = value;
    },
    count: (name, value) => {
      metrics[name] = value;
    },
    log: (message) => logs.push(message),
    warn: (message) => warnings.push(message),
    checkpoint: noCheckpoint,
  };
  // What a dataset makes is counted by its survey, unless the test asks for some of its images.
  const isSharded =
    stage.shard(filled) === 'images' && (context.shard.count > 0 || options.shard !== undefined);
  const count = isSharded ? context.shard.count : null;
  const outputs = await runVerified(stage, context, { count, sealed: true });
  return { outputs, metrics, logs, warnings };
}

/** Parameters as the language passes them on: valid, with defaults filled in. */
export function fillParameters(stage: Stage, params: JsonObject): never {
  const filled = Schema.Default(stage.with, Schema.Clone(params));
  // TypeBox does not have the format of paths, which are plain text.
  const error = [...Schema.Errors(stage.with, filled)].find(
    ({ message }) => message !== "Unknown format 'path'",
  );
  if (error !== undefined) throw new TypeError(`${stage.uses}: ${error.path} ${error.message}`);
  const problem = stage.check?.(filled as never)[0];
  if (problem !== undefined) throw new TypeError(`${stage.uses}: ${problem.message}`);
  return filled as never;
}

async function countImages(
  stage: Stage,
  params: never,
  { inputs, folder = '.' }: StageRunOptions,
  resolvePath: (path: string) => string,
): Promise<number> {
  const given = inputs?.['images'] ?? inputs?.['predictions'];
  if (typeof given === 'object' && given !== null && 'ids' in given) return (given.ids as Int32Array).length;
  return (
    (
      await stage.survey?.({
        params,
        resolve: resolvePath,
        resolveCode: (path) => ({ path: resolvePath(path), root: folder }),
      })
    )?.images ?? 0
  );
}
