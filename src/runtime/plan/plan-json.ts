import type { Graph } from '../../dsl/graph.ts';
import type { JsonObject } from '../../values/json.ts';
import { bindInputs, countShards, unitPreimage } from './units.ts';
import type { Plan, PlanFailure, Totals } from './plan.ts';
import type { Store } from '../store/store.ts';

/** The object that `plan --json` prints, together with the backend. Scripts rely on it, so fields are only ever added. */
export interface PlanJson {
  readonly pipeline: string;
  readonly cells: readonly {
    readonly cell: string;
    readonly stage: string;
    readonly axes: Readonly<Record<string, string | number | boolean>>;
    readonly shards: { readonly total: number; readonly reuse: number; readonly run: number };
    readonly because: readonly string[];
    readonly failure?: PlanFailure;
  }[];
  readonly totals: Totals;
}

export function planJson(graph: Graph, plan: Plan): PlanJson {
  const cells: PlanJson['cells'][number][] = [];
  for (const planned of plan.cells) {
    if (planned === null) continue;
    cells.push({
      cell: planned.cell.id,
      stage: planned.cell.stage,
      axes: planned.cell.axes,
      shards: countShards(planned.units),
      because: planned.because,
      ...(planned.failure === null ? {} : { failure: planned.failure }),
    });
  }
  return { pipeline: graph.pipeline, cells, totals: plan.totals };
}

/** The object that `why` prints about one cell. */
export interface Why {
  readonly cell: string;
  readonly because: readonly string[];
  readonly failure: PlanFailure | null;
  readonly shards: readonly {
    readonly shard: number;
    readonly state: 'reuse' | 'run' | 'waits';
    readonly key: string | null;
    /** When it was computed, and in how many seconds, if it is reused. */
    readonly created?: string;
    readonly seconds?: number;
  }[];
  /** Pre-image of the first unit's key, if its inputs are known. */
  readonly recipe: JsonObject | null;
}

/** Explains one cell of a plan. Returns null for a cell outside the plan. */
export function why(plan: Plan, store: Store, index: number): Why | null {
  const planned = plan.cells[index];
  if (planned === null || planned === undefined) return null;
  const first = planned.units[0];
  const inputs = first === undefined || first.key === null ? 0 : bindInputs(plan.cells, planned, first);
  return {
    cell: planned.cell.id,
    because: planned.because,
    failure: planned.failure,
    shards: planned.units.map((unit, shard) => {
      const record = unit.state === 'reuse' && unit.key !== null ? store.peekRecord(unit.key) : null;
      return {
        shard,
        state: unit.state,
        key: unit.key,
        ...(record === null ? {} : { created: record.created, seconds: record.seconds }),
      };
    }),
    recipe:
      typeof inputs === 'number' ? null : (JSON.parse(unitPreimage(planned, first!, inputs)) as JsonObject),
  };
}
