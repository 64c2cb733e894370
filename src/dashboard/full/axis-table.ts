import type { DashboardState, StageState } from '../state.ts';
import { at, items } from '../vector.ts';
import type { Vector } from '../vector.ts';

/** The cells of a stage by two of its axes, one table for each combination of labels of the others. */
export interface AxisTable {
  /** Names of the axes of rows and columns; empty names for a stage that has fewer. */
  readonly axes: readonly [row: string, column: string];
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly slices: readonly AxisSlice[];
}

export interface AxisSlice {
  /** `strength=0.1, defense=jpeg`; empty if rows and columns are all axes. */
  readonly label: string;
  /** Indices into `state.cells`, by row and column; null if there is no such cell. */
  readonly cells: readonly (readonly (number | null)[])[];
}

export interface Place {
  readonly slice: number;
  readonly row: number;
  readonly column: number;
}

// Cells are planned once and the list is persistent, so its identity serves as the key.
const tables = new WeakMap<Vector<number>, Map<string, AxisTable>>();
const places = new WeakMap<AxisTable, ReadonlyMap<number, Place>>();

/** `chosen` names the axes of rows and columns; null for the last two, the last making columns. */
export function axisTable(
  state: DashboardState,
  stage: StageState,
  chosen: readonly [row: string, column: string] | null,
): AxisTable {
  const axes = chosen ?? defaultAxes(stage.axes);
  const key = axes.join('\n');
  const known = tables.get(stage.cells) ?? new Map<string, AxisTable>();
  tables.set(stage.cells, known);
  let table = known.get(key);
  if (table === undefined) known.set(key, (table = makeTable(state, stage, axes)));
  return table;
}

function defaultAxes(axes: readonly string[]): readonly [string, string] {
  return axes.length < 2 ? [axes[0] ?? '', ''] : [axes.at(-2)!, axes.at(-1)!];
}

function makeTable(state: DashboardState, stage: StageState, axes: readonly [string, string]): AxisTable {
  const [rows, columns, slices] = [new Index(), new Index(), new Index()];
  const others = stage.axes.filter((axis) => !axes.includes(axis));
  const placed: { readonly cell: number; readonly place: Place }[] = [];
  for (const cell of items(stage.cells)) {
    const labels = at(state.cells, cell)!.axes;
    const of = (axis: string): string => (axis in labels ? String(labels[axis]) : '');
    // A stage without axes has one cell, whose row is named by it.
    const row = rows.of(axes[0] === '' ? at(state.cells, cell)!.id : of(axes[0]));
    const column = columns.of(of(axes[1]));
    const slice = slices.of(others.map((axis) => `${axis}=${of(axis)}`).join(', '));
    placed.push({ cell, place: { slice, row, column } });
  }
  const cells = slices.labels.map(() => rows.labels.map(() => columns.labels.map((): number | null => null)));
  for (const { cell, place } of placed) cells[place.slice]![place.row]![place.column] = cell;
  const table: AxisTable = {
    axes,
    rows: rows.labels,
    columns: columns.labels,
    slices: slices.labels.map((label, slice) => ({ label, cells: cells[slice]! })),
  };
  places.set(table, new Map(placed.map(({ cell, place }) => [cell, place])));
  return table;
}

/** Finds the place of a cell in a table. */
export function placeOf(table: AxisTable, cell: number): Place | null {
  return places.get(table)?.get(cell) ?? null;
}

/** Labels in the order in which they first occur. */
class Index {
  readonly labels: string[] = [];
  readonly #positions = new Map<string, number>();

  of(label: string): number {
    let position = this.#positions.get(label);
    if (position === undefined) {
      position = this.labels.push(label) - 1;
      this.#positions.set(label, position);
    }
    return position;
  }
}
