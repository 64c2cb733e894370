import { formatCount, formatDuration } from '../format.ts';
import { stageInfo } from '../stage-info.ts';
import type { DashboardState, StageState } from '../state.ts';
import { at } from '../vector.ts';
import { matchingStages } from './matching.ts';
import { cellStrip, stripLength } from './strip.ts';
import { cellText, span, textColumns } from './theme.ts';
import type { Line, Span, Theme } from './theme.ts';

/** All that the rows of the stages show. */
export interface StagesContext {
  readonly state: DashboardState;
  /** Index of the selected stage. */
  readonly stage: number;
  /** Only stages with this text are shown. */
  readonly filter: string;
  readonly theme: Theme;
  readonly columns: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** One row per stage: its name, a strip of its cells, the share done, the time, and its current work. */
export function stageLines(context: StagesContext, height: number): readonly Line[] {
  const { state, stage: selected, filter, columns } = context;
  const stages = matchingStages(state, filter);
  if (stages.length === 0) {
    return [[span(filter === '' ? 'no stages yet' : `no stage matches '${filter}'`, 'dim')]];
  }
  const first = windowStart(stages.indexOf(selected), stages.length, height);
  const shown = stages.slice(first, first + height);
  const longest = Math.max(...stages.map((index) => textColumns(state.stages[index]!.id)));
  const nameWidth = Math.min(longest, 28, Math.max(8, Math.floor(columns * 0.34)));
  const countWidth = Math.max(...stages.map((index) => countText(state.stages[index]!).length));
  // The counts stand right after the longest strip, so that the eye finds their row on a wide terminal.
  const stripWidth = Math.max(1, ...stages.map((index) => stripLength(state, state.stages[index]!)));
  return shown.map((index) => stageLine(context, index, { nameWidth, countWidth, stripWidth }));
}

/** First row of a window of `height` rows that contains the selection, in its middle if possible. */
export function windowStart(selected: number, length: number, height: number): number {
  return Math.max(0, Math.min(selected - Math.floor(height / 2), length - height));
}

interface Widths {
  readonly nameWidth: number;
  readonly countWidth: number;
  /** Columns of the longest strip. */
  readonly stripWidth: number;
}

function stageLine(context: StagesContext, index: number, widths: Widths): Line {
  const { nameWidth, countWidth } = widths;
  const { state, theme, columns, now } = context;
  const stage = state.stages[index]!;
  const { ellipsis, pointer } = theme.glyphs;
  const selected = index === context.stage;
  const wide = columns >= 60;
  const timed = columns >= 48;
  const info = wide ? stageInfo(stage, state, now) : '';
  const infoWidth = wide ? Math.min(26, columns - 46) : 0;
  const time = timed ? cellText(timeText(stage, state, now), 8, 'right', ellipsis) : '';
  const space = columns - 2 - nameWidth - 1 - 1 - countWidth - time.length - (wide ? infoWidth + 2 : 0);
  const stripWidth = Math.max(1, Math.min(space, widths.stripWidth));
  const strip = cellStrip(state, stage, stripWidth, theme);
  const used = strip.reduce((sum, piece) => sum + textColumns(piece.text), 0);
  const line: Span[] = [
    span(selected ? `${pointer} ` : '  ', 'bold'),
    span(cellText(stage.id, nameWidth, 'left', ellipsis), selected ? 'bold' : 'plain'),
    span(' '),
    ...strip,
    span(' '.repeat(stripWidth - used + 1)),
    span(
      cellText(countText(stage), countWidth, 'right', ellipsis),
      stage.counts.failed > 0 ? 'bad' : 'plain',
    ),
  ];
  if (timed) line.push(span(time, 'dim'));
  if (wide) line.push(span(`  ${info}`, 'dim'));
  return line;
}

function countText({ counts, cells }: StageState): string {
  return `${formatCount(counts.finished + counts.reused)}/${formatCount(cells.length)}`;
}

/** The sum of the seconds of its shards, those that run included. */
function timeText(stage: StageState, state: DashboardState, now: number): string {
  let seconds = stage.seconds;
  for (const { cell, startedAt } of state.running.values())
    if (state.stages[at(state.cells, cell)!.stage] === stage) seconds += Math.max(0, now - startedAt) / 1000;
  return seconds === 0 ? '' : formatDuration(seconds);
}
