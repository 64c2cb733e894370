import type { DashboardState, StageState } from '../state.ts';
import { at, items } from '../vector.ts';
import type { Vector } from '../vector.ts';

/**
 * Cells of a stage in rows and columns: the last axis makes the columns, and the others together make the
 * rows.
 */
export interface AxisGrid {
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly label: string;
    /** Indices into `state.cells`. */ readonly cells: readonly (number | null)[];
  }[];
}

// Cells are planned once and the list is persistent, so its identity serves as the key.
const cache = new WeakMap<Vector<number>, AxisGrid>();

export function axisGrid(state: DashboardState, stage: StageState): AxisGrid {
  const known = cache.get(stage.cells);
  if (known !== undefined) return known;
  const across = stage.axes.at(-1);
  const columns = new Map<string, number>();
  const rows = new Map<string, (number | null)[]>();
  for (const index of items(stage.cells)) {
    const { axes } = at(state.cells, index)!;
    const column = across === undefined ? '' : String(axes[across] ?? '');
    const row = stage.axes
      .slice(0, -1)
      .map((axis) => String(axes[axis] ?? ''))
      .join(' · ');
    if (!columns.has(column)) columns.set(column, columns.size);
    const cells = rows.get(row) ?? [];
    rows.set(row, cells);
    cells[columns.get(column)!] = index;
  }
  const grid = {
    columns: [...columns.keys()],
    rows: [...rows].map(([label, cells]) => ({
      label,
      cells: Array.from({ length: columns.size }, (_, column) => cells[column] ?? null),
    })),
  };
  cache.set(stage.cells, grid);
  return grid;
}

/** Whether the grid says more than a list: two axes or more, and room for a readable column each. */
export function fitsAsGrid(state: DashboardState, stage: StageState, width: number): boolean {
  if (stage.axes.length < 2) return false;
  const { columns } = axisGrid(state, stage);
  return columns.length > 1 && 14 + columns.length * 7 <= width;
}
