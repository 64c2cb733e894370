import { matchingStages } from '../parts/matching.ts';
import type { Key } from '../parts/keys.ts';
import { selectedCell } from '../parts/selected-cell.ts';
import { failureAfter } from '../next-failure.ts';
import type { DashboardState, StageState } from '../state.ts';
import { at, items } from '../vector.ts';
import { axisTable, placeOf, type AxisTable } from './axis-table.ts';
import { paneNames, type CellTab, type FullView, type PaneName } from './full-view.ts';

/** The cell that keys refer to: the selected one, or else the cell of the stage that most needs attention. */
export function chosenCell(
  { stage, cell }: Pick<FullView, 'stage' | 'cell'>,
  state: DashboardState,
): number | null {
  return selectedCell({ stage, cell }, state);
}

export function tableOf(view: FullView, state: DashboardState): AxisTable | null {
  const stage = state.stages[view.stage];
  return stage === undefined ? null : axisTable(state, stage, view.axes);
}

export function focus(view: FullView, pane: PaneName): FullView {
  return { ...view, pane, scroll: 0, query: '' };
}

export function nextPane(pane: PaneName, step: 1 | -1): PaneName {
  return paneNames[(paneNames.indexOf(pane) + step + paneNames.length) % paneNames.length]!;
}

export function showTab(view: FullView, tab: CellTab): FullView {
  return { ...view, pane: 'cell', tab, scroll: 0, query: '' };
}

export function enter(view: FullView, state: DashboardState): FullView {
  if (view.pane === 'stages') return { ...focus(view, 'grid'), cell: chosenCell(view, state) };
  if (view.pane === 'grid') return showTab({ ...view, cell: chosenCell(view, state) }, view.tab);
  if (view.pane === 'workers') return focus(view, 'cell');
  return view;
}

export function escape(view: FullView): FullView {
  if (view.query !== '') return { ...view, query: '' };
  if (view.zoomed) return { ...view, zoomed: false };
  const back: Readonly<Record<PaneName, PaneName>> = {
    stages: 'stages',
    grid: 'stages',
    cell: 'grid',
    workers: 'stages',
    history: 'stages',
  };
  return focus(view, back[view.pane]);
}

/** The stages that a query in their pane leaves. */
export function shownStages(
  { pane, query }: Pick<FullView, 'pane' | 'query'>,
  state: DashboardState,
): readonly number[] {
  return matchingStages(state, pane === 'stages' ? query : '');
}

export function move(view: FullView, dx: number, dy: number, state: DashboardState): FullView {
  switch (view.pane) {
    case 'stages': {
      const stages = shownStages(view, state);
      const to = stages[clamp(Math.max(0, stages.indexOf(view.stage)) + dy, stages.length)];
      return to === undefined || to === view.stage ? view : toStage(view, to);
    }
    case 'grid':
      return { ...view, cell: neighbour(view, dx, dy, state) };
    case 'workers': {
      const cells = [...state.running.values()].map(({ cell }) => cell);
      const index = cells[clamp(cells.indexOf(view.cell ?? -1) + dy, cells.length)];
      return index === undefined ? view : toCell(view, index, state);
    }
    case 'cell':
      return { ...view, scroll: Math.max(0, view.scroll + (view.tab === 'log' ? -dy : dy)) };
    case 'history':
      return view;
    default:
      view.pane satisfies never;
      return view;
  }
}

/** Shows a stage, with nothing of it selected. */
export function toStage(view: FullView, stage: number): FullView {
  return { ...view, stage, cell: null, axes: null, slice: 0, number: null, scroll: 0 };
}

/** Shows a cell wherever it is. */
export function toCell(view: FullView, cell: number, state: DashboardState): FullView {
  const { stage } = at(state.cells, cell)!;
  const moved = stage === view.stage ? view : toStage(view, stage);
  const table = tableOf(moved, state);
  return { ...moved, cell, slice: table === null ? 0 : (placeOf(table, cell)?.slice ?? 0) };
}

function neighbour(view: FullView, dx: number, dy: number, state: DashboardState): number | null {
  const table = tableOf(view, state);
  const from = chosenCell(view, state);
  if (table === null || from === null) return view.cell;
  const place = placeOf(table, from) ?? { row: 0, column: 0 };
  const cells = table.slices[Math.min(view.slice, table.slices.length - 1)]!.cells;
  const row = clamp(place.row + dy, table.rows.length);
  const column = clamp(place.column + dx, table.columns.length);
  return cells[row]?.[column] ?? from;
}

export function toEnd(view: FullView, state: DashboardState, end: -1 | 1): FullView {
  if (view.pane === 'cell') {
    const isLog = view.tab === 'log';
    return { ...view, scroll: end > 0 === isLog ? 0 : 1e6 };
  }
  return move(view, 0, end * 1e6, state);
}

