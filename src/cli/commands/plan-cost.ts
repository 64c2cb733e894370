import { availableParallelism } from 'node:os';
import { jsonText } from '../../console/visible-text.ts';
import { planWork } from '../../runtime/cost/cell-work.ts';
import { withDeclaredImages, type MissingData } from '../../runtime/cost/declared-images.ts';
import defaultRates from '../../runtime/cost/default-rates.json' with { type: 'json' };
import { estimateCost, wallSeconds } from '../../runtime/cost/estimate.ts';
import { Calibration, type MeasuredUnit } from '../../runtime/cost/measured.ts';
import {
  assumedCards,
  cardSeconds,
  usesAny,
  type AssumedCard,
  type Rates,
} from '../../runtime/cost/rates.ts';
import { planJson } from '../../runtime/plan/plan-json.ts';
import type { CostReport } from '../cost-report.ts';
import { costText } from '../cost-text.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { unitsOfCache } from '../measured-units.ts';
import { print } from '../output.ts';
import { parallelism } from '../parallelism.ts';
import type { OpenPipeline } from '../pipeline.ts';
import type { Plan } from '../../runtime/plan/plan.ts';
import type { StageRegistry } from '../../runtime/stage.ts';

export interface CostOptions {
  readonly json?: boolean;
  readonly exitCode?: boolean;
  /** Numbers of workers to estimate the wall-clock time for. */
  readonly workers?: readonly number[];
  /** A graphics card to compute networks on, by its short name. */
  readonly gpu?: string;
}

/** Estimates what a run would cost, and prints it. Data that are not there are counted by what their stages declare. */
export async function printCost(
  pipeline: OpenPipeline,
  makePlan: (registry: StageRegistry) => Promise<Plan>,
  options: CostOptions,
): Promise<ExitCode> {
  const card = cardOf(options.gpu);
  const missing: MissingData[] = [];
  const registry = withDeclaredImages(pipeline.registry, (data) => missing.push(data));
  const planned = await makePlan(registry);
  const rates = (defaultRates as Rates).backends[card === null ? pipeline.backend : cpuBackend];
  const assumed = card === null ? {} : cardSeconds(card);
  const secondsPer = { ...rates?.secondsPer, ...assumed };
  const units = unitsOfCache(pipeline.cacheFolder, (unit) =>
    card === null
      ? unit.backend === pipeline.backend
      : unit.work !== null && unit.backend === cpuBackend && !usesAny(unit.work, assumed),
  );
  const threads = threadsOf(units, rates?.threads ?? 1);
  const cost = estimateCost({
    plan: planned,
    works: await planWork(planned),
    calibration: new Calibration(units, secondsPer),
    assumed,
    workerBytes: rates?.workerBytes ?? 0,
    threads,
  });
  const startOf = (count: number): number => count * (rates?.startSeconds ?? 0);
  const report: CostReport = {
    pipeline: pipeline.graph.pipeline,
    backend: pipeline.backend,
    cost,
    workers: workersOf(pipeline, options).map((workers) => {
      const startSeconds = planned.totals.run === 0 ? 0 : startOf(Math.min(workers, planned.totals.run));
      const total = { seconds: cost.total.seconds + startSeconds };
      return { workers, startSeconds, wallSeconds: wallSeconds({ ...cost, total }, workers, threads) };
    }),
    measured: { units: units.length, hosts: [...new Set(units.map(({ host }) => host))] },
    defaults: rates === undefined ? null : (defaultRates as Rates).source,
    card,
    missing,
  };
  if (options.json) print(jsonText({ ...planJson(pipeline.graph, planned), ...report }));
  else print(costText(report));
  return options.exitCode && planned.totals.run > 0 ? exitCodes.workPending : exitCodes.ok;
}

/** All that does not run on a graphics card is computed by the same code on one thread, whatever the backend. */
const cpuBackend = 'wasm';

function cardOf(name: string | undefined): AssumedCard | null {
  if (name === undefined) return null;
  const card = assumedCards[name.toLowerCase()];
  if (card !== undefined) return card;
  throw new UsageError(`unknown GPU '${name}'`, `give one of ${Object.keys(assumedCards).join(', ')}`);
}

function workersOf({ graph, backend }: OpenPipeline, { workers, gpu }: CostOptions): readonly number[] {
  if (workers !== undefined) return workers;
  if (gpu !== undefined || graph.executor.uses === 'slurm') return [1, 8, 64];
  return [parallelism(backend, availableParallelism()).workers];
}

/** The threads that a worker really uses: measured, if it was, and never below one. */
function threadsOf(units: readonly MeasuredUnit[], otherwise: number): number {
  const cpu = units.reduce((sum, unit) => sum + unit.cpu, 0);
  const wall = units.reduce((sum, unit) => sum + unit.wall, 0);
  return units.length === 0 || wall === 0 ? otherwise : Math.max(1, cpu / wall);
}
