import { failureAfter } from '../next-failure.ts';
import type { DashboardState } from '../state.ts';
import type { Key } from '../parts/keys.ts';
import { matchingCells, matchingStages } from '../parts/matching.ts';
import { selectedCell } from '../parts/selected-cell.ts';
import { at } from '../vector.ts';
import { axisGrid, fitsAsGrid } from './grid.ts';

/** The part of the run that the user looks at: plain data, which only `press` changes. */
export interface View {
  readonly screen: 'stages' | 'cells' | 'why' | 'log' | 'help';
  /** Screens to go back to, the latest last. */
  readonly back: readonly View['screen'][];
  /** Index into `state.stages`. */
  readonly stage: number;
  /** Index into `state.cells`; null until one is selected. */
  readonly cell: number | null;
  readonly stageFilter: string;
  readonly cellFilter: string;
  /** Whether the filter is being typed, so that keys are text. */
  readonly typing: boolean;
  /** Number of lines scrolled up from the end of a log, or down from the start of other text. */
  readonly scroll: number;
  readonly interrupts: number;
  readonly note: string;
}

export const firstView: View = {
  screen: 'stages',
  back: [],
  stage: 0,
  cell: null,
  stageFilter: '',
  cellFilter: '',
  typing: false,
  scroll: 0,
  interrupts: 0,
  note: '',
};

export type Effect = 'pause' | 'drain' | 'stop' | 'quit' | 'full' | 'suspend';

export interface Pressed {
  readonly view: View;
  readonly effect?: Effect;
}

/** The view after a key, and its effect on the run. */
export function press(view: View, key: Key, state: DashboardState, width: number): Pressed {
  const quiet = { ...view, note: '' };
  if (key.name === 'interrupt') {
    const interrupts = view.interrupts + 1;
    return { view: { ...view, interrupts }, effect: interrupts === 1 ? 'drain' : 'stop' };
  }
  if (key.name === 'suspend') return { view, effect: 'suspend' };
  if (view.typing) return { view: type(quiet, key, state) };
  if (key.name === 'text') return letter(quiet, key.text, state, width);
  switch (key.name) {
    case 'up':
      return { view: move(quiet, 0, -1, state, width) };
    case 'down':
      return { view: move(quiet, 0, 1, state, width) };
    case 'left':
      return { view: move(quiet, -1, 0, state, width) };
    case 'right':
      return { view: move(quiet, 1, 0, state, width) };
    case 'page-up':
      return { view: move(quiet, 0, -10, state, width) };
    case 'page-down':
      return { view: move(quiet, 0, 10, state, width) };
    case 'enter':
      return { view: enter(quiet, state) };
    case 'escape':
      return { view: leave(quiet) };
    case 'backspace':
    case 'tab':
    case 'shift-tab':
    case 'redraw':
      return { view: quiet };
    default:
      key.name satisfies never;
      return { view };
  }
}

function letter(view: View, text: string, state: DashboardState, width: number): Pressed {
  switch (text) {
    case 'k':
      return { view: move(view, 0, -1, state, width) };
    case 'j':
      return { view: move(view, 0, 1, state, width) };
    case 'h':
      return { view: move(view, -1, 0, state, width) };
    case 'l': {
      // In a grid, l would complete hjkl, but the log is needed more often than a step to the right.
      return { view: open({ ...view, cell: selectedCell(view, state) }, 'log') };
    }
    case 'w':
      return { view: open({ ...view, cell: selectedCell(view, state) }, 'why') };
    case '?':
      return { view: view.screen === 'help' ? leave(view) : open(view, 'help') };
    case '/':
      return { view: view.screen === 'stages' || view.screen === 'cells' ? { ...view, typing: true } : view };
    case 'f':
      return { view: nextFailure(view, state) };
    case 'F':
      return { view, effect: 'full' };
    case 'p':
      return { view, effect: 'pause' };
    case 'q':
      return { view, effect: 'quit' };
    default:
      return { view };
  }
}