/** Puts the next axis on rows or columns. */
export function turnAxes(view: FullView, state: DashboardState, which: 'row' | 'column'): FullView {
  const stage = state.stages[view.stage];
  const table = tableOf(view, state);
  if (stage === undefined || table === null || stage.axes.length < 2)
    return { ...view, note: 'this stage has fewer than two axes' };
  const [row, column] = table.axes;
  const turn = (axis: string): string => stage.axes[(stage.axes.indexOf(axis) + 1) % stage.axes.length]!;
  const changed: [string, string] = which === 'row' ? [turn(row), column] : [row, turn(column)];
  // An axis cannot be on both sides: the other side takes what was here.
  if (changed[0] === changed[1]) changed[which === 'row' ? 1 : 0] = which === 'row' ? row : column;
  const next = { ...view, axes: changed, slice: 0 };
  const cell = chosenCell(view, state);
  return cell === null ? next : toCell(next, cell, state);
}

export function turnSlice(view: FullView, state: DashboardState, step: -1 | 1): FullView {
  const table = tableOf(view, state);
  if (table === null || table.slices.length < 2)
    return { ...view, note: 'rows and columns show all axes of this stage' };
  const slice = (view.slice + step + table.slices.length) % table.slices.length;
  const from = chosenCell(view, state);
  const place = (from === null ? null : placeOf(table, from)) ?? { row: 0, column: 0 };
  const cells = table.slices[slice]!.cells;
  return {
    ...view,
    slice,
    cell: cells[place.row]?.[place.column] ?? cells.flat().find((cell) => cell !== null) ?? view.cell,
  };
}

export function nextNumber(view: FullView, state: DashboardState): FullView {
  const stage = state.stages[view.stage];
  const names = stage === undefined ? [] : numbersOf(stage, state);
  if (names.length === 0) return { ...view, note: 'this stage has reported no numbers yet' };
  const index = view.number === null ? names.indexOf('accuracy') : names.indexOf(view.number);
  return { ...view, number: names[(index + 1) % names.length]! };
}

/** Names of the numbers of the first cells of a stage. */
function numbersOf({ cells }: StageState, state: DashboardState): readonly string[] {
  const names = new Set<string>();
  for (let index = 0; index < Math.min(50, cells.length); index++)
    for (const name of Object.keys(at(state.cells, at(cells, index)!)!.metrics)) names.add(name);
  return [...names];
}

export function typed(view: FullView, key: Key, state: DashboardState): FullView {
  if (key.name === 'text') return found({ ...view, query: view.query + key.text }, state);
  if (key.name === 'backspace')
    return found({ ...view, query: Array.from(view.query).slice(0, -1).join('') }, state);
  if (key.name === 'enter') return { ...view, typing: false };
  if (key.name === 'escape') return { ...view, typing: false, query: '' };
  return view;
}

/** The selection moves to the first match while the query is typed. */
function found(view: FullView, state: DashboardState): FullView {
  if (view.query === '') return view;
  if (view.pane === 'stages') {
    const stages = shownStages(view, state);
    return stages.length === 0 || stages.includes(view.stage) ? view : toStage(view, stages[0]!);
  }
  return view.pane === 'cell' ? view : nextMatch(view, state, 1, true);
}

/** Goes to the next stage, cell or line that has the text of the query. */
export function nextMatch(view: FullView, state: DashboardState, step: 1 | -1, here = false): FullView {
  const { pane, query } = view;
  if (query === '') return { ...view, note: '/ searches' };
  if (pane === 'stages') return move(view, 0, step, state);
  if (pane === 'cell') return { ...view, scroll: view.scroll + 0, note: '' };
  const stage = state.stages[view.stage];
  if (stage === undefined) return view;
  const matches = [...items(stage.cells)].filter((index) => isMatch(at(state.cells, index)!.id, query));
  if (matches.length === 0) return { ...view, note: `no cell of this stage has '${query}'` };
  const from = chosenCell(view, state) ?? -1;
  if (here && matches.includes(from)) return view;
  const ordered = step > 0 ? matches : [...matches].reverse();
  const next = ordered.find((index) => (step > 0 ? index > from : index < from)) ?? ordered[0]!;
  return toCell(view, next, state);
}

export function isMatch(text: string, query: string): boolean {
  return query !== '' && text.toLowerCase().includes(query.toLowerCase());
}

export function nextFailure(view: FullView, state: DashboardState): FullView {
  const next = failureAfter(state, view.cell);
  if ('note' in next) return { ...view, ...next };
  return { ...toCell(view, next.cell, state), pane: 'cell', tab: 'why', scroll: 0, query: '' };
}

function clamp(index: number, length: number): number {
  return Math.max(0, Math.min(length - 1, index));
}
