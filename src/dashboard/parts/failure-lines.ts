import { rerunCommand } from '../format.ts';
import type { CellState, DashboardState } from '../state.ts';
import type { Line } from './theme.ts';
import { wrapped } from './wrapped.ts';

/** The failure of a cell with its remedy, its log and the command that runs it again. */
export function failureLines(cell: CellState, state: DashboardState, columns: number): readonly Line[] {
  const { failure } = cell;
  if (failure === null) return [];
  return [
    ...wrapped(`${failure.message} [${failure.code}]`, columns, 'bad', '  '),
    ...(failure.fix === undefined ? [] : wrapped(`fix:   ${failure.fix}`, columns, 'plain', '       ')),
    ...wrapped(`at:    ${failure.at}`, columns, 'plain', '       '),
    ...wrapped(`log:   ${failure.log}`, columns, 'plain', '       '),
    ...wrapped(`again: ${rerunCommand(state, cell.id)}`, columns, 'plain', '       '),
  ];
}
