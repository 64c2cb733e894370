import { visibleLine } from '../console/visible-text.ts';
import { writeLine, type TextStream } from '../console/write.ts';
import type { RunEvent } from '../runtime/events.ts';
import { readableLabel } from '../values/readable-number.ts';
import { createEstimator, elapsedSeconds, imageRate, type Estimator, type Prior } from './estimate.ts';
import {
  cellsNoun,
  countCells,
  formatCount,
  formatDuration,
  formatMetric,
  formatRate,
  formatRemaining,
  plural,
} from './format.ts';
import { reduce } from './reduce.ts';
import type { Renderer } from './renderer.ts';
import { initialState } from './state.ts';
import type { DashboardState } from './state.ts';
import { summaryLines } from './summary.ts';
import { at } from './vector.ts';

export interface PlainIo {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly now: () => number;
  /** The time that units took in earlier runs. */
  readonly prior?: Prior;
  /** State that another renderer has shown, if this one goes on where that one was left. */
  readonly state?: DashboardState;
}

const heartbeatMs = 30_000;

/** The events of a plan; the first of another type is preceded by what the plan reuses. */
const beforeWork: readonly RunEvent['type'][] = ['run-started', 'backend-changed', 'cell-planned'];

/**
 * Prints one line per change on stderr, prefixed with the time since the start, and a heartbeat after 30 s
 * without a change.
 */
export function createPlainRenderer(io: PlainIo): Renderer {
  let state = io.state ?? initialState();
  const estimator = createEstimator(io.prior);
  let announced = io.state !== undefined;
  let lastLineAt = io.now();
  const say = (line: string, time: number): void => {
    const elapsed = state.startedAt === null ? 0 : Math.max(0, time - state.startedAt) / 1000;
    writeLine(io.stderr, `${clock(elapsed)} ${visibleLine(line)}`);
    lastLineAt = io.now();
  };
  const timer = setInterval(() => {
    if (io.now() - lastLineAt < heartbeatMs - 500 || state.startedAt === null || state.finished !== null)
      return;
    say(heartbeat(state, io.now(), estimator), io.now());
  }, 1000);
  // The heartbeat must not keep the process alive if it has nothing else to do.
  timer.unref();
  return {
    onEvent: (event) => {
      const before = state;
      state = reduce(state, event);
      if (!announced && !beforeWork.includes(event.type)) {
        announced = true;
        for (const line of plannedLines(state)) say(line, event.at);
      }
      const line = changeLine(event, before, state);
      if (line !== undefined) say(line, event.at);
    },
    notice: (text) => {
      writeLine(io.stderr, text);
      if (state.running.size > 0) say(heartbeat(state, io.now(), estimator), io.now());
    },
    finish: (results = '') => {
      clearInterval(timer);
      writeLine(io.stderr, `\n${summaryLines(state).join('\n')}`);
      if (results !== '') writeLine(io.stdout, results);
      return Promise.resolve();
    },
  };
}

/**
 * Line for a change that matters to a reader. Planned and reused cells are summed up by stage, and the
 * heartbeat shows progress.
 */
