import type { DashboardState, StageState } from '../state.ts';
import { at, items } from '../vector.ts';

/** Cells of a stage whose id contains `filter`, as indices into `state.cells`. */
export function matchingCells(state: DashboardState, stage: StageState, filter: string): readonly number[] {
  const all = [...items(stage.cells)];
  return filter === ''
    ? all
    : all.filter((index) => at(state.cells, index)!.id.toLowerCase().includes(filter.toLowerCase()));
}

/** Indices of the stages whose id or `uses` contains `filter`. */
export function matchingStages(state: DashboardState, filter: string): readonly number[] {
  const wanted = filter.toLowerCase();
  return state.stages.flatMap((stage, index) =>
    [stage.id, ...stage.uses].some((name) => name.toLowerCase().includes(wanted)) ? [index] : [],
  );
}
