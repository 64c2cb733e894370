import type { RunEvent } from '../runtime/events.ts';
import { changeCell, changeStage, find, replaced, shardName, showRunning } from './change-cell.ts';
import { cellFailed, cellRetried, cellSkipped } from './reduce-failures.ts';
import {
  committedHistory,
  committedKind,
  committedLoad,
  committedWorker,
  kindOf,
  startedWorker,
} from './reduce-work.ts';
import { newStage } from './state.ts';
import type { CellState, CellStatus, DashboardState, RunningShard, StageScore, StageState } from './state.ts';
import { at, push } from './vector.ts';

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

const logLines = 200;
/** The speed of a shard is that of the latest one to two of these periods. */
const markMs = 8_000;
/** The latest shards of a cell whose times are kept. */
const keptTimings = 64;
/** Values of a metric that are kept for its curve. */
const curvePoints = 500;
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
    case 'run-paused':
      return { ...now, isPaused: event.paused };
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
    case 'cell-retried':
      return cellRetried(now, event);
    case 'cell-skipped':
      return cellSkipped(now, event);
    case 'metric':
      return metric(now, event);
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
  const { choices = null, options = [] } = event;
  return { ...state, run, pipeline, file, choices, options, backend, workers, totals, startedAt };
}

function cellPlanned(state: DashboardState, event: Event<'cell-planned'>): DashboardState {
  if (find(state, event.cell) !== undefined) return state;
  const { shards } = event;
  const status: CellStatus = shards.run === 0 && shards.total > 0 ? 'reused' : 'waiting';
  let { stages, stageIndex } = state;
  let stage = stageIndex.get(event.stage);
  if (stage === undefined) {
    stage = stages.length;
    stages = [...stages, newStage(event.stage, Object.keys(event.axes), event.partOf !== undefined)];
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
    onTheFly: event.onTheFly === true,
    reads: event.reads ?? [],
    expectedShare:
      event.expected === undefined || shards.run === 0 ? 1 : Math.min(1, event.expected / shards.run),
    kind: event.work?.alike ?? event.uses,
    metrics: {},
    curves: {},
    seconds: 0,
    timings: [],
    sameAs: null,
    savedSeconds: 0,
    failure: null,
    firstKey: null,
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
    shards: {
      total: old.shards.total + shards.total,
      done: old.shards.done + shards.reuse,
      running: old.shards.running,
    },
    onTheFly: old.onTheFly + (cell.onTheFly ? 1 : 0),
  };
  return {
    ...state,
    cells: push(state.cells, cell),
    stages: replaced(stages, stage, changed),
    stageIndex,
    counts: { ...state.counts, [status]: state.counts[status] + 1 },
    kinds:
      shards.run === 0 || state.kinds.has(cell.kind) ? state.kinds : kindOf(state.kinds, cell.kind, event),
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
    before: { at: event.at, done: 0 },
    mark: { at: event.at, done: 0 },
  };
  const name = shardName(event);
  const started: DashboardState = {
    ...state,
    running: new Map(state.running).set(name, shard),
    workerStates: startedWorker(state.workerStates, event, name),
  };
  return showRunning(started, position, event.at);
}

function shardProgress(state: DashboardState, event: Event<'shard-progress'>): DashboardState {
  const shard = state.running.get(shardName(event));
  if (shard === undefined) return state;
  const { done, total, unit } = event;
  const isOld = event.at - shard.mark.at > markMs;
  const marks = isOld ? { before: shard.mark, mark: { at: event.at, done } } : {};
  const changed: RunningShard = { ...shard, done, total, unit, ...marks };
  return { ...state, running: new Map(state.running).set(shardName(event), changed) };
}

