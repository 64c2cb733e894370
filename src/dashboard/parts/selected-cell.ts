import type { DashboardState } from '../state.ts';
import { at, items } from '../vector.ts';

/**
 * The cell that keys refer to: the selected one, or else the cell of the stage that most needs
 * attention.
 */
export function selectedCell(
  { stage: index, cell }: { readonly stage: number; readonly cell: number | null },
  state: DashboardState,
): number | null {
  const stage = state.stages[index];
  if (stage === undefined) return null;
  if (cell !== null && at(state.cells, cell)?.stage === index) return cell;
  for (const status of ['failed', 'running'] as const) {
    if (stage.counts[status] === 0) continue;
    for (const position of items(stage.cells))
      if (at(state.cells, position)!.status === status) return position;
  }
  return at(stage.cells, 0) ?? null;
}
