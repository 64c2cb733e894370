import { formatCount, formatDuration, formatMetric, formatRate } from '../format.ts';
import type { DashboardState, StageState } from '../state.ts';
import { at } from '../vector.ts';
import type { FrameContext } from './frame-context.ts';
import { matchingStages } from './grid.ts';
import { cellStrip } from './strip.ts';
import { cellText, span, textColumns } from './theme.ts';
import type { Line, Span } from './theme.ts';

/** One row per stage: its name, a strip of its cells, the share done, the time, and its current work. */
export function stagesBody(context: FrameContext, height: number): readonly Line[] {
  const { state, view, columns } = context;
  const stages = matchingStages(state, view.stageFilter);
  if (stages.length === 0) {
    return [
      [span(view.stageFilter === '' ? 'no stages yet' : `no stage matches '${view.stageFilter}'`, 'dim')],
    ];
  }
  const first = windowStart(stages.indexOf(view.stage), stages.length, height);
  const shown = stages.slice(first, first + height);
  const longest = Math.max(...stages.map((index) => textColumns(state.stages[index]!.id)));
  const nameWidth = Math.min(longest, 28, Math.max(8, Math.floor(columns * 0.34)));
  const countWidth = Math.max(...stages.map((index) => countText(state.stages[index]!).length));
  return shown.map((index) => stageLine(context, index, nameWidth, countWidth));
}

/** First row of a window of `height` rows that contains the selection, in its middle if possible. */
export function windowStart(selected: number, length: number, height: number): number {
  return Math.max(0, Math.min(selected - Math.floor(height / 2), length - height));
}

function stageLine(context: FrameContext, index: number, nameWidth: number, countWidth: number): Line {
  const { state, view, theme, columns, now } = context;
  const stage = state.stages[index]!;
  const { ellipsis, pointer } = theme.glyphs;
  const selected = index === view.stage;
  const wide = columns >= 72;
  const info = wide ? infoText(stage, state, now) : '';
  const infoWidth = wide ? 26 : 0;
  const time = wide ? cellText(timeText(stage, state, now), 8, 'right', ellipsis) : '';
  const stripWidth = Math.max(
    1,
    columns - 2 - nameWidth - 1 - 1 - countWidth - time.length - (wide ? infoWidth + 2 : 0),
  );
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
  if (wide) line.push(span(time, 'dim'), span(`  ${info}`, 'dim'));
  return line;
}

function countText({ counts, cells }: StageState): string {
  return `${formatCount(counts.finished + counts.reused)}/${formatCount(cells.length)}`;
}

function timeText(stage: StageState, state: DashboardState, now: number): string {
  if (stage.startedAt === null) return '';
  const end = stage.counts.running > 0 && state.finished === null ? now : (stage.latestAt ?? now);
  return formatDuration(Math.max(0, end - stage.startedAt) / 1000);
}

/** Progress of a running shard and the latest number, otherwise the rate. */
function infoText(stage: StageState, state: DashboardState, now: number): string {
  for (const shard of state.running.values()) {
    const cell = at(state.cells, shard.cell)!;
    if (state.stages[cell.stage] !== stage) continue;
    const progress = shard.total > 0 ? `${shard.done}/${shard.total} ${shard.unit}` : '';
    const [metric] = Object.entries(cell.metrics).filter(([name]) => /accuracy/i.test(name));
    const parts = [progress, metric === undefined ? '' : formatMetric(...metric).replace('accuracy ', '')];
    const text = parts.filter((part) => part !== '').join(', ');
    if (text !== '') return text;
  }
  const { startedAt, latestAt, images, counts } = stage;
  if (counts.failed > 0) return `${formatCount(counts.failed)} failed`;
  if (counts.reused === stage.cells.length) return 'reused';
  const end = counts.running > 0 ? now : latestAt;
  if (startedAt === null || end === null || images === 0 || end - startedAt < 100) return '';
  return `${formatRate(images / ((end - startedAt) / 1000))} images/s`;
}