function shardCommitted(state: DashboardState, event: Event<'shard-committed'>): DashboardState {
  const position = find(state, event.cell);
  if (position === undefined) return state;
  const { reused, images, seconds } = event;
  const name = shardName(event);
  const worker = state.running.get(name)?.worker ?? -1;
  const running = new Map(state.running);
  running.delete(name);
  const cell = at(state.cells, position)!;
  // A data set that is read says nothing of how fast images are computed.
  const isUncounted = reused || cell.uses.startsWith('dataset/');
  const computedBy = state.keys.get(event.key);
  if (!reused && computedBy === undefined) state.keys.set(event.key, position);
  const stopped: DashboardState = {
    ...state,
    running,
    peakBytes: Math.max(state.peakBytes, event.peakBytes),
    recent: isUncounted ? state.recent : recentImages(state, event),
    history: isUncounted
      ? state.history
      : committedHistory(state.history, event.at - (state.startedAt ?? event.at), images),
    ranShards: state.ranShards + (reused ? 0 : 1),
    kinds: committedKind(state.kinds, cell, worker, event),
    load: committedLoad(state.load, event),
    workerStates: committedWorker(state.workerStates, worker, event),
  };
  const counted = changeStage(stopped, cell.stage, (stage) => ({
    ...stage,
    shards: { ...stage.shards, done: Math.min(stage.shards.total, stage.shards.done + 1) },
    images: stage.images + (reused ? 0 : images),
    seconds: stage.seconds + (reused ? 0 : seconds),
  }));
  const changed = changeCell(counted, event.cell, (old) => ({
    ...old,
    seconds: old.seconds + (reused ? 0 : seconds),
    timings: reused
      ? old.timings
      : [
          ...old.timings.slice(1 - keptTimings),
          { shard: event.shard, worker, endedAt: event.at, seconds, images },
        ],
    sameAs: reused && computedBy !== undefined && computedBy !== position ? computedBy : old.sameAs,
    shards: { ...old.shards, done: Math.min(old.shards.total, old.shards.done + 1) },
  }));
  // A result of another cell of this run was not there before it, and saves nothing that was computed earlier.
  const found = reused && at(changed.cells, position)!.sameAs === null ? 1 : 0;
  return showRunning({ ...changed, reusedShards: changed.reusedShards + found }, position, event.at);
}

function metric(state: DashboardState, { cell: id, name, value, axes }: Event<'metric'>): DashboardState {
  const position = find(state, id);
  if (position === undefined) return state;
  const cell = at(state.cells, position)!;
  const isOfPart = Object.keys(axes).some((axis) => !(axis in cell.axes));
  const curves = isOfPart
    ? { ...cell.curves, [name]: [...(cell.curves[name] ?? []).slice(1 - curvePoints), value] }
    : cell.curves;
  const changed = changeCell(state, id, (old) => ({
    ...old,
    metrics: { ...old.metrics, [name]: value },
    curves,
  }));
  if (!isOfPart && !/accuracy$/i.test(name)) return changed;
  return isOfPart
    ? changed
    : changeStage(changed, cell.stage, (stage) => ({ ...stage, score: withScore(stage.score, name, value) }));
}

function withScore(score: StageScore | null, name: string, value: number): StageScore | null {
  if (!Number.isFinite(value)) return score;
  if (score === null || (name === 'accuracy' && score.name !== 'accuracy'))
    return { name, lowest: value, highest: value };
  if (score.name !== name) return score;
  return { name, lowest: Math.min(score.lowest, value), highest: Math.max(score.highest, value) };
}

function cellFinished(state: DashboardState, event: Event<'cell-finished'>): DashboardState {
  const position = find(state, event.cell);
  if (position === undefined) return state;
  const cell = at(state.cells, position)!;
  const isShared = event.reused && cell.sameAs !== null;
  const saved = isShared ? 0 : event.savedSeconds;
  const finished = {
    ...state,
    // A cell finishes again if a damaged result of it was computed again.
    savedSeconds: state.savedSeconds - cell.savedSeconds + saved,
    sharedCells: state.sharedCells + (isShared && cell.status !== 'reused' ? 1 : 0),
  };
  return changeCell(finished, event.cell, (old) => ({
    ...old,
    status: event.reused ? 'reused' : 'finished',
    // Numbers of an equal cell are its own, too.
    metrics:
      isShared && Object.keys(old.metrics).length === 0 ? at(state.cells, old.sameAs!)!.metrics : old.metrics,
    seconds: event.seconds,
    savedSeconds: saved,
    firstKey: event.keys[0] ?? null,
    shards: { total: old.shards.total, done: old.shards.total, running: 0 },
  }));
}

function runFinished(state: DashboardState, event: Event<'run-finished'>): DashboardState {
  const stages = state.stages.map((stage) => ({
    ...stage,
    shards: { ...stage.shards, running: 0 },
    busyMs: stage.busyMs + (stage.busySince === null ? 0 : Math.max(0, event.at - stage.busySince)),
    busySince: null,
  }));
  const workerStates = new Map(
    [...state.workerStates].map(([id, worker]) => [id, { ...worker, shard: null }]),
  );
  let ended: DashboardState = { ...state, stages, workerStates, running: new Map(), finished: event };
  for (let index = 0; index < ended.cells.length; index++) {
    const cell = at(ended.cells, index)!;
    if (cell.status !== 'waiting' && cell.status !== 'running' && cell.status !== 'partly') continue;
    ended = changeCell(ended, cell.id, (old) => ({
      ...old,
      status: 'blocked',
      shards: { ...old.shards, running: 0 },
    }));
  }
  return ended;
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
