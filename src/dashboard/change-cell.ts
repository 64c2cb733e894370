import type { CellState, CellStatus, DashboardState, StageState } from './state.ts';
import { at, set } from './vector.ts';

/** Brings a cell and its stage in line with the shards that are running. */
export function showRunning(state: DashboardState, position: number, now: number): DashboardState {
  const { id, stage, shards } = at(state.cells, position)!;
  const running = runningShards(state, position);
  const counted = changeStage(state, stage, (old) => {
    const all = old.shards.running + running - shards.running;
    const busy = old.busySince !== null;
    return {
      ...old,
      shards: { ...old.shards, running: all },
      busySince: all === 0 ? null : (old.busySince ?? now),
      busyMs: old.busyMs + (all === 0 && busy ? Math.max(0, now - old.busySince) : 0),
    };
  });
  return changeCell(counted, id, (cell) => ({
    ...cell,
    status: statusBetween(cell, running),
    shards: { ...cell.shards, running },
  }));
}

/** The status of a cell that has neither finished nor failed, which its shards decide. */
function statusBetween({ status, shards }: CellState, running: number): CellStatus {
  if (status === 'failed' || status === 'finished' || status === 'blocked') return status;
  if (running > 0) return 'running';
  if (status === 'reused') return status;
  return shards.done > 0 ? 'partly' : 'waiting';
}

/** Index of the cell of this name. */
export function find(state: DashboardState, cell: string): number | undefined {
  const position = state.index.get(cell);
  // The index is shared with later states, so an entry may point past the end of this one.
  return position !== undefined && at(state.cells, position)?.id === cell ? position : undefined;
}

export function changeCell(
  state: DashboardState,
  id: string,
  change: (cell: CellState) => CellState,
): DashboardState {
  const position = find(state, id);
  if (position === undefined) return state;
  const old = at(state.cells, position)!;
  const changed = change(old);
  const cells = set(state.cells, position, changed);
  if (changed.status === old.status) return { ...state, cells };
  const recount = (counts: DashboardState['counts']): DashboardState['counts'] => ({
    ...counts,
    [old.status]: counts[old.status] - 1,
    [changed.status]: counts[changed.status] + 1,
  });
  const counted = { ...state, cells, counts: recount(state.counts) };
  return changeStage(counted, old.stage, (stage) => ({ ...stage, counts: recount(stage.counts) }));
}

export function changeStage(
  state: DashboardState,
  index: number,
  change: (stage: StageState) => StageState,
): DashboardState {
  return { ...state, stages: replaced(state.stages, index, change(state.stages[index]!)) };
}

function runningShards(state: DashboardState, cell: number): number {
  let count = 0;
  for (const shard of state.running.values()) if (shard.cell === cell) count++;
  return count;
}

export function shardName(event: { readonly cell: string; readonly shard: number }): string {
  return `${event.cell}#${event.shard}`;
}

export function replaced<T>(list: readonly T[], index: number, item: T): readonly T[] {
  const copy = list.slice();
  copy[index] = item;
  return copy;
}
