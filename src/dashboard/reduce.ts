import type { RunEvent } from '../runtime/events.ts';
import { newStage } from './state.ts';
import type { CellState, CellStatus, DashboardState, RunningShard, StageState, WorkState } from './state.ts';
import { at, push, set } from './vector.ts';

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

const logLines = 200;
const rateWindowMs = 30_000;

/**
 * State after one more event. The function is pure: the old state stays valid. Events of unknown cells change
 * nothing.
 */
export function reduce(state: DashboardState, event: RunEvent): DashboardState {
  const now = { ...state, now: Math.max(state.now, event.at) };
  switch (event.type) {
    case 'run-started':
      return runStarted(now, event);
    case 'backend-changed':
      return { ...now, backendChange: event.message };
    case 'cell-planned':
      return cellPlanned(now, event);
    case 'shard-started':
      return shardStarted(now, event);
    case 'shard-progress':
      return shardProgress(now, event);
    case 'shard-committed':
      return shardCommitted(now, event);
    case 'cell-finished':
      return cellFinished(now, event);
    case 'cell-failed':
      return cellFailed(now, event);
    case 'metric':
      return changeCell(now, event.cell, (cell) => ({
        ...cell,
        metrics: { ...cell.metrics, [event.name]: event.value },
      }));
    case 'log':
      return changeCell(now, event.cell, (cell) => ({
        ...cell,
        logs: [...cell.logs.slice(1 - logLines), event.message],
      }));
    case 'warning':
      return { ...now, warnings: [...now.warnings, { cell: event.cell, message: event.message }] };
    case 'published':
      return { ...now, published: [...now.published, { cell: event.cell, path: event.path }] };
    case 'not-published': {
      const { cell, message, fix, stale } = event;
      return { ...now, unpublished: [...now.unpublished, { cell, message, fix, stale }] };
    }
    case 'run-finished':
      return runFinished(now, event);
    default:
      event satisfies never;
      // A ledger of a later version may contain events that this version does not know.
      return now;
  }
}

function runStarted(state: DashboardState, event: Event<'run-started'>): DashboardState {
  const { run, pipeline, file, backend, workers, totals, at: startedAt } = event;
  return { ...state, run, pipeline, file, backend, workers, totals, startedAt };
}

function cellPlanned(state: DashboardState, event: Event<'cell-planned'>): DashboardState {
  if (find(state, event.cell) !== undefined) return state;
  const { shards } = event;
  const status: CellStatus = shards.run === 0 && shards.total > 0 ? 'reused' : 'waiting';
  let { stages, stageIndex } = state;
  let stage = stageIndex.get(event.stage);
  if (stage === undefined) {
    stage = stages.length;
    stages = [...stages, newStage(event.stage, Object.keys(event.axes))];
    stageIndex = new Map([...stageIndex, [event.stage, stage]]);
  }
  const cell: CellState = {
    id: event.cell,
    stage,
    uses: event.uses,
    axes: event.axes,
    status,
    shards: { total: shards.total, done: shards.reuse, running: 0 },
    images: event.images,
    because: event.because,
    metrics: {},
    seconds: 0,
    savedSeconds: 0,
    failure: null,
    logs: [],
  };
  const position = state.cells.length;
  state.index.set(event.cell, position);
  const old = stages[stage]!;
  const changed: StageState = {
    ...old,
    cells: push(old.cells, position),
    uses: old.uses.includes(event.uses) ? old.uses : [...old.uses, event.uses],
    counts: { ...old.counts, [status]: old.counts[status] + 1 },
    shards: { total: old.shards.total + shards.total, done: old.shards.done + shards.reuse },
  };
  return {
    ...state,
    cells: push(state.cells, cell),
    stages: replaced(stages, stage, changed),
    stageIndex,
    counts: { ...state.counts, [status]: state.counts[status] + 1 },
    work:
      shards.run === 0
        ? state.work
        : changeWork(state, event.uses, (work) => ({ ...work, left: work.left + shards.run })),
    reusedShards: state.reusedShards + shards.reuse,
  };
}

function shardStarted(state: DashboardState, event: Event<'shard-started'>): DashboardState {
  const position = find(state, event.cell);
  if (position === undefined) return state;
  const shard: RunningShard = {
    cell: position,
    shard: event.shard,
    worker: event.worker,
    startedAt: event.at,
    done: 0,
    total: 0,
    unit: '',
  };
  const cell = at(state.cells, position)!;
  const started = { ...state, running: new Map(state.running).set(shardName(event), shard) };
  const moved = changeStage(started, cell.stage, (stage) => ({
    ...stage,
    startedAt: stage.startedAt ?? event.at,
    latestAt: event.at,
  }));
  return changeCell(moved, event.cell, (old) => ({
    ...old,
    status: old.status === 'failed' ? 'failed' : 'running',
    shards: { ...old.shards, running: runningShards(started, position) },
  }));
}

