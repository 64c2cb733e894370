import type { DashboardState } from './state.ts';
import { at } from './vector.ts';

/**
 * The failure after that of a cell (the first one, if the cell has none or is null): the index of its cell, or else what there is
 * to say, since nothing has failed or the cell is not in the plan.
 */
export function failureAfter(
  state: DashboardState,
  cell: number | null,
): { readonly cell: number } | { readonly note: string } {
  const current = cell === null ? undefined : at(state.cells, cell)?.id;
  const index = state.failures.findIndex((failure) => failure.cell === current);
  const failure = state.failures[(index + 1) % Math.max(1, state.failures.length)];
  if (failure === undefined) return { note: 'nothing has failed' };
  const found = state.index.get(failure.cell);
  return found === undefined ? { note: failure.failure.message } : { cell: found };
}
