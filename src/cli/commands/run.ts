import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Prior } from '../../dashboard/estimate.ts';
import type { Renderer } from '../../dashboard/renderer.ts';
import type { ForeseenCell, RunChoices, RunEvent } from '../../runtime/events.ts';
import { createRunControl } from '../../runtime/run/control.ts';
import { execute } from '../../runtime/run/execute.ts';
import { openLedger, unkeptLedger, type Ledger } from '../../runtime/run/ledger.ts';
import { newRunId } from '../../runtime/run/run-id.ts';
import type { RunSummary } from '../../runtime/run/reporter.ts';
import { isSame } from '../../runtime/plan/last-backends.ts';
import type { Plan } from '../../runtime/plan/plan.ts';
import { StoreError } from '../../runtime/store/errors.ts';
import { choicesOf, mannerOf } from '../choices.ts';
import { gitRevision } from '../git-revision.ts';
import { shortParams } from '../run-params.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { executorName, openExecutor, slurmScripts } from '../executor.ts';
import { listenForInterrupts } from '../interruption.ts';
import { openDeviceLoads } from '../device-loads.ts';
import { machineKey } from '../machine-key.ts';
import { complain, describeLoss, print } from '../output.ts';
import { describeProfiles, profilesFolder } from '../profiles.ts';
import { cudaDevices, cudaMemory } from '../../tensors/backend.ts';
import { parallelism } from '../parallelism.ts';
import { openPipeline, type OpenPipeline, type PipelineOptions } from '../pipeline.ts';
import { logsOfRun } from '../cell-logs.ts';
import { picturesOfCache } from '../cell-pictures.ts';
import { openResultTables } from '../result-tables.ts';
import { openScreen } from '../run-screen.ts';
import type { SelectionOptions } from '../selection.ts';
import { explainFullDisk, tidyCache } from '../tidy.ts';
import { changeOfBackend, plan, planPipeline } from './plan.ts';

export interface RunOptions extends PipelineOptions, SelectionOptions {
  readonly jobs?: number;
  readonly executor?: 'local' | 'slurm';
  readonly cpuProfile?: boolean;
  readonly dryRun?: boolean;
  readonly confirm?: boolean;
  readonly detach?: boolean;
  readonly watch?: boolean;
  readonly keepGoing?: boolean;
  readonly failFast?: boolean;
  readonly overwrite?: boolean;
  readonly ui: 'auto' | 'inline' | 'full' | 'plain' | 'json' | 'quiet';
}

export async function run(
  file: string,
  selectors: readonly string[],
  options: RunOptions,
): Promise<ExitCode> {
  if (options.dryRun) return dryRun(file, selectors, options);
  if (options.confirm) {
    const { confirmRun } = await import('./run-confirm.ts');
    if (!(await confirmRun(file, selectors, options))) return exitCodes.workPending;
    return run(file, selectors, { ...options, confirm: false });
  }
  if (options.watch) {
    const { runAndWatch } = await import('./run-watch.ts');
    return runAndWatch(file, options, () => run(file, selectors, { ...options, watch: false }));
  }
  if (options.keepGoing && options.failFast)
    throw new UsageError('--keep-going and --fail-fast exclude each other', 'give only one of them');
  const pipeline = await openPipeline(file, options);
  if (options.detach) {
    await announceChange(pipeline, selectors, options);
    return detach(pipeline.cacheFolder);
  }
  const planned = await planPipeline(pipeline, selectors, options);
  const backendChange = await changeOfBackend(pipeline, planned, selectors, options);
  let screen: Renderer | null = null;
  const interruption = listenForInterrupts((text) => {
    if (screen === null) complain(text);
    else screen.notice(text);
  });
  pipeline.remember(pipeline.numerics);
  const shares = parallelism(
    pipeline.backend,
    availableParallelism(),
    options.jobs,
    cudaDevices(pipeline.backend),
    cudaMemory,
  );
  const ledger = ledgerOf(pipeline, planned);
  const prior = await priorOf(pipeline, planned, options);
  const control = createRunControl();
  screen = await openScreen(options.ui, planned.totals.run > 0, interruption.interrupt, {
    ...(prior !== undefined && { prior }),
    logOf: logsOfRun(pipeline.cacheFolder, ledger.run),
    control,
    picturesOf: picturesOfCache(pipeline.store),
    devices: openDeviceLoads(),
  });
  const choices = choicesOf(options);
  const origin = originOf(pipeline, choices, mannerOf(options));
  let hasComputed = false;
  const emit = (emitted: RunEvent) => {
    hasComputed ||= emitted.type === 'shard-started';
    const event = emitted.type === 'run-started' ? { ...emitted, ...origin } : emitted;
    ledger.append(event);
    screen.onEvent(event);
  };
  const tables = openResultTables(pipeline);
  let summary: RunSummary;
  let lost: StoreError | null = null;
  try {
    summary = await execute({
      graph: pipeline.graph,
      plan: planned,
      store: pipeline.store,
      run: ledger.run,
      backend: pipeline.backend,
      workers: shares.workers,
      backendChange,
      works: await worksOf(planned),
      openExecutor: () =>
        openExecutor(pipeline, {
          parallelism: shares,
          run: ledger.run,
          name: executorName(options, pipeline),
          emit,
          ...(options.cpuProfile && { profiles: profilesFolder(ledger.folder) }),
        }),
      emit,
      ...(options.ui !== 'quiet' && { reader: tables }),
      control,
      drain: interruption.drain,
      kill: interruption.kill,
      ...(options.overwrite && { overwrite: true }),
      machineKey: machineKey(),
      ...(options.keepGoing && { onError: 'continue' as const }),
      ...(options.failFast && { onError: 'stop' as const }),
    });
  } catch (error) {
    await screen.finish();
    throw error;
  } finally {
    lost = ledger.close();
    interruption.stop();
  }
  await screen.finish(tables.text());
  const unwritten = await describeLoss();
  if (unwritten !== undefined) complain(`warning: ${unwritten}`);
  if (lost !== null) complain(`warning: the last events of the run could not be saved: ${lost.message}`);
  if (options.cpuProfile && options.ui !== 'quiet') complain(describeProfiles(ledger, hasComputed));
  const failedOnDisk = summary.failures.some(({ failure }) => failure.code === 'storage');
  if (failedOnDisk) explainFullDisk(pipeline.store);
  else if (summary.totals.ran > 0) tidyCache(pipeline.store);
  return exitCodeOf(summary, interruption.signal());
}