function type(view: View, key: Key, state: DashboardState): View {
  const name = view.screen === 'cells' ? 'cellFilter' : 'stageFilter';
  const filter = view[name];
  const changed = (text: string): View => keepSelection({ ...view, [name]: text }, state);
  if (key.name === 'text') return changed(filter + key.text);
  if (key.name === 'backspace') return changed(Array.from(filter).slice(0, -1).join(''));
  if (key.name === 'enter') return { ...view, typing: false };
  if (key.name === 'escape') return { ...changed(''), typing: false };
  return view;
}

/** A selection that the filter hides moves to the first match. */
function keepSelection(view: View, state: DashboardState): View {
  if (view.screen === 'stages') {
    const stages = matchingStages(state, view.stageFilter);
    return stages.includes(view.stage) ? view : { ...view, stage: stages[0] ?? view.stage, cell: null };
  }
  const stage = state.stages[view.stage];
  if (stage === undefined) return view;
  const cells = matchingCells(state, stage, view.cellFilter);
  return view.cell !== null && cells.includes(view.cell) ? view : { ...view, cell: cells[0] ?? view.cell };
}

function move(view: View, dx: number, dy: number, state: DashboardState, width: number): View {
  switch (view.screen) {
    case 'stages': {
      const stages = matchingStages(state, view.stageFilter);
      const to = clamp(Math.max(0, stages.indexOf(view.stage)) + dy, stages.length);
      return { ...view, stage: stages[to] ?? view.stage, cell: null };
    }
    case 'cells':
      return { ...view, cell: neighbour(view, dx, dy, state, width) };
    case 'log':
      return { ...view, scroll: Math.max(0, view.scroll - dy) };
    case 'why':
    case 'help':
      return { ...view, scroll: Math.max(0, view.scroll + dy) };
    default:
      view.screen satisfies never;
      return view;
  }
}

function neighbour(view: View, dx: number, dy: number, state: DashboardState, width: number): number | null {
  const stage = state.stages[view.stage];
  const from = selectedCell(view, state);
  if (stage === undefined || from === null) return view.cell;
  if (view.cellFilter === '' && fitsAsGrid(state, stage, width)) {
    const grid = axisGrid(state, stage);
    const row = grid.rows.findIndex((candidate) => candidate.cells.includes(from));
    const column = grid.rows[row]!.cells.indexOf(from);
    const target = grid.rows[clamp(row + dy, grid.rows.length)]!;
    return target.cells[clamp(column + dx, target.cells.length)] ?? from;
  }
  const cells = matchingCells(state, stage, view.cellFilter);
  return cells[clamp(Math.max(0, cells.indexOf(from)) + dy + dx, cells.length)] ?? from;
}

function enter(view: View, state: DashboardState): View {
  if (view.screen === 'stages') {
    if (state.stages[view.stage] === undefined) return view;
    return { ...open(view, 'cells'), cell: selectedCell(view, state), cellFilter: '' };
  }
  return view.screen === 'cells' ? open({ ...view, cell: selectedCell(view, state) }, 'log') : leave(view);
}

function open(view: View, screen: View['screen']): View {
  if (view.screen === screen) return view;
  return { ...view, screen, back: [...view.back, view.screen], scroll: 0 };
}

function leave(view: View): View {
  if (view.screen === 'cells' && view.cellFilter !== '') return { ...view, cellFilter: '' };
  if (view.screen === 'stages' && view.stageFilter !== '') return { ...view, stageFilter: '' };
  return { ...view, screen: view.back.at(-1) ?? 'stages', back: view.back.slice(0, -1), scroll: 0 };
}

function nextFailure(view: View, state: DashboardState): View {
  const next = failureAfter(state, view.cell);
  if ('note' in next) return { ...view, ...next };
  return {
    ...view,
    screen: 'cells',
    back: ['stages'],
    stage: at(state.cells, next.cell)!.stage,
    cell: next.cell,
    cellFilter: '',
    scroll: 0,
  };
}

function clamp(index: number, length: number): number {
  return Math.max(0, Math.min(length - 1, index));
}
