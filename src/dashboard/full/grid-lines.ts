import { formatDuration, formatMetric, formatPlain, isShownAsShare } from '../format.ts';
import { isTraining } from '../stage-info.ts';
import type { CellState, DashboardState } from '../state.ts';
import { windowStart } from '../parts/stage-lines.ts';
import { markOf, statusSpan } from '../parts/strip.ts';
import { cellText, heatStyle, span, textColumns } from '../parts/theme.ts';
import type { Line, Span, Theme } from '../parts/theme.ts';
import { at } from '../vector.ts';
import { placeOf, type AxisTable } from './axis-table.ts';
import { chosenCell, isMatch, tableOf } from './full-moves.ts';
import type { FullView } from './full-view.ts';
import { sparkline } from './sparkline.ts';

export interface GridContext {
  readonly state: DashboardState;
  readonly view: FullView;
  readonly theme: Theme;
  readonly width: number;
  readonly height: number;
}

/** The cells of the stage by two of its axes, each with its number on a colour; a lone cell with the curves of its training. */
export function gridLines(context: GridContext): readonly Line[] {
  const { state, view, width } = context;
  const stage = state.stages[view.stage];
  const table = tableOf(view, state);
  if (stage === undefined || table === null) return [[span('no stages yet', 'dim')]];
  const only = stage.cells.length === 1 ? at(state.cells, at(stage.cells, 0)!)! : null;
  if (only !== null && isTraining(only)) return curveLines(only, context);
  const selected = chosenCell(view, state);
  const slice = Math.min(view.slice, table.slices.length - 1);
  const sizes = measure(table, width);
  const place = selected === null ? null : placeOf(table, selected);
  const heading = headLines(table, slice, sizes, context, place?.column ?? 0);
  const room = Math.max(1, context.height - heading.lines.length);
  const first = windowStart(place?.row ?? 0, table.rows.length, room);
  const rows = table.rows.slice(first, first + room).map((label, offset): Line => {
    const cells = table.slices[slice]!.cells[first + offset]!;
    const shown = cells.slice(heading.first, heading.first + sizes.shown);
    return [
      span(cellText(label, sizes.label, 'left', context.theme.glyphs.ellipsis)),
      ...shown.map((cell) => cellSpan(cell, cell === selected, sizes.cell, context)),
    ];
  });
  return [...heading.lines, ...rows];
}

interface Sizes {
  readonly label: number;
  readonly cell: number;
  /** Columns of the table that fit. */
  readonly shown: number;
}

function measure(table: AxisTable, width: number): Sizes {
  const longest = Math.max(textColumns(table.axes.join(' / ')), ...table.rows.map(textColumns));
  const widest = Math.max(7, ...table.columns.map((label) => textColumns(label) + 2));
  const cell = Math.min(widest, 14);
  const label = Math.max(8, Math.min(longest + 1, width - cell, Math.max(16, Math.floor(width / 3))));
  return { label, cell, shown: Math.max(1, Math.floor((width - label) / cell)) };
}

function headLines(
  table: AxisTable,
  slice: number,
  sizes: Sizes,
  { theme }: GridContext,
  column: number,
): { readonly lines: readonly Line[]; readonly first: number } {
  const { ellipsis } = theme.glyphs;
  const first = windowStart(column, table.columns.length, sizes.shown);
  const shown = table.columns.slice(first, first + sizes.shown);
  const { label } = table.slices[slice]!;
  const lines: Line[] = [];
  if (table.slices.length > 1)
    lines.push([span(label, 'bold'), span(`  ${slice + 1}/${table.slices.length}, [ ] turn`, 'dim')]);
  const [row, across] = table.axes;
  const corner = across === '' ? row : `${row} / ${across}`;
  const more = first + shown.length < table.columns.length ? ellipsis : '';
  lines.push([
    span(cellText(corner, sizes.label, 'left', ellipsis), 'dim'),
    ...shown.map((name) => span(` ${cellText(name, sizes.cell - 2, 'right', ellipsis)} `, 'dim')),
    span(more, 'dim'),
  ]);
  return { lines, first };
}

function cellSpan(
  index: number | null,
  isSelected: boolean,
  width: number,
  { state, view, theme }: GridContext,
): Span {
  if (index === null) return span(' '.repeat(width));
  const cell = at(state.cells, index)!;
  const mark = numberSpan(cell, state, view.number, theme);
  const text = cellText(mark.text, width - 2, 'right', theme.glyphs.ellipsis);
  if (isSelected) return span(`[${text}]`, 'selected');
  return span(` ${text} `, isMatch(cell.id, view.query) && view.pane === 'grid' ? 'match' : mark.style);
}

/** The number of a cell on the colour of its share, or else how far it is. */
function numberSpan(cell: CellState, state: DashboardState, name: string | null, theme: Theme): Span {
  const found = name === null ? accuracyName(cell) : name;
  const value = found === undefined ? undefined : cell.metrics[found];
  if (value !== undefined && cell.status !== 'failed') {
    return isShownAsShare(found!, value) && value >= 0
      ? span((value * 100).toFixed(1), heatStyle(value))
      : span(formatPlain(found!, value));
  }
  if (cell.status === 'running') {
    const share = shareDone(cell, state);
    if (share > 0) return span(`${Math.floor(share * 100)}%`, 'busy');
  }
  const mark = statusSpan(markOf(cell), theme);
  // A stage whose cells have no number shows their seconds.
  if (cell.status === 'finished' && name === null && !cell.onTheFly)
    return span(formatDuration(cell.seconds), 'good');
  return mark;
}

export function accuracyName({ metrics }: CellState): string | undefined {
  return 'accuracy' in metrics ? 'accuracy' : Object.keys(metrics).find((name) => /accuracy$/i.test(name));
}

function shareDone(cell: CellState, state: DashboardState): number {
  const { total, done } = cell.shards;
  if (total === 0) return 0;
  let shards = done;
  for (const shard of state.running.values())
    if (shard.total > 0 && at(state.cells, shard.cell) === cell) shards += shard.done / shard.total;
  return shards / total;
}

/** The values of a training after each epoch. */
function curveLines(cell: CellState, { width, theme }: GridContext): readonly Line[] {
  const curves = Object.entries(cell.curves);
  const longest = Math.max(...curves.map(([name]) => textColumns(name)));
  const epochs = curves[0]![1].length;
  return [
    [span(cell.id, 'bold'), span(`  ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`, 'dim')],
    ...curves.map(([name, values]): Line => {
      const latest = formatMetric(name, values.at(-1)!).slice(formatMetric(name, 0).lastIndexOf(' 0') + 1);
      const room = Math.max(4, Math.min(60, width - longest - 14));
      return [
        span(name.padEnd(longest + 1), 'dim'),
        span(`${sparkline(values, room, theme)} `, 'good'),
        span(latest, 'bold'),
      ];
    }),
  ];
}
