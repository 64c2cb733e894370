import { formatDuration, formatMetric } from '../format.ts';
import { failureLines } from '../parts/failure-lines.ts';
import { matchingCells } from '../parts/matching.ts';
import { selectedCell } from '../parts/selected-cell.ts';
import { windowStart } from '../parts/stage-lines.ts';
import { statusText } from '../parts/status-text.ts';
import { markOf, statusSpan } from '../parts/strip.ts';
import { cellText, shareStyle, span, textColumns } from '../parts/theme.ts';
import type { Line, Span } from '../parts/theme.ts';
import type { CellState, DashboardState, StageState } from '../state.ts';
import { at } from '../vector.ts';
import type { FrameContext } from './frame-context.ts';
import { axisGrid, fitsAsGrid } from './grid.ts';

/**
 * Shows one stage: the grid of its axes if that fits, otherwise a list of its cells; below it the state of
 * the selected cell.
 */
export function cellsBody(context: FrameContext, height: number): readonly Line[] {
  const { state, view, columns } = context;
  const stage = state.stages[view.stage];
  if (stage === undefined) return [];
  const index = selectedCell(view, state);
  const cell = index === null ? undefined : at(state.cells, index);
  const title: Line = [span(stage.id, 'bold'), span(`  ${stage.uses.join(', ')}`, 'dim')];
  // The remedy of a failure matters more than the rest of the table.
  const detailRoom = cell?.failure === null ? Math.floor(height / 3) : height - 4;
  const details =
    cell === undefined ? [] : detailLines(cell, state, columns).slice(0, Math.max(1, detailRoom));
  const room = Math.max(1, height - 1 - details.length);
  const asGrid = view.cellFilter === '' && fitsAsGrid(state, stage, columns);
  const table = asGrid ? gridLines(context, stage, room) : listLines(context, stage, room);
  return [title, ...table, ...details].slice(0, height);
}

function gridLines(
  { state, view, columns, theme }: FrameContext,
  stage: StageState,
  height: number,
): readonly Line[] {
  const { ellipsis } = theme.glyphs;
  const grid = axisGrid(state, stage);
  const selected = selectedCell(view, state);
  const heading = stage.axes.slice(0, -1).join(' · ');
  const longest = Math.max(textColumns(heading), ...grid.rows.map((row) => textColumns(row.label)));
  const widest = Math.max(7, ...grid.columns.map((label) => textColumns(label) + 2));
  const labelWidth = Math.min(
    longest,
    columns - grid.columns.length * 7,
    Math.max(14, Math.floor(columns / 2)),
  );
  const width = Math.min(widest, Math.floor((columns - labelWidth) / grid.columns.length), 14);
  const top: Line = [
    span(cellText(heading, labelWidth, 'left', ellipsis), 'dim'),
    ...grid.columns.map((label) => span(` ${cellText(label, width - 2, 'right', ellipsis)} `, 'dim')),
  ];
  const selectedRow = grid.rows.findIndex((row) => selected !== null && row.cells.includes(selected));
  const first = windowStart(selectedRow, grid.rows.length, height - 1);
  const rows = grid.rows.slice(first, first + Math.max(1, height - 1)).map((row) => [
    span(cellText(row.label, labelWidth, 'left', ellipsis)),
    ...row.cells.map((cell): Span => {
      if (cell === null) return span(' '.repeat(width));
      const mark = cellMark(at(state.cells, cell)!, state, theme);
      const text = ` ${cellText(mark.text, width - 2, 'right', ellipsis)} `;
      return span(text, cell === selected ? 'selected' : mark.style);
    }),
  ]);
  return [top, ...rows];
}

/** The accuracy of a cell as soon as it is known, otherwise its progress. */
function cellMark(cell: CellState, state: DashboardState, theme: FrameContext['theme']): Span {
  const accuracy = accuracyOf(cell);
  if (accuracy !== undefined && cell.status !== 'failed')
    return span((accuracy * 100).toFixed(1), shareStyle(accuracy));
  const mark = statusSpan(markOf(cell), theme);
  const share = cell.status === 'running' ? shareDone(cell, state) : 0;
  return share > 0 ? span(`${Math.floor(share * 100)}%`, mark.style) : mark;
}

function accuracyOf(cell: CellState): number | undefined {
  const { accuracy } = cell.metrics;
  if (accuracy !== undefined) return accuracy;
  return Object.entries(cell.metrics).find(([name]) => /accuracy$/i.test(name))?.[1];
}

function shareDone(cell: CellState, state: DashboardState): number {
  const { total, done } = cell.shards;
  if (total === 0) return 0;
  let shards = done;
  for (const shard of state.running.values()) {
    if (shard.total > 0 && at(state.cells, shard.cell)!.id === cell.id) shards += shard.done / shard.total;
  }
  return shards / total;
}

function listLines(
  { state, view, columns, theme }: FrameContext,
  stage: StageState,
  height: number,
): readonly Line[] {
  const cells = matchingCells(state, stage, view.cellFilter);
  if (cells.length === 0) return [[span(`no cell matches '${view.cellFilter}'`, 'dim')]];
  const selected = selectedCell(view, state);
  const first = windowStart(selected === null ? 0 : cells.indexOf(selected), cells.length, height);
  return cells.slice(first, first + height).map((index) => {
    const cell = at(state.cells, index)!;
    const { pointer, ellipsis } = theme.glyphs;
    const right = progressText(cell);
    const width = Math.max(4, columns - 4 - textColumns(right) - 1);
    const name = cellName(cell, width);
    return [
      span(index === selected ? `${pointer} ` : '  ', 'bold'),
      statusSpan(markOf(cell), theme),
      span(' '),
      span(cellText(name, width, 'left', ellipsis), index === selected ? 'bold' : 'plain'),
      span(` ${right}`, 'dim'),
    ];
  });
}

/** Axes with their labels, or, if that is too wide, only the labels, which are what differs. */
function cellName(cell: CellState, width: number): string {
  const axes = Object.entries(cell.axes);
  if (axes.length === 0) return cell.id;
  const named = axes.map(([axis, label]) => `${axis}=${String(label)}`).join(',');
  return textColumns(named) <= width ? named : axes.map(([, label]) => String(label)).join(',');
}

function progressText(cell: CellState): string {
  const accuracy = accuracyOf(cell);
  if (accuracy !== undefined) return `${(accuracy * 100).toFixed(1)} %`;
  if (cell.status === 'finished') return formatDuration(cell.seconds);
  if (cell.status === 'running' || cell.status === 'partly' || cell.status === 'waiting')
    return `${cell.shards.done}/${cell.shards.total}`;
  return cell.status === 'blocked' ? 'not run' : cell.status;
}

function detailLines(cell: CellState, state: DashboardState, columns: number): readonly Line[] {
  if (cell.failure !== null) return [[span(cell.id, 'bold')], ...failureLines(cell, state, columns)];
  const numbers = Object.entries(cell.metrics)
    .slice(0, 6)
    .map(([name, value]) => formatMetric(name, value));
  const facts = [
    statusText(cell, state),
    `${cell.shards.done}/${cell.shards.total} shards`,
    ...(cell.images > 0 ? [`${cell.images} images`] : []),
    ...(cell.seconds > 0 ? [formatDuration(cell.seconds)] : []),
  ];
  return [
    [span(cell.id, 'bold')],
    [span(facts.join(', '), 'dim')],
    ...(numbers.length > 0 ? [[span(numbers.join(', '), 'dim')]] : []),
  ];
}
