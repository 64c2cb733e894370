import type { AxisLabel, Graph } from '../../dsl/graph.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../../values/json.ts';
import { nothingPrinted, type Printed, type Stage, type StageRegistry } from '../stage.ts';
import { references } from './units.ts';

/**
 * Finds what cells print of the run beside their inputs, as canonical JSON for their keys; empty for a cell that prints nothing.
 * `numerics` is the identity of the backend, null if results of several count as equal.
 */
export function printedFacts(
  graph: Graph,
  registry: StageRegistry,
  numerics: Json | null,
): (index: number, stage: Stage) => string {
  const backend = backendOf(numerics);
  const isComputed = computedCells(graph, registry);
  const labels = new Map<string, readonly AxisLabel[]>();
  const labelsOf = (axis: string): readonly AxisLabel[] => {
    let found = labels.get(axis);
    if (found === undefined) labels.set(axis, (found = axisLabels(graph, registry, axis)));
    return found;
  };
  return (index, stage) => {
    const wanted = stage.prints?.(graph.cells[index]!.params as never);
    if (wanted === undefined) return '';
    const axes = (wanted.axes ?? []).map((axis) => [axis, labelsOf(axis)] as const);
    const printed: { -readonly [Name in keyof Printed]?: Printed[Name] } = {};
    if (axes.length > 0) printed.axes = Object.fromEntries(axes);
    if (wanted.backend === true && backend !== null && isComputed(index)) printed.backend = backend;
    return Object.keys(printed).length === 0 ? '' : canonicalJson(printed);
  };
}

/** The facts in the pre-image of a key. */
export function printedOf(preimage: string): Printed {
  const { printed } = JSON.parse(preimage) as JsonObject & { readonly printed?: Partial<Printed> };
  return { ...nothingPrinted, ...printed };
}

function backendOf(numerics: Json | null): string | null {
  const name = isJsonObject(numerics) ? numerics['backend'] : null;
  return typeof name === 'string' ? name : null;
}

/** Whether a cell, or one that it depends on, computes on the backend. A cell comes after those that it reads. */
function computedCells(graph: Graph, registry: StageRegistry): (index: number) => boolean {
  let computed: Uint8Array | null = null;
  return (asked) => {
    if (computed === null) {
      const marks = new Uint8Array(graph.cells.length);
      graph.cells.forEach((cell, index) => {
        const is =
          registry.get(cell.uses)?.device === true ||
          references(cell).some((reference) => marks[reference.cell] === 1);
        marks[index] = is ? 1 : 0;
      });
      computed = marks;
    }
    return computed[asked] === 1;
  };
}

/** Labels of an axis in the order of the document. Parts of cells stand before what they are parts of, and add none. */
function axisLabels(graph: Graph, registry: StageRegistry, axis: string): readonly AxisLabel[] {
  const labels = new Set<AxisLabel>();
  for (const { axes, uses } of graph.cells)
    if (Object.hasOwn(axes, axis) && registry.get(uses)?.partOf === undefined) labels.add(axes[axis]!);
  return [...labels];
}
