import { plural, rerunCommand } from '../format.ts';
import type { Key } from '../parts/keys.ts';
import type { CellState, DashboardState } from '../state.ts';
import { at } from '../vector.ts';
import { chosenCell } from './full-moves.ts';
import type { Abilities, FullPressed, FullView } from './full-view.ts';

const notHere = 'only the process that computes the run can do that';

/** Pauses the run or lets it go on. */
export function paused(
  view: FullView,
  state: DashboardState,
  { canControl }: Abilities,
  isPaused: boolean,
): FullPressed {
  if (!canControl) return { view: { ...view, note: notHere } };
  if (state.finished !== null) return { view: { ...view, note: 'the run has ended' } };
  if (view.interrupts > 0) return { view: { ...view, note: 'the run is about to end' } };
  if (isPaused === state.isPaused)
    return { view: { ...view, note: isPaused ? 'the run is paused' : 'the run is not paused' } };
  return { view, effect: { type: 'pause', paused: isPaused } };
}

/** Asks whether the selected cell is to be cancelled. */
export function asked(view: FullView, state: DashboardState, { canControl }: Abilities): FullPressed {
  const cell = selected(view, state);
  if (cell === undefined) return { view: { ...view, note: 'no cell is selected' } };
  if (!canControl) return { view: { ...view, note: notHere } };
  if (!isOpen(cell)) return { view: { ...view, note: `${cell.id} has ended already` } };
  return { view: { ...view, confirm: cell.id } };
}

/** The answer to the question of `asked`. */
export function answered(view: FullView, key: Key): FullPressed {
  const { confirm } = view;
  const asIs = { ...view, confirm: null };
  if (confirm === null || key.name !== 'text' || key.text !== 'y')
    return { view: { ...asIs, note: 'nothing was cancelled' } };
  return { view: asIs, effect: { type: 'cancel', cell: confirm } };
}

/**
 * Lets the run try the selected cell again, which has failed, or all failed cells of the stage if the stage is selected. A run that
 * has ended or that another process computes is left alone: the command that runs the cell again is copied.
 */
export function retried(view: FullView, state: DashboardState, { canControl }: Abilities): FullPressed {
  const cell = selected(view, state);
  if (cell === undefined) return { view: { ...view, note: 'no cell is selected' } };
  if (!canControl || state.finished !== null) {
    const text = rerunCommand(state, cell.id);
    return { view, effect: { type: 'copy', text, what: `the command that runs it again: ${text}` } };
  }
  if (view.interrupts > 0) return { view: { ...view, note: 'the run is about to end' } };
  const { id } = state.stages[cell.stage]!;
  const ofStage = view.pane === 'stages' && view.cell === null;
  if (!ofStage)
    return cell.status === 'failed'
      ? { view, effect: { type: 'retry', cells: [cell.id], what: cell.id } }
      : { view: { ...view, note: `${cell.id} has not failed` } };
  const cells = failedOf(cell.stage, state);
  if (cells.length === 0) return { view: { ...view, note: `no cell of ${id} has failed` } };
  return { view, effect: { type: 'retry', cells, what: `${plural(cells.length, 'failed cell')} of ${id}` } };
}

/** Names of the failed cells of a stage, each once. */
function failedOf(stage: number, state: DashboardState): readonly string[] {
  const names = new Set(state.failures.map(({ cell }) => cell));
  return [...names].filter((name) => at(state.cells, state.index.get(name) ?? -1)?.stage === stage);
}

export function isOpen({ status }: CellState): boolean {
  return status === 'waiting' || status === 'running' || status === 'partly';
}

function selected(view: FullView, state: DashboardState): CellState | undefined {
  const index = chosenCell(view, state);
  return index === null ? undefined : at(state.cells, index);
}