/** Finds what the units do, by which later plans scale their times. Nothing is loaded if nothing runs. */
async function worksOf(planned: Plan): Promise<readonly (ForeseenCell | null)[]> {
  if (planned.totals.run === 0) return [];
  const { planWork } = await import('../../runtime/cost/cell-work.ts');
  const { foreseeCells } = await import('../../runtime/cost/expected-units.ts');
  return foreseeCells(planned, await planWork(planned));
}

/** Finds the time that units took in earlier runs, for screens that say how long the run takes. */
async function priorOf(
  { cacheFolder, backend }: OpenPipeline,
  { totals }: Plan,
  { ui }: RunOptions,
): Promise<Prior | undefined> {
  if (totals.run === 0 || ui === 'json' || ui === 'quiet') return undefined;
  const { priorOfCache } = await import('../measured-units.ts');
  return priorOfCache(cacheFolder, backend);
}

/**
 * Opens the ledger of the run. A run that has nothing to compute needs none, so it also succeeds on a cache that
 * can only be read. Throws `StoreError` if another one cannot be written down.
 */
function ledgerOf({ cacheFolder }: OpenPipeline, planned: Plan): Ledger {
  const run = process.env['RAVELIN_RUN'] ?? newRunId(cacheFolder);
  try {
    return openLedger(cacheFolder, run);
  } catch (error) {
    if (!(error instanceof StoreError) || planned.totals.run > 0) throw error;
    complain(
      `warning: ${error.message}; this run has nothing to compute and leaves no entry in 'ravelin runs'`,
    );
    return unkeptLedger(cacheFolder, run);
  }
}

/** Prints the plan, and for a cluster also the scripts that the run would submit first. */
async function dryRun(file: string, selectors: readonly string[], options: RunOptions): Promise<ExitCode> {
  const code = await plan(file, selectors, options);
  const pipeline = await openPipeline(file, options);
  if (executorName(options, pipeline) === 'slurm') {
    for (const script of await slurmScripts(pipeline, await planPipeline(pipeline, selectors, options)))
      print(`\n${script}`);
  }
  return code;
}

/**
 * Starts the same command in a process of its own, which outlives this terminal. The pipeline has been
 * checked before.
 */
function detach(cacheFolder: string): ExitCode {
  const id = newRunId(cacheFolder);
  // Nobody would see the error of the process that computes.
  openLedger(cacheFolder, id).close();
  const parameters = process.argv
    .slice(1)
    .filter((parameter) => parameter !== '--detach' && parameter !== '--confirm');
  spawn(process.execPath, [...parameters, '--ui', 'quiet'], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, RAVELIN_RUN: id },
  }).unref();
  print(id);
  complain(`follow it with: ravelin --cache ${cacheFolder} watch ${id}`);
  return exitCodes.ok;
}

/**
 * Announces a change of the backend before the process that computes begins, because nobody sees its screen.
 * Nothing is planned if only the backend of the last run is known.
 */
async function announceChange(
  pipeline: OpenPipeline,
  selectors: readonly string[],
  options: RunOptions,
): Promise<void> {
  if (pipeline.last.used.every((used) => isSame(used, pipeline.numerics))) return;
  const planned = await planPipeline(pipeline, selectors, options);
  const change = await changeOfBackend(pipeline, planned, selectors, options);
  if (change !== null) complain(change.message);
}

function exitCodeOf(summary: RunSummary, signal: 'SIGINT' | 'SIGTERM'): ExitCode {
  switch (summary.status) {
    case 'ok':
      return exitCodes.ok;
    case 'interrupted':
      return signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
    case 'failed':
      // Without a failure, some files could not be published.
      if (summary.failures.length === 0) return exitCodes.storage;
      if (summary.failures.some(({ failure }) => failure.code === 'storage')) return exitCodes.storage;
      return summary.stopped ? exitCodes.cellFailed : exitCodes.finishedWithFailures;
  }
}

/** The origin of a run for its ledger: choices, params and commit. */
function originOf(
  { graph, file }: Pick<OpenPipeline, 'graph' | 'file'>,
  choices: RunChoices | undefined,
  options: readonly string[],
): Pick<Extract<RunEvent, { type: 'run-started' }>, 'choices' | 'options' | 'params' | 'revision'> {
  const params = shortParams(graph.params);
  const revision = gitRevision(file);
  return {
    ...(choices && { choices }),
    ...(options.length > 0 && { options }),
    ...(Object.keys(params).length > 0 && { params }),
    ...(revision !== null && { revision }),
  };
}
