import type { Graph } from '../../dsl/graph.ts';
import type { JsonObject } from '../../values/json.ts';
import { bindInputs, countShards, unitPreimage } from './units.ts';
import type { Plan, PlanFailure, PlannedCell, Totals } from './plan.ts';
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
  /** The first cells upstream that it waits for and that have another reason than waiting, with these reasons. */
  readonly roots: readonly { readonly cell: string; readonly because: readonly string[] }[];
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
    roots: rootsOf(plan, planned),
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

const waiting = 'waits for ';

/** The cells of a plan by their names, made once, because `why '*'` explains each of them. */
const cellsOf = new WeakMap<Plan, ReadonlyMap<string, PlannedCell>>();

function namedCells(plan: Plan): ReadonlyMap<string, PlannedCell> {
  let named = cellsOf.get(plan);
  if (named === undefined) {
    named = new Map(plan.cells.flatMap((own) => (own === null ? [] : [[own.cell.id, own] as const])));
    cellsOf.set(plan, named);
  }
  return named;
}

/** Follows `waits for` upstream to the cells that run for a reason of their own. */
function rootsOf(plan: Plan, { cell, because }: PlannedCell): Why['roots'] {
  const seen = new Set([cell.id]);
  const roots: { cell: string; because: readonly string[] }[] = [];
  const queue = [...because];
  for (const reason of queue) {
    const id = reason.startsWith(waiting) ? reason.slice(waiting.length) : null;
    const upstream = id === null || seen.has(id) ? undefined : namedCells(plan).get(id);
    if (upstream === undefined) continue;
    seen.add(upstream.cell.id);
    const own = upstream.because.filter((other) => !other.startsWith(waiting));
    if (own.length > 0) roots.push({ cell: upstream.cell.id, because: own });
    queue.push(...upstream.because);
  }
  return roots;
}
