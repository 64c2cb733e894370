import type { RunEvent } from '../runtime/events.ts';
import { changeCell, find, shardName, showRunning } from './change-cell.ts';
import type { DashboardState, RunningShard } from './state.ts';

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

export function cellFailed(state: DashboardState, event: Event<'cell-failed'>): DashboardState {
  const { cell, shard, failure, blocked } = event;
  // The other shards of a cell that fails go on; those of one that is cancelled do not.
  const running = failure.code === 'cancelled' ? withoutCell(state, cell) : new Map(state.running);
  running.delete(shardName(event));
  const failed = { ...state, running, failures: [...state.failures, { cell, shard, failure, blocked }] };
  const position = find(failed, cell);
  if (position === undefined) return failed;
  const marked = changeCell(failed, cell, (old) => ({ ...old, status: 'failed', failure }));
  return showRunning(marked, position, event.at);
}

/** The cell waits as it did before it failed, or before it was skipped. */
export function cellRetried(
  state: DashboardState,
  { cell, at: time }: Event<'cell-retried'>,
): DashboardState {
  const position = find(state, cell);
  if (position === undefined) return state;
  const failures = state.failures.filter((failure) => failure.cell !== cell);
  const open = changeCell({ ...state, failures }, cell, (old) => ({
    ...old,
    status: 'waiting',
    failure: null,
  }));
  return showRunning(open, position, time);
}

export function cellSkipped(
  state: DashboardState,
  { cell, at: time }: Event<'cell-skipped'>,
): DashboardState {
  const position = find(state, cell);
  if (position === undefined) return state;
  const skipped = { ...state, running: withoutCell(state, cell) };
  return showRunning(
    changeCell(skipped, cell, (old) => ({ ...old, status: 'blocked' })),
    position,
    time,
  );
}

/** The shards that run, without those of a cell. */
function withoutCell(state: DashboardState, cell: string): Map<string, RunningShard> {
  const position = find(state, cell);
  return new Map([...state.running].filter(([, shard]) => shard.cell !== position));
}
