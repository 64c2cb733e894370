/**
 * Opens the executor of a run: worker processes on this machine, or array jobs on a cluster. It is loaded
 * only if there is something to compute.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '../runtime/events.ts';
import type { Executor, WorkerSetup } from '../runtime/executor.ts';
import type { Plan } from '../runtime/plan/plan.ts';
import { runNow } from '../timing/run-clock.ts';
import { allocatorVariables, type Parallelism } from './parallelism.ts';
import type { OpenPipeline } from './pipeline.ts';

export type ExecutorName = 'local' | 'slurm';

/**
 * The longest time that a worker may be silent. No kernel call of an attack or a training takes as long, and
 * a stopped or stuck worker must not block a run forever.
 */
const silentMs = 15 * 60_000;

export function executorName(
  options: { readonly executor?: ExecutorName },
  { graph }: OpenPipeline,
): ExecutorName {
  return options.executor ?? (graph.executor.uses === 'slurm' ? 'slurm' : 'local');
}

export async function openExecutor(
  pipeline: OpenPipeline,
  request: {
    readonly name: ExecutorName;
    /** Workers on this machine, and their threads; the jobs of a cluster have their own number. */
    readonly parallelism: Parallelism;
    readonly run: string;
    readonly emit: (event: RunEvent) => void;
    /** Folder for the CPU profiles of the workers. */
    readonly profiles?: string;
  },
): Promise<Executor> {
  const { graph, store } = pipeline;
  const { profiles } = request;
  const setup = { ...workerSetup(pipeline), ...(profiles !== undefined && { profiles }) };
  if (request.name === 'slurm') {
    const { createSlurmExecutor } = await import('../runtime/executors/slurm/executor.ts');
    const { slurmOptions } = await import('../runtime/executors/slurm/options.ts');
    return createSlurmExecutor({
      run: request.run,
      store,
      setup,
      plugins: graph.plugins,
      options: slurmOptions(graph.executor),
      node: process.execPath,
      entry: workerEntry(),
      report: (message) => request.emit({ v: 1, at: runNow(), type: 'warning', cell: null, message }),
    });
  }
  const { workers, hostWorkers, environments, threads } = request.parallelism;
  const { createLocalPool } = await import('../runtime/executors/local/pool.ts');
  return createLocalPool({
    entry: workerEntry(),
    workers,
    hostWorkers,
    environments,
    setup,
    silentMs,
    env: {
      RAVELIN_PLUGINS: JSON.stringify(graph.plugins),
      RAVELIN_THREADS: String(threads),
      ...allocatorVariables(pipeline.backend, threads, process.env),
    },
  });
}

/** The scripts for the ready units of a plan, one per stage, with a placeholder for their folder. */
export async function slurmScripts({ graph }: OpenPipeline, plan: Plan): Promise<readonly string[]> {
  const { slurmScript } = await import('../runtime/executors/slurm/script.ts');
  const { slurmOptions } = await import('../runtime/executors/slurm/options.ts');
  const options = slurmOptions(graph.executor);
  return graph.stages.flatMap((stage) => {
    const units = plan.cells
      .slice(stage.firstCell, stage.firstCell + stage.cellCount)
      .flatMap((cell) => cell?.units.filter(({ state }) => state === 'run') ?? []);
    if (units.length === 0) return [];
    return slurmScript({
      name: `ravelin-${stage.id}`,
      folder: 'FOLDER',
      count: Math.ceil(units.length / options.unitsPerTask),
      resources: stage.settings.resources,
      options,
      node: process.execPath,
      entry: workerEntry(),
    });
  });
}

function workerEntry(): string {
  return fileURLToPath(new URL('worker.js', import.meta.url));
}

function workerSetup({ graph, cacheFolder, code, backend }: OpenPipeline): WorkerSetup {
  return {
    root: graph.root,
    ...(graph.allowedPaths !== undefined && { allowedPaths: graph.allowedPaths }),
    folder: dirname(graph.file),
    cacheFolder,
    backend,
    version: process.env.RAVELIN_VERSION ?? 'development',
    code,
  };
}
