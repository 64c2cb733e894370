import type { DashboardState } from '../state.ts';
import { at } from '../vector.ts';
import { asked, paused, retried } from './control-keys.ts';
import { chosenCell, isMatch, toCell, toStage } from './full-moves.ts';
import type { Abilities, FullPressed, FullView } from './full-view.ts';

interface Command {
  readonly name: string;
  /** The text after the name, for the help; empty if there is none. */
  readonly parameter: string;
  readonly meaning: string;
  readonly run: (
    view: FullView,
    parameter: string,
    state: DashboardState,
    abilities: Abilities,
  ) => FullPressed;
}

/** The commands after `:`. Each may be cut as long as no other begins so. */
export const commands: readonly Command[] = [
  {
    name: 'goto',
    parameter: 'STAGE or CELL',
    meaning: 'show a stage, or a cell, by a part of its name',
    run: (view, parameter, state) => ({ view: goTo(view, parameter, state) }),
  },
  {
    name: 'filter',
    parameter: 'TEXT',
    meaning: 'only stages with this text; all without it',
    run: (view, parameter) => ({ view: { ...view, pane: 'stages', query: parameter, scroll: 0 } }),
  },
  {
    name: 'retry',
    parameter: '',
    meaning: 'try the selected cell again, which has failed; after the end, copy the command for it',
    run: (view, _, state, abilities) => retried(view, state, abilities),
  },
  {
    name: 'cancel',
    parameter: '',
    meaning: 'cancel the selected cell, after a confirmation',
    run: (view, _, state, abilities) => asked(view, state, abilities),
  },
  {
    name: 'pause',
    parameter: '',
    meaning: 'start nothing more until resume',
    run: (view, _, state, abilities) => paused(view, state, abilities, true),
  },
  {
    name: 'resume',
    parameter: '',
    meaning: 'go on after pause',
    run: (view, _, state, abilities) => paused(view, state, abilities, false),
  },
  {
    name: 'help',
    parameter: '',
    meaning: 'list keys and commands',
    run: (view) => ({ view: { ...view, help: true, scroll: 0 } }),
  },
  { name: 'quit', parameter: '', meaning: 'leave', run: (view) => ({ view, effect: { type: 'quit' } }) },
];

/** The view after a command was typed, and its effect. */
export function runCommand(
  view: FullView,
  text: string,
  state: DashboardState,
  abilities: Abilities,
): FullPressed {
  const [word = '', ...rest] = text.trim().split(/\s+/);
  if (word === '') return { view };
  const found = commands.filter(({ name }) => name.startsWith(word));
  const command = found.find(({ name }) => name === word) ?? (found.length === 1 ? found[0] : undefined);
  if (command === undefined) {
    const names = (found.length > 1 ? found : commands).map(({ name }) => name).join(', ');
    const problem = found.length > 1 ? `'${word}' may be` : `unknown command '${word}'; known:`;
    return { view: { ...view, note: `${problem} ${names}` } };
  }
  return command.run(view, rest.join(' '), state, abilities);
}

/** Goes to the stage of this name, or else to the first cell or stage with this text, cells of the selected stage first. */
function goTo(view: FullView, text: string, state: DashboardState): FullView {
  if (text === '') return { ...view, note: 'goto needs a part of the name of a stage or a cell' };
  const exact = state.stages.findIndex(({ id }) => id === text);
  if (exact >= 0) return { ...toStage(view, exact), pane: 'grid', query: '' };
  const cell = state.index.get(text) ?? firstMatch(view, text, state);
  if (cell !== null && at(state.cells, cell) !== undefined)
    return { ...toCell(view, cell, state), pane: 'cell', query: '' };
  const stage = state.stages.findIndex(({ id }) => isMatch(id, text));
  if (stage >= 0) return { ...toStage(view, stage), pane: 'grid', query: '' };
  return { ...view, note: `no stage and no cell has '${text}'` };
}

function firstMatch(view: FullView, text: string, state: DashboardState): number | null {
  // A name of a stage is part of the names of all of its cells, so a stage goes first.
  if (state.stages.some(({ id }) => isMatch(id, text))) return null;
  const from = chosenCell(view, state);
  const own = from === null ? undefined : at(state.cells, from)!.stage;
  let first: number | null = null;
  for (let index = 0; index < state.cells.length; index++) {
    const cell = at(state.cells, index)!;
    if (!isMatch(cell.id, text)) continue;
    if (cell.stage === own) return index;
    first ??= index;
  }
  return first;
}