function changeLine(event: RunEvent, before: DashboardState, after: DashboardState): string | undefined {
  switch (event.type) {
    case 'run-started': {
      const { totals } = event;
      const counts = `${countCells(totals)}, ${plural(totals.shards, 'shard')}: ${formatCount(totals.reuse)} reused, ${formatCount(totals.run)} to run`;
      return `${event.pipeline} · run ${event.run} · ${event.backend} · ${plural(event.workers, 'worker')} · ${counts}`;
    }
    case 'backend-changed':
      return `backend  ${event.message}`;
    case 'run-paused':
      return event.paused ? 'paused   nothing more starts' : 'resumed  the run goes on';
    case 'cell-retried':
      return `retry    ${event.cell} ${event.freed > 0 ? `and ${plural(event.freed, 'cell')} that waited for it` : ''}`.trimEnd();
    case 'cell-skipped':
      return `skipped  ${event.cell} is not needed any more`;
    case 'shard-started': {
      const position = after.index.get(event.cell);
      const cell = position === undefined ? undefined : at(before.cells, position);
      if (event.attempt > 1)
        return `retry    ${event.cell} shard ${event.shard + 1}, attempt ${event.attempt}`;
      return cell?.status === 'waiting' ? `start    ${event.cell}` : undefined;
    }
    case 'cell-finished':
      return event.reused
        ? undefined
        : `done     ${event.cell} ${formatDuration(event.seconds)}${metricsOf(after, event.cell)}`;
    case 'cell-failed':
      return `FAILED   ${event.cell} ${event.failure.message}`;
    case 'metric': {
      // Numbers inside a cell, such as an accuracy after each epoch, are printed at once; those of the cell
      // itself come with `done`.
      const axes = Object.entries(event.axes).filter(([axis]) => !(axis in axesOf(after, event.cell)));
      if (axes.length === 0) return undefined;
      const where = axes.map(([axis, label]) => `${axis} ${readableLabel(label)}`).join(', ');
      return `metric   ${event.cell} ${where}: ${formatMetric(event.name, event.value)}`;
    }
    case 'warning':
      return `warning  ${event.cell === null ? '' : `${event.cell} `}${event.message}`;
    case 'published':
      return `publish  ${event.path}`;
    case 'not-published':
      return `FAILED   ${event.cell} not published: ${event.message}`;
    case 'cell-planned':
    case 'shard-progress':
    case 'shard-committed':
    case 'log':
    case 'run-finished':
      return undefined;
    default:
      event satisfies never;
      return undefined;
  }
}

function plannedLines(state: DashboardState): readonly string[] {
  return state.stages
    .filter((stage) => stage.counts.reused > 0)
    .map(
      (stage) =>
        `reuse    ${stage.id}: ${formatCount(stage.counts.reused)} of ${plural(stage.cells.length, stage.isPart ? 'part' : 'cell')}`,
    );
}

function heartbeat(state: DashboardState, now: number, estimator: Estimator): string {
  const { counts } = state;
  const parts = [
    `${formatCount(counts.finished + counts.reused)}/${formatCount(state.cells.length)} ${cellsNoun(state.totals)}`,
  ];
  if (counts.failed > 0) parts.push(`${formatCount(counts.failed)} failed`);
  const rate = imageRate(state, now);
  if (rate !== null) parts.push(`${formatRate(rate)} images/s`);
  const remaining = estimator.remaining(state, now);
  if (remaining !== null) parts.push(formatRemaining(remaining));
  for (const shard of [...state.running.values()].slice(0, 4)) {
    const cell = at(state.cells, shard.cell)!;
    const progress = shard.total > 0 ? ` ${shard.done}/${shard.total} ${shard.unit}` : '';
    parts.push(`${cell.id}${progress} for ${formatDuration((now - shard.startedAt) / 1000)}`);
  }
  return `running  ${parts.join(' · ')} (${formatDuration(elapsedSeconds(state, now))})`;
}

function axesOf(state: DashboardState, cell: string): Readonly<Record<string, unknown>> {
  const position = state.index.get(cell);
  return (position === undefined ? undefined : at(state.cells, position)?.axes) ?? {};
}

function metricsOf(state: DashboardState, id: string): string {
  const position = state.index.get(id);
  const metrics = position === undefined ? {} : at(state.cells, position)!.metrics;
  const shown = ['accuracy', 'testAccuracy', 'loss'].filter((name) => name in metrics);
  return shown.length === 0
    ? ''
    : ` · ${shown.map((name) => formatMetric(name, metrics[name]!)).join(' · ')}`;
}

function clock(seconds: number): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const whole = Math.floor(seconds);
  const minutes = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole < 3600 ? `[${minutes}]` : `[${Math.floor(whole / 3600)}:${minutes}]`;
}
