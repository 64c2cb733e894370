import type { Key } from '../parts/keys.ts';
import type { CellState, DashboardState } from '../state.ts';
import { at } from '../vector.ts';
import { runCommand } from './commands.ts';
import { answered, asked, paused, retried } from './control-keys.ts';
import {
  chosenCell,
  enter,
  escape,
  focus,
  move,
  nextFailure,
  nextMatch,
  nextNumber,
  nextPane,
  showTab,
  toEnd,
  turnAxes,
  turnSlice,
  typed,
} from './full-moves.ts';
import { paneNames, type Abilities, type FullPressed, type FullView, type TimeMove } from './full-view.ts';

/** The view after a key, and its effect. */
export function pressFull(
  view: FullView,
  key: Key,
  state: DashboardState,
  abilities: Abilities,
): FullPressed {
  if (key.name === 'interrupt') {
    const interrupts = view.interrupts + 1;
    // A question or a command that is open would hide what is said of the end, and take the next keys.
    const closed = { ...view, interrupts, typing: false, command: null, confirm: null };
    return { view: closed, effect: { type: interrupts === 1 ? 'drain' : 'stop' } };
  }
  if (key.name === 'redraw') return { view, effect: { type: 'redraw' } };
  if (key.name === 'suspend') return { view, effect: { type: 'suspend' } };
  const quiet = { ...view, note: '' };
  if (view.confirm !== null) return answered(quiet, key);
  if (view.command !== null) return commanded(quiet, view.command, key, state, abilities);
  if (view.typing) return { view: typed(quiet, key, state) };
  if (view.help)
    return key.name === 'text' && key.text === 'q'
      ? { view: { ...quiet, help: false } }
      : helpKey(quiet, key);
  if (key.name === 'text') return letter(quiet, key.text, state, abilities);
  switch (key.name) {
    case 'up':
      return { view: move(quiet, 0, -1, state) };
    case 'down':
      return { view: move(quiet, 0, 1, state) };
    case 'left':
      return sideways(quiet, -1, state, abilities);
    case 'right':
      return sideways(quiet, 1, state, abilities);
    case 'page-up':
      return { view: move(quiet, 0, -10, state) };
    case 'page-down':
      return { view: move(quiet, 0, 10, state) };
    case 'tab':
      return { view: focus(quiet, nextPane(quiet.pane, 1)) };
    case 'shift-tab':
      return { view: focus(quiet, nextPane(quiet.pane, -1)) };
    case 'enter':
      return { view: enter(quiet, state) };
    case 'escape':
      return { view: escape(quiet) };
    case 'backspace':
      return { view: quiet };
    default:
      key.name satisfies never;
      return { view };
  }
}

/** A command is typed until enter runs it. */
function commanded(
  view: FullView,
  command: string,
  key: Key,
  state: DashboardState,
  abilities: Abilities,
): FullPressed {
  const ended = { ...view, command: null };
  if (key.name === 'text') return { view: { ...view, command: command + key.text } };
  if (key.name === 'enter') return runCommand(ended, command, state, abilities);
  if (key.name === 'escape' || (key.name === 'backspace' && command === '')) return { view: ended };
  if (key.name === 'backspace')
    return { view: { ...view, command: Array.from(command).slice(0, -1).join('') } };
  return { view };
}

function helpKey(view: FullView, key: Key): FullPressed {
  if (key.name === 'down' || (key.name === 'text' && key.text === 'j'))
    return { view: { ...view, scroll: view.scroll + 1 } };
  if (key.name === 'up' || (key.name === 'text' && key.text === 'k'))
    return { view: { ...view, scroll: Math.max(0, view.scroll - 1) } };
  return { view: { ...view, help: false, scroll: 0 } };
}

/** In a grid these are columns; elsewhere a recorded run moves in time. */
function sideways(
  view: FullView,
  step: -1 | 1,
  state: DashboardState,
  { isRecorded }: Abilities,
): FullPressed {
  if (view.pane !== 'grid' && isRecorded)
    return { view, effect: { type: 'time', move: step < 0 ? 'back' : 'forward' } };
  return { view: move(view, step, 0, state) };
}

