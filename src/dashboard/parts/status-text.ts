import type { CellState, DashboardState } from '../state.ts';
import { at } from '../vector.ts';

/** The status of a cell in words, with the reason if it was not computed. */
export function statusText(cell: CellState, state: DashboardState): string {
  const { status, sameAs, onTheFly } = cell;
  if (status === 'blocked') return 'not run';
  if (status === 'partly') return 'partly done';
  if (onTheFly && (status === 'finished' || status === 'reused'))
    return 'applied on the fly by the cells that read it';
  if (status === 'reused' && sameAs !== null)
    return `equal to ${at(state.cells, sameAs)!.id}, so not computed twice`;
  return status;
}
