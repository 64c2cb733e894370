import type { Graph } from '../dsl/graph.ts';
import { selectCells } from '../dsl/selector.ts';
import { DiagnosticsError } from './diagnostics.ts';

/** Cells that any of the selectors names. Throws `DiagnosticsError` for a selector that matches nothing. */
export function selected(graph: Graph, selectors: readonly string[]): ReadonlySet<number> {
  const result = selectCells(graph, selectors);
  if (!result.ok) throw new DiagnosticsError(result.diagnostics, result.sources);
  return new Set(result.value);
}

/** The given cells and all that depend on them, directly or not. */
export function withDependents(graph: Graph, cells: ReadonlySet<number>): ReadonlySet<number> {
  const all = new Set(cells);
  // Cells come in topological order, so one pass finds everything.
  graph.cells.forEach((cell, index) => {
    const reads = Object.values(cell.inputs).some((input) =>
      'one' in input ? all.has(input.one.cell) : input.many.some(({ cell: producer }) => all.has(producer)),
    );
    if (reads) all.add(index);
  });
  return all;
}

export interface SelectionOptions {
  readonly only?: readonly string[];
  readonly from?: readonly string[];
  /** `*` stands for `--force` without a selector, which means whatever else is selected. */
  readonly force?: string;
}

/** Cells that `run` and `plan` bring up to date, and those that they recompute even if results exist. */
export function chooseCells(
  graph: Graph,
  selectors: readonly string[],
  options: SelectionOptions,
): { readonly select?: ReadonlySet<number>; readonly force?: ReadonlySet<number> } {
  const only = [...selectors, ...(options.only ?? [])];
  const chosen = only.length > 0 ? selected(graph, only) : undefined;
  const following =
    options.from === undefined ? undefined : withDependents(graph, selected(graph, options.from));
  const select =
    chosen && following ? new Set([...chosen].filter((cell) => following.has(cell))) : (chosen ?? following);
  const force =
    options.force === undefined
      ? undefined
      : options.force === '*'
        ? (select ?? new Set(graph.cells.keys()))
        : selected(graph, [options.force]);
  return { ...(select && { select }), ...(force && { force }) };
}
