import { Value as Schema } from '@sinclair/typebox/value';
import { resolve as resolvePath } from 'node:path';
import type { Stage, StageContext, Survey } from '../../src/runtime/stage.ts';
import { librariesOf } from '../../src/runtime/plan/fingerprint.ts';
import { noCheckpoint, nothingPrinted, type Printed, StageError } from '../../src/runtime/stage.ts';
import { stages } from '../../src/stages/index.ts';
import { BatchSizes } from '../../src/values/batch-size.ts';
import { givenInputs } from '../../src/values/image-rows.ts';
import type { Images } from '../../src/values/images.ts';
import type { Value } from '../../src/values/value.ts';

export interface StageRun {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly logs: readonly string[];
  readonly warnings: readonly string[];
}

export interface RunOptions {
  readonly backend?: string;
  readonly signal?: AbortSignal;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly shard?: { readonly first: number; readonly count: number };
  readonly root?: string;
  readonly printed?: Printed;
  readonly seed?: readonly [number, number];
  readonly checkpoint?: Uint8Array | null;
  readonly everySteps?: number;
  readonly pause?: AbortSignal;
  readonly onCheckpoint?: (bytes: Uint8Array) => void;
}

export function stageOf(uses: string): Stage {
  const stage = stages.get(uses);
  if (stage === undefined) throw new Error(`no stage ${uses}`);
  return stage;
}

/** Parameters as the language hands them over: defaults filled, and valid. Throws where they are not. */
export function parametersOf(stage: Stage, given: Readonly<Record<string, unknown>>): never {
  const params = Schema.Default(stage.with, Schema.Clone(given));
  const error = Schema.Errors(stage.with, params).First();
  // TypeBox knows no formats unless told; paths are text.
  if (error !== undefined && error.message !== "Unknown format 'path'")
    throw new Error(`${error.path}: ${error.message}`);
  return params as never;
}

/** What a worker gives a stage, with what the stage says left out. */
export function contextOf(
  uses: string,
  given: Readonly<Record<string, unknown>>,
  options: RunOptions = {},
): StageContext<never, never> {
  const stage = stageOf(uses);
  const images = options.inputs?.['images'] as Images | undefined;
  return {
    params: parametersOf(stage, given),
    inputs: givenInputs(stage.in, options.inputs ?? {}) as never,
    shard: options.shard ?? { first: 0, count: images?.ids.length ?? 0 },
    seed: options.seed ?? [1, 2],
    backend: options.backend ?? 'wasm',
    batchSizes: new BatchSizes(),
    printed: options.printed ?? nothingPrinted,
    libraries: librariesOf(stage),
    stages,
    ...pathsIn(options.root ?? '/'),
    signal: options.signal ?? new AbortController().signal,
    progress: () => {},
    metric: () => {},
    count: () => {},
    log: () => {},
    warn: () => {},
    checkpoint: {
      ...noCheckpoint,
      // After epochs alone, and not by the clock.
      everySteps: options.everySteps ?? 1e9,
      ...(options.pause && { pause: options.pause }),
      read: () => Promise.resolve(options.checkpoint ?? null),
      write: (bytes) => {
        options.onCheckpoint?.(bytes);
        return Promise.resolve();
      },
    },
  };
}

/** Runs a stage in this process, as a worker would. */
export async function runStage(
  uses: string,
  given: Readonly<Record<string, unknown>> = {},
  options: RunOptions = {},
): Promise<StageRun> {
  const metrics: Record<string, number> = {};
  const logs: string[] = [];
  const warnings: string[] = [];
  const { images: surveyed = 0 } =
    options.inputs?.['images'] === undefined ? ((await surveyStage(uses, given, options.root)) ?? {}) : {};
  const context = contextOf(uses, given, {
    ...options,
    ...(options.shard === undefined && surveyed > 0 && { shard: { first: 0, count: surveyed } }),
  });
  const outputs = await stageOf(uses).run({
    ...context,
    metric: (name, value) => {
      metrics[name] = value;
    },
    count: (name, value) => {
      metrics[name] = value;
    },
    log: (message) => logs.push(message),
    warn: (message) => warnings.push(message),
    checkpoint: { ...context.checkpoint, refuse: (reason) => warnings.push(reason) },
  });
  return { outputs, metrics, logs, warnings };
}

export async function surveyStage(
  uses: string,
  given: Readonly<Record<string, unknown>>,
  root = '/',
): Promise<Survey | undefined> {
  const stage = stageOf(uses);
  return stage.survey?.({ params: parametersOf(stage, given), ...pathsIn(root) });
}

/** Paths below `root`, where all code may run. */
function pathsIn(root: string): Pick<StageContext<never, never>, 'resolve' | 'resolveCode'> {
  const resolve = (path: string): string => resolvePath(root, path);
  return { resolve, resolveCode: (path) => ({ path: resolve(path), root }) };
}

/** The images that a stage makes. */
export async function imagesOf(
  uses: string,
  given: Readonly<Record<string, unknown>> = {},
  options: RunOptions = {},
): Promise<Images> {
  return (await runStage(uses, given, options)).outputs['images'] as Images;
}

/** The `StageError` that a promise fails with; an assertion error where it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<StageError> {
  const reason: unknown = await promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
  if (reason instanceof StageError) return reason;
  throw reason instanceof Error ? reason : new Error(String(reason));
}