function shardProgress(state: DashboardState, event: Event<'shard-progress'>): DashboardState {
  const shard = state.running.get(shardName(event));
  if (shard === undefined) return state;
  const { done, total, unit } = event;
  return { ...state, running: new Map(state.running).set(shardName(event), { ...shard, done, total, unit }) };
}

function shardCommitted(state: DashboardState, event: Event<'shard-committed'>): DashboardState {
  const position = find(state, event.cell);
  if (position === undefined) return state;
  const running = new Map(state.running);
  running.delete(shardName(event));
  const cell = at(state.cells, position)!;
  const stopped: DashboardState = {
    ...state,
    running,
    peakBytes: Math.max(state.peakBytes, event.peakBytes),
    recent: event.reused ? state.recent : recentImages(state, event),
    ranShards: state.ranShards + (event.reused ? 0 : 1),
    reusedShards: state.reusedShards + (event.reused ? 1 : 0),
    work: changeWork(state, cell.uses, (work) => ({
      left: Math.max(0, work.left - 1),
      measured: work.measured + (event.reused ? 0 : 1),
      seconds: work.seconds + (event.reused ? 0 : event.seconds),
    })),
  };
  const counted = changeStage(stopped, cell.stage, (stage) => ({
    ...stage,
    shards: { ...stage.shards, done: Math.min(stage.shards.total, stage.shards.done + 1) },
    images: stage.images + (event.reused ? 0 : event.images),
    startedAt: stage.startedAt ?? event.at,
    latestAt: event.at,
  }));
  return changeCell(counted, event.cell, (old) => ({
    ...old,
    seconds: old.seconds + event.seconds,
    shards: {
      ...old.shards,
      done: Math.min(old.shards.total, old.shards.done + 1),
      running: runningShards(stopped, position),
    },
  }));
}

function cellFinished(state: DashboardState, event: Event<'cell-finished'>): DashboardState {
  const position = find(state, event.cell);
  // A cell finishes again if a damaged result of it was computed again.
  const before = position === undefined ? 0 : at(state.cells, position)!.savedSeconds;
  const finished = { ...state, savedSeconds: state.savedSeconds - before + event.savedSeconds };
  return changeCell(finished, event.cell, (cell) => ({
    ...cell,
    status: event.reused ? 'reused' : 'finished',
    seconds: event.seconds,
    savedSeconds: event.savedSeconds,
    shards: { total: cell.shards.total, done: cell.shards.total, running: 0 },
  }));
}

function cellFailed(state: DashboardState, event: Event<'cell-failed'>): DashboardState {
  const running = new Map(state.running);
  running.delete(shardName(event));
  const { cell, shard, failure, blocked } = event;
  const failed = { ...state, running, failures: [...state.failures, { cell, shard, failure, blocked }] };
  return changeCell(failed, cell, (old) => ({
    ...old,
    status: 'failed',
    failure,
    shards: { ...old.shards, running: 0 },
  }));
}

function runFinished(state: DashboardState, event: Event<'run-finished'>): DashboardState {
  let ended: DashboardState = { ...state, running: new Map(), finished: event };
  for (let index = 0; index < ended.cells.length; index++) {
    const cell = at(ended.cells, index)!;
    if (cell.status !== 'waiting' && cell.status !== 'running') continue;
    ended = changeCell(ended, cell.id, (old) => ({
      ...old,
      status: 'blocked',
      shards: { ...old.shards, running: 0 },
    }));
  }
  return ended;
}

function find(state: DashboardState, cell: string): number | undefined {
  const position = state.index.get(cell);
  // The index is shared with later states, so an entry may point past the end of this one.
  return position !== undefined && at(state.cells, position)?.id === cell ? position : undefined;
}

function changeCell(
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

function changeStage(
  state: DashboardState,
  index: number,
  change: (stage: StageState) => StageState,
): DashboardState {
  return { ...state, stages: replaced(state.stages, index, change(state.stages[index]!)) };
}

function changeWork(
  state: DashboardState,
  uses: string,
  change: (work: WorkState) => WorkState,
): DashboardState['work'] {
  return new Map(state.work).set(uses, change(state.work.get(uses) ?? { left: 0, measured: 0, seconds: 0 }));
}

function recentImages(state: DashboardState, event: Event<'shard-committed'>): DashboardState['recent'] {
  const kept = state.recent.filter((sample) => sample.at > event.at - rateWindowMs);
  // Many tiny shards are merged if they fall into the same tenth of a second.
  const last = kept.at(-1);
  if (last !== undefined && event.at - last.at < 100) {
    return [...kept.slice(0, -1), { at: last.at, images: last.images + event.images }];
  }
  return [...kept, { at: event.at, images: event.images }];
}

function runningShards(state: DashboardState, cell: number): number {
  let count = 0;
  for (const shard of state.running.values()) if (shard.cell === cell) count++;
  return count;
}

function shardName(event: { readonly cell: string; readonly shard: number }): string {
  return `${event.cell}#${event.shard}`;
}

function replaced<T>(list: readonly T[], index: number, item: T): readonly T[] {
  const copy = list.slice();
  copy[index] = item;
  return copy;
}
