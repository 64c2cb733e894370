import { countCells, formatCount, plural } from '../../dashboard/format.ts';
import { jsonText } from '../../console/visible-text.ts';
import { plan as makePlan, type Plan } from '../../runtime/plan/plan.ts';
import { planJson } from '../../runtime/plan/plan-json.ts';
import { countShards } from '../../runtime/plan/units.ts';
import type { BackendChange } from '../../runtime/events.ts';
import { findBackendChange } from '../backend-change.ts';
import { describeBackend } from '../backend.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { formatColumns, print } from '../output.ts';
import type { CostOptions } from './plan-cost.ts';
import { openPipeline, type OpenPipeline, type PipelineOptions } from '../pipeline.ts';
import { chooseCells, type SelectionOptions } from '../selection.ts';

export interface PlanOptions extends PipelineOptions, SelectionOptions, CostOptions {
  /** Estimate what a run would cost. */
  readonly cost?: boolean;
}

export async function plan(
  file: string,
  selectors: readonly string[],
  options: PlanOptions,
): Promise<ExitCode> {
  const { cost = false, workers, gpu } = options;
  if (!cost && (workers ?? gpu) !== undefined)
    throw new UsageError('--workers and --gpu estimate a cost', 'add --cost');
  const pipeline = await openPipeline(file, options);
  if (cost) {
    const { printCost } = await import('./plan-cost.ts');
    return printCost(
      pipeline,
      (registry) => planPipeline({ ...pipeline, registry }, selectors, options),
      options,
    );
  }
  const planned = await planPipeline(pipeline, selectors, options);
  const change = await changeOfBackend(pipeline, planned, selectors, options);
  print(
    options.json
      ? jsonText({ ...planJson(pipeline.graph, planned), ...backendJson(pipeline, change) })
      : planLines(pipeline, planned, change),
  );
  return options.exitCode && planned.totals.run > 0 ? exitCodes.workPending : exitCodes.ok;
}

/** The plan of a run for people, with what it computes on. */
export async function describePlan(
  pipeline: OpenPipeline,
  planned: Plan,
  selectors: readonly string[],
  options: PipelineOptions & SelectionOptions,
): Promise<string> {
  return planLines(pipeline, planned, await changeOfBackend(pipeline, planned, selectors, options));
}

function planLines(pipeline: OpenPipeline, planned: Plan, change: BackendChange | null): string {
  const text = `${planText(pipeline, planned)}\n${describeBackend(pipeline)}`;
  return change === null ? text : `${text}\n${change.message}`;
}

export async function planPipeline(
  { graph, registry, store, code, numerics }: OpenPipeline,
  selectors: readonly string[],
  options: SelectionOptions,
): Promise<Plan> {
  return makePlan({
    graph,
    registry,
    store,
    code,
    numerics: { ...numerics },
    ...chooseCells(graph, selectors, options),
  });
}

/** The part about the backend of what `plan` and `status` print with `--json`. */
export function backendJson(
  { numerics: { backend, version } }: OpenPipeline,
  backendChange: BackendChange | null,
): {
  readonly backend: string;
  readonly backendVersion: string;
  readonly backendChange: BackendChange | null;
} {
  return { backend, backendVersion: version, backendChange };
}

/** The change of the backend that a plan with these options has to announce; null if there is none. */
export function changeOfBackend(
  pipeline: OpenPipeline,
  planned: Plan,
  selectors: readonly string[],
  options: SelectionOptions,
): Promise<BackendChange | null> {
  return findBackendChange(pipeline, planned, (numerics) =>
    planPipeline({ ...pipeline, numerics }, selectors, options),
  );
}

/** Cells with the same reasons share a line, so that a stage of thousands of cells takes a few lines. */
function planText({ graph }: OpenPipeline, planned: Plan): string {
  const rows: string[][] = [];
  for (const stage of graph.stages) {
    const stories = new Map<string, { cells: string[]; run: number; total: number; because: string }>();
    for (const cell of planned.cells.slice(stage.firstCell, stage.firstCell + stage.cellCount)) {
      if (cell === null) continue;
      const shards = countShards(cell.units);
      const because =
        cell.failure === null
          ? [...new Set(cell.because.map(byStage))].join('; ')
          : `cannot run: ${cell.failure.message}`;
      const story = stories.get(because) ?? { cells: [], run: 0, total: 0, because };
      story.cells.push(cell.cell.id);
      story.run += shards.run;
      story.total += shards.total;
      stories.set(because, story);
    }
    for (const { cells, run, total, because } of stories.values()) {
      const name =
        cells.length === 1
          ? cells[0]!
          : `${stage.id} (${cells.length} ${stage.partOf === undefined ? 'cells' : 'parts'})`;
      rows.push([run > 0 ? 'run' : 'reuse', name, `${run > 0 ? run : total} of ${total} shards`, because]);
    }
  }
  const { shards, reuse, run } = planned.totals;
  return `${formatColumns(rows)}\n\n${countCells(planned.totals)}, ${plural(shards, 'shard')}: ${formatCount(reuse)} reused, ${formatCount(run)} to run`;
}

/**
 * Shortens `waits for defended[attack=fgsm]` to `waits for defended`, so that the waiting cells of a stage
 * share a line.
 */
function byStage(reason: string): string {
  return reason.replace(/^(waits for [^[]+)\[.*$/, '$1');
}
