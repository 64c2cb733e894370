import { elapsedSeconds, imageRate } from '../estimate.ts';
import {
  cellsNoun,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  formatRemaining,
} from '../format.ts';
import { selectedCell } from '../parts/selected-cell.ts';
import { stageLines } from '../parts/stage-lines.ts';
import { renderLine, span, textColumns } from '../parts/theme.ts';
import type { Line, Theme } from '../parts/theme.ts';
import { wrapped } from '../parts/wrapped.ts';
import { at } from '../vector.ts';
import { cellsBody } from './cells-frame.ts';
import { helpLines, logLines, whyLines } from './detail-frame.ts';
import type { FrameContext } from './frame-context.ts';
import type { View } from './view.ts';

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * The whole screen as lines of terminal text. There are at most `rows − 1` of them, because a frame as high
 * as the terminal would scroll it. Only the visible part is composed.
 */
export function frame(context: FrameContext & FrameSize, last = false): readonly string[] {
  const { columns, theme } = context;
  const height = Math.max(1, context.rows - 1);
  const header = headerLines(context).slice(0, Math.max(1, height - 2));
  const footer = last ? [] : footerLines(context).slice(0, height > 7 ? 2 : height > 2 ? 1 : 0);
  const body = bodyLines(context, height - header.length - footer.length);
  return [...header, ...body, ...footer].slice(0, height).map((line) => renderLine(line, columns, theme));
}

function headerLines(context: FrameContext): readonly Line[] {
  const { state, now, columns, theme, remaining } = context;
  const { counts } = state;
  const elapsed = formatDuration(elapsedSeconds(state, now));
  const { spinner, times } = theme.glyphs;
  const turning = spinner[Math.floor(now / 120) % spinner.length]!;
  const sign = state.finished === null ? [span(`${turning} `, 'busy')] : [];
  const head: Line[] = [[...sign, span(state.pipeline === '' ? 'planning' : state.pipeline, 'bold')]];
  head.push([span(state.finished === null ? elapsed : `${state.finished.status} in ${elapsed}`)]);
  if (state.isPaused && state.finished === null) head.push([span('paused, p goes on', 'busy')]);
  else if (remaining !== null && state.finished === null)
    head.push([span(formatRemaining(remaining, columns >= 60))]);
  if (state.backend !== '') head.push([span(`${state.backend} ${times}${state.workers}`, 'dim')]);
  if (state.peakBytes > 0) head.push([span(`peak ${formatBytes(state.peakBytes)}`, 'dim')]);
  const done = counts.finished + counts.reused;
  const tally: Line[] = [
    [
      span(
        `${formatCount(done)}/${formatCount(Math.max(state.totals.cells, state.cells.length))} ${cellsNoun(state.totals)}`,
      ),
    ],
  ];
  const reused = counts.reused - state.sharedCells;
  if (reused > 0) tally.push([span(`${formatCount(reused)} reused`, 'reused')]);
  if (state.sharedCells > 0)
    tally.push([span(`${formatCount(state.sharedCells)} equal to others`, 'reused')]);
  if (counts.running > 0) tally.push([span(`${formatCount(counts.running)} running`, 'busy')]);
  if (counts.failed > 0) tally.push([span(`${formatCount(counts.failed)} failed`, 'bad')]);
  if (counts.blocked > 0) tally.push([span(`${formatCount(counts.blocked)} not run`, 'dim')]);
  const rate = state.finished === null ? imageRate(state, now) : null;
  if (rate !== null) tally.push([span(`${formatRate(rate)} images/s`)]);
  if (state.reusedShards > 0) {
    const saved = state.savedSeconds >= 0.05 ? `, saved ${formatDuration(state.savedSeconds)}` : '';
    tally.push([span(`cache ${formatCount(state.reusedShards)} hits${saved}`, 'dim')]);
  }
  const noticed =
    context.notice === '' || state.finished !== null ? [] : wrapped(context.notice, columns, 'busy', '');
  const change = state.backendChange === '' ? [] : wrapped(state.backendChange, columns, 'busy', '  ');
  return [...flow(head, columns, theme), ...noticed, ...flow(tally, columns, theme), ...change];
}