const timeKeys: Readonly<Record<string, TimeMove>> = {
  '<': 'back',
  '>': 'forward',
  ',': 'event-back',
  '.': 'event-forward',
  '0': 'start',
  $: 'end',
  ' ': 'play',
  '+': 'faster',
  '-': 'slower',
};

function letter(view: FullView, text: string, state: DashboardState, abilities: Abilities): FullPressed {
  const pane = paneNames[Number(text) - 1];
  if (pane !== undefined) return { view: focus(view, pane) };
  if (abilities.isRecorded && text in timeKeys)
    return { view, effect: { type: 'time', move: timeKeys[text]! } };
  const index = chosenCell(view, state);
  const cell = index === null ? undefined : at(state.cells, index);
  switch (text) {
    case 'k':
      return { view: move(view, 0, -1, state) };
    case 'j':
      return { view: move(view, 0, 1, state) };
    case 'h':
      return { view: move(view, -1, 0, state) };
    case 'l':
      return { view: showTab({ ...view, cell: index }, 'log') };
    case 'w':
      return { view: showTab({ ...view, cell: index }, 'why') };
    case 't':
      return { view: showTab({ ...view, cell: index }, 'timings') };
    case 'i':
      return { view: showTab({ ...view, cell: index }, 'recipe') };
    case 's':
      return { view: showTab({ ...view, cell: index }, 'images'), effect: { type: 'images' } };
    case 'g':
      return { view: toEnd(view, state, -1) };
    case 'G':
      return { view: toEnd(view, state, 1) };
    case 'z':
      return { view: { ...view, zoomed: !view.zoomed } };
    case 'c':
      return { view: turnAxes(view, state, 'column') };
    case 'v':
      return { view: turnAxes(view, state, 'row') };
    case '[':
      return { view: turnSlice(view, state, -1) };
    case ']':
      return { view: turnSlice(view, state, 1) };
    case 'm':
      return { view: nextNumber(view, state) };
    case '/':
      return { view: { ...view, typing: true, query: '' } };
    case 'n':
      return { view: nextMatch(view, state, 1) };
    case 'N':
      return { view: nextMatch(view, state, -1) };
    case 'f':
      return { view: nextFailure(view, state) };
    case '?':
      return { view: { ...view, help: true, scroll: 0 } };
    case 'y':
      return copied(view, cell);
    case 'r':
      return retried(view, state, abilities);
    case 'x':
      return asked(view, state, abilities);
    case 'p':
      return paused(view, state, abilities, !state.isPaused);
    case ':':
      return { view: { ...view, command: '' } };
    case 'e':
      return pagerOf(view, cell);
    case 'o':
      return figureOf(view, cell, state);
    case 'F':
      return abilities.isRecorded ? { view } : { view, effect: { type: 'inline' } };
    case 'q':
      return { view, effect: { type: 'quit' } };
    default:
      return { view };
  }
}

function copied(view: FullView, cell: CellState | undefined): FullPressed {
  if (cell === undefined) return { view: { ...view, note: 'no cell is selected' } };
  if (view.pane === 'cell' && view.tab === 'log')
    return { view, effect: { type: 'copy', text: cell.logs.join('\n'), what: `the log of ${cell.id}` } };
  return { view, effect: { type: 'copy', text: cell.id, what: cell.id } };
}

function pagerOf(view: FullView, cell: CellState | undefined): FullPressed {
  if (cell === undefined) return { view: { ...view, note: 'no cell is selected' } };
  return { view, effect: { type: 'pager', path: cell.id } };
}

function figureOf(view: FullView, cell: CellState | undefined, state: DashboardState): FullPressed {
  const own = state.published.filter((file) => file.cell === cell?.id);
  const file = own.at(-1) ?? state.published.at(-1);
  if (file === undefined) return { view: { ...view, note: 'no figure has been published yet' } };
  return { view: { ...view, note: `opening ${file.path}` }, effect: { type: 'open', path: file.path } };
}
