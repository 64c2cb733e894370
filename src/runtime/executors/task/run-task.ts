import { LostProcessError } from '../../../values/lost-process-error.ts';
import { WrittenInputError } from '../../../values/value-error.ts';
import { BatchSizes } from '../../../values/batch-size.ts';
import { runVerified } from '../../border.ts';
import type { UnitTime } from '../../events.ts';
import type { Task, TaskMessage, TaskOutcome, WorkerSetup } from '../../executor.ts';
import { monotonicNow } from '../../../timing/awake-time.ts';
import { inPhase, measurePhases, phases } from '../../../timing/phases.ts';
import { measureTransfers } from '../../../timing/transfers.ts';
import { changedFile } from '../../plan/file-digests.ts';
import { librariesOf, numericsOf } from '../../plan/fingerprint.ts';
import type { NumericIdentity } from '../../plan/last-backends.ts';
import { resolveCode, resolveInside } from '../../plan/resolve-path.ts';
import { readResult } from '../../plan/stored-result.ts';
import { printedOf } from '../../plan/printed-facts.ts';
import {
  type Checkpoint,
  nothingPrinted,
  PausedError,
  type Stage,
  type StageContext,
  StageError,
  type StageRegistry,
} from '../../stage.ts';
import { storedResult } from '../../store/record.ts';
import type { Store } from '../../store/store.ts';
import { describeFailure } from './describe-failure.ts';
import { ofPlugin } from './plugin-failure.ts';
import { DamagedInputsError } from './damaged-inputs.ts';
import type { KeptInputs } from './input-cache.ts';
import { ResultWarnings } from './result-warnings.ts';
import { readInputs, writeOutputs } from './task-values.ts';

export interface TaskSurroundings {
  readonly registry: StageRegistry;
  readonly setup: WorkerSetup;
  readonly store: Store;
  readonly cache: KeptInputs;
  readonly signal: AbortSignal;
  /** Aborted when the run is asked to stop: see `Checkpoint.pause`. */
  readonly pause: AbortSignal;
  readonly send: (message: TaskMessage) => void;
  /** Throws `StageError` if this process computes other numbers than those of the plan. */
  readonly checkNumerics?: (planned: NumericIdentity) => void;
}

/** Progress messages that come faster are dropped: a screen shows no more than ten a second. */
const progressMs = 100;

/** Computes one unit and commits it to the store. It never throws: every way to end is an outcome. */
export async function runTask(task: Task, surroundings: TaskSurroundings): Promise<TaskOutcome> {
  const { registry, setup, store, cache, pause, send } = surroundings;
  const clock = startClock();
  const batchSizes = new BatchSizes(task.batchLimit);
  let streamDamage: readonly string[] = [];
  try {
    const stage = registry.get(task.uses);
    if (stage === undefined) throw new Error(`unknown stage type ${task.uses} in this worker`);
    if (!task.recompute) {
      const record = readResult(store, stage, task.key);
      if (record !== null) return committed(task, storedResult(record));
    }
    checkSource(stage, task);
    const numerics = stage.device ? numericsOf(task.preimage) : null;
    if (numerics !== null) surroundings.checkNumerics?.(numerics);
    const started = process.hrtime.bigint();
    const cpu = process.cpuUsage();
    const { inputs, damaged } = readInputs(stage, task, store, cache);
    streamDamage = damaged;
    const warn = (message: string): void => send({ type: 'warning', id: task.id, message });
    const warnings = new ResultWarnings(warn);
    const checkpoint = storedCheckpoint(task.key, store, pause, warn);
    const context = {
      ...stageContext(task, inputs, checkpoint, warnings.add, surroundings),
      batchSizes,
      printed: stage.prints === undefined ? nothingPrinted : printedOf(task.preimage),
      libraries: librariesOf(stage),
      stages: registry,
    };
    const outputs = await runVerified(stage, context as StageContext<never, never>, {
      count: task.shard?.count ?? null,
      sealed: stage.source !== undefined,
    });
    if (damaged.length > 0) throw new DamagedInputsError(damaged);
    checkFiles(task);
    const written = await writeOutputs(stage, task, outputs, store);
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    const record = {
      format: 1 as const,
      key: task.key,
      outputs: written,
      seconds: microseconds(seconds),
      cpuSeconds: (user + system) / 1e6,
      created: new Date().toISOString(),
      ravelin: setup.version,
      ...warnings.ofRecord(),
    };
    inPhase('write', () => store.commit(record, task.preimage));
    if (checkpoint.used()) store.removeCheckpoint(task.key);
    return committed(task, { outputs: written, seconds, reused: false, time: clock() });
  } catch (error) {
    // The values that this worker keeps may be among those that were written into.
    if (error instanceof WrittenInputError) cache.clear();
    if (error instanceof PausedError && pause.aborted) return { type: 'returned', id: task.id };
    const digests = error instanceof DamagedInputsError ? error.digests : streamDamage;
    if (digests.length > 0) return { type: 'damaged', id: task.id, digests };
    if (error instanceof LostProcessError)
      return { type: 'lost', id: task.id, cause: error.lossCause, message: error.message };
    const failure = describeFailure(error, batchOf(task, batchSizes));
    return { type: 'failed', id: task.id, failure: ofPlugin(failure, error, registry.get(task.uses), setup) };
  }
}