/** Joins parts by a separator, and starts a new line if the next part does not fit. */
function flow(parts: readonly Line[], columns: number, theme: Theme): readonly Line[] {
  const separator = theme.glyphs.separator;
  const lines: Line[] = [];
  let width = 0;
  for (const part of parts) {
    const size = part.reduce((sum, piece) => sum + textColumns(piece.text), 0);
    const last = lines.at(-1);
    if (last !== undefined && width + separator.length + size <= columns) {
      lines[lines.length - 1] = [...last, span(separator, 'dim'), ...part];
      width += separator.length + size;
    } else {
      lines.push(part);
      width = size;
    }
  }
  return lines;
}

function bodyLines(context: FrameContext, height: number): readonly Line[] {
  const { state, view, columns } = context;
  if (height <= 0) return [];
  const index = selectedCell(view, state);
  const cell = index === null ? undefined : at(state.cells, index);
  switch (view.screen) {
    case 'stages':
      return stageLines({ ...context, stage: context.view.stage, filter: context.view.stageFilter }, height);
    case 'cells':
      return cellsBody(context, height);
    case 'why':
      return windowed(whyLines(cell, state, columns), view.scroll, height);
    case 'log': {
      const lines = logLines(cell, state, columns);
      const end = Math.max(height, lines.length - view.scroll);
      return lines.slice(Math.max(0, end - height), end);
    }
    case 'help':
      return windowed(helpLines(columns), view.scroll, height);
    default:
      view.screen satisfies never;
      return [];
  }
}

function windowed(lines: readonly Line[], scroll: number, height: number): readonly Line[] {
  const first = Math.max(0, Math.min(scroll, lines.length - height));
  return lines.slice(first, first + height);
}

function footerLines(context: FrameContext): readonly Line[] {
  const { state, view, theme } = context;
  const lines: Line[] = context.interactive ? [hints(context)] : [];
  const failure = state.failures.at(-1);
  if (view.note !== '') lines.unshift([span(view.note, 'busy')]);
  else if (view.typing || activeFilter(view) !== '') {
    lines.unshift([
      span('/', 'bold'),
      span(activeFilter(view)),
      span(view.typing ? '_' : ' (esc clears)', 'dim'),
    ]);
  } else if (failure !== undefined && view.screen === 'stages') {
    lines.unshift([
      span(`${theme.glyphs.failed} `, 'bad'),
      span(failure.cell, 'bold'),
      span(` ${failure.failure.message}`),
    ]);
  }
  return lines;
}

function activeFilter(view: View): string {
  return view.screen === 'cells' ? view.cellFilter : view.screen === 'stages' ? view.stageFilter : '';
}

/** The hints that fit, in order of importance. */
function hints({ view, columns, theme, state }: FrameContext): Line {
  if (view.typing) return [span('type to filter, enter keeps it, esc clears it', 'dim')];
  const { arrows, separator } = theme.glyphs;
  const failure = state.failures.length > 0 ? ['f failure'] : [];
  const byScreen: Readonly<Record<View['screen'], readonly string[]>> = {
    stages: [
      '? help',
      'q quit',
      ...failure,
      'enter open',
      `${arrows} move`,
      'w why',
      'l log',
      '/ filter',
      'F whole screen',
    ],
    cells: ['? help', 'esc back', ...failure, 'w why', 'l log', `${arrows} move`, '/ filter', 'q quit'],
    why: ['esc back', 'l log', `${arrows} scroll`, 'q quit'],
    log: ['esc back', 'w why', `${arrows} scroll`, 'q quit'],
    help: ['esc back', `${arrows} scroll`],
  };
  let text = '';
  for (const hint of byScreen[view.screen]) {
    const longer = text === '' ? hint : text + separator + hint;
    if (textColumns(longer) <= columns) text = longer;
  }
  return [span(text, 'dim')];
}
