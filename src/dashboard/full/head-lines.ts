import { elapsedSeconds, imageRate, type Remaining } from '../estimate.ts';
import {
  cellsNoun,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  formatRemaining,
} from '../format.ts';
import { wrapped } from '../parts/wrapped.ts';
import { span, textColumns } from '../parts/theme.ts';
import type { Line, Span, Style, Theme } from '../parts/theme.ts';
import type { DashboardState } from '../state.ts';

/** All that the header shows beside the state. */
export interface HeadContext {
  readonly state: DashboardState;
  readonly theme: Theme;
  readonly now: number;
  readonly remaining: Remaining | null;
  readonly notice: string;
  /** The place in a recorded run, `2:31 of 4:10, playing at 4 times`; empty for one that goes on. */
  readonly place: string;
}

/** The first lines: the run and its time on the left, its backend on the right; a bar of all cells with its counts. */
export function headLines(context: HeadContext, width: number): readonly Line[] {
  const { state, notice } = context;
  const lines = [titleLine(context, width), barLine(context, width)];
  if (notice !== '' && state.finished === null) lines.push(...wrapped(notice, width, 'busy', ''));
  if (state.backendChange !== '') lines.push(...wrapped(state.backendChange, width, 'busy', '  '));
  return lines;
}

function titleLine({ state, theme, now, remaining, place }: HeadContext, width: number): Line {
  const { separator, spinner, times } = theme.glyphs;
  const elapsed = formatDuration(elapsedSeconds(state, now));
  const left: Span[] = [];
  if (state.finished === null && place === '')
    left.push(span(`${spinner[Math.floor(now / 250) % spinner.length]!} `, 'busy'));
  left.push(span(state.pipeline === '' ? 'planning' : state.pipeline, 'bold'));
  const status = state.finished?.status;
  const style: Style = status === 'ok' ? 'good' : status === undefined ? 'plain' : 'bad';
  left.push(span(separator, 'dim'), span(status === undefined ? elapsed : `${status} in ${elapsed}`, style));
  if (state.isPaused && state.finished === null) left.push(span(separator, 'dim'), span('paused', 'busy'));
  else if (remaining !== null)
    left.push(span(separator, 'dim'), span(formatRemaining(remaining, width >= 60)));
  if (place !== '') left.push(span(separator, 'dim'), span(place, 'busy'));
  const right = [
    ...(state.backend === '' ? [] : [`${state.backend} ${times}${state.workers}`]),
    ...(state.peakBytes > 0 ? [`peak ${formatBytes(state.peakBytes)}`] : []),
    state.run,
  ];
  const used = left.reduce((sum, piece) => sum + textColumns(piece.text), 0);
  for (let count = right.length; count > 0; count--) {
    const text = right.slice(0, count).join(separator);
    const space = width - used - textColumns(text);
    if (space >= 2) return [...left, span(' '.repeat(space)), span(text, 'dim')];
  }
  return left;
}

function barLine({ state, theme, now }: HeadContext, width: number): Line {
  const { counts } = state;
  const total = Math.max(1, state.totals.cells, state.cells.length);
  const done = counts.finished + counts.reused;
  const parts: Span[] = [span(`${formatCount(done)}/${formatCount(total)} ${cellsNoun(state.totals)}`)];
  const add = (count: number, text: string, style: Style): void => {
    if (count > 0) parts.push(span(`${formatCount(count)} ${text}`, style));
  };
  add(counts.reused - state.sharedCells, 'reused', 'reused');
  add(state.sharedCells, 'equal to others', 'reused');
  add(counts.running, 'running', 'busy');
  add(counts.failed, 'failed', 'bad');
  add(counts.blocked, 'not run', 'dim');
  const rate = state.finished === null ? imageRate(state, now) : null;
  if (rate !== null) parts.push(span(`${formatRate(rate)} images/s`));
  const tally = parts.flatMap((part, index) => (index === 0 ? [part] : [span(', ', 'dim'), part]));
  const used = tally.reduce((sum, piece) => sum + textColumns(piece.text), 0);
  const room = Math.min(60, width - used - 2);
  if (room < 8) return tally;
  const share = (count: number): number => Math.floor((count / total) * room);
  const full = share(done - counts.reused);
  const reused = share(counts.reused);
  const failed = counts.failed > 0 ? Math.max(1, share(counts.failed)) : 0;
  const { glyphs } = theme;
  const left = Math.max(0, room - full - reused - failed);
  // What rounding leaves over belongs to what is done, once all is.
  const isAll = done + counts.failed >= total;
  const rest = isAll ? 0 : left;
  const more = isAll ? left : 0;
  return [
    span(glyphs.done.repeat(full + (full >= reused ? more : 0)), 'good'),
    span(glyphs.reused.repeat(reused + (full >= reused ? 0 : more)), 'reused'),
    span(glyphs.failed.repeat(failed), 'bad'),
    span(glyphs.waiting.repeat(rest), 'dim'),
    span('  '),
    ...tally,
  ];
}