/**
 * A plugin that was changed since the plan would commit other numbers under the planned key. Throws
 * `StageError`.
 */
function checkSource({ uses, source }: Stage, { preimage }: Task): void {
  if (source === undefined || preimage.includes(`"source":"${source}"`)) return;
  throw new StageError(`the plugin that brings ${uses} was changed while the run was under way`, {
    fix: 'run again; finished results are kept',
  });
}

/** The result of a file that was changed since the plan would be stored under the key of another. Throws `StageError`. */
function checkFiles({ files }: Task): void {
  const changed = changedFile(files);
  if (changed === null) return;
  throw new StageError(`${changed} was changed while the run was under way`, {
    code: 'bad-data',
    file: changed,
    fix: 'run again; finished results are kept',
  });
}

/**
 * The number of images that the stage computed at a time when it failed; null if it does not work in batches.
 */
function batchOf(task: Task, { last }: BatchSizes): number | null {
  return last === null ? null : Math.max(1, Math.min(last, task.shard?.count ?? task.images));
}

type Committed = Extract<TaskOutcome, { type: 'committed' }>;

function committed(task: Task, result: Omit<Committed, 'type' | 'id' | 'peakBytes'>): TaskOutcome {
  return { type: 'committed', id: task.id, ...result, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

/** The result returns where the time since this call went. */
function startClock(): () => UnitTime {
  const measured = measurePhases();
  const transferred = measureTransfers();
  const cpu = process.cpuUsage();
  return () => {
    const seconds = measured();
    const { user, system } = process.cpuUsage(cpu);
    const rounded = { ...seconds };
    let wall = 0;
    for (const phase of phases) {
      rounded[phase] = microseconds(seconds[phase]);
      wall += rounded[phase];
    }
    const { fed, fetched } = transferred();
    return {
      ...{ wall: microseconds(wall), cpu: (user + system) / 1e6, ...rounded },
      ...(fed + fetched > 0 && { fed, fetched }),
    };
  };
}

function microseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

function stageContext(
  task: Task,
  inputs: Readonly<Record<string, unknown>>,
  checkpoint: Checkpoint,
  warn: (message: string) => void,
  { setup, signal, send }: TaskSurroundings,
): Omit<StageContext<unknown, unknown>, 'batchSizes' | 'printed' | 'libraries' | 'stages'> {
  let lastProgress = -Infinity;
  return {
    params: task.params,
    inputs,
    shard: task.shard ?? { first: 0, count: task.images },
    seed: task.seed,
    backend: setup.backend,
    resolve: (path) => resolveInside(setup.root, setup.folder, path, setup.allowedPaths),
    resolveCode: (path, program) => resolveCode(setup.code, setup, path, program),
    signal,
    progress(done, total, unit) {
      const now = monotonicNow();
      if (now - lastProgress < progressMs) return;
      lastProgress = now;
      send({ type: 'progress', id: task.id, done, total, unit });
    },
    metric: (name, value, axes = {}) => send({ type: 'metric', id: task.id, name, value, axes }),
    count: (name, value) => send({ type: 'metric', id: task.id, name, value, axes: {}, isSummed: true }),
    log: (message) => send({ type: 'log', id: task.id, message }),
    warn,
    checkpoint,
  };
}

function storedCheckpoint(
  key: string,
  store: Store,
  pause: AbortSignal,
  warn: (message: string) => void,
): Checkpoint & { readonly used: () => boolean } {
  let used = false;
  return {
    used: () => used,
    pause,
    get everySteps() {
      return stepsBetweenCheckpoints();
    },
    read() {
      const state = store.readCheckpoint(key);
      used = state !== 'absent';
      if (state === 'damaged')
        warn('the checkpoint of this cell was damaged, so the cell starts again from the beginning');
      return Promise.resolve(typeof state === 'string' ? null : state);
    },
    write(bytes) {
      used = true;
      store.writeCheckpoint(key, bytes);
      return Promise.resolve();
    },
    refuse: warn,
  };
}

/** The number in the environment; null if there is none. Throws `StageError` for anything but a whole number from 1 on. */
function stepsBetweenCheckpoints(): number | null {
  const said = process.env[checkpointVariable];
  if (said === undefined || said === '') return null;
  const steps = Number(said);
  if (Number.isSafeInteger(steps) && steps >= 1) return steps;
  throw new StageError(`${checkpointVariable} is '${said}', not a whole number from 1 on`, {
    fix: 'set it to the number of steps between two checkpoints, or unset it',
  });
}

const checkpointVariable = 'RAVELIN_CHECKPOINT_STEPS';
