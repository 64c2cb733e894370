import type { Cell, CellInput, Graph } from '../../dsl/graph.ts';
import type { Stage, StageRegistry } from '../stage.ts';
import { references, stageOfCells } from './units.ts';

/**
 * Hands the recipe of a cheap defense to the consumers that can apply it, in place of its images: they read what the
 * defense would have read, and its `transform`. The defense itself no longer reads images where nobody wants them from
 * it, and then only makes the recipe. `store: always` turns this off for a stage, `store: never` asks for it from a
 * defense that is not cheap. Results are the same bits, for both draw by the seed in the recipe.
 */
export function bindOnTheFly(graph: Graph, registry: StageRegistry): Graph {
  if (!graph.cells.some(({ uses }) => registry.get(uses)?.appliesTransform)) return graph;
  const stageIndex = stageOfCells(graph);
  const isOnTheFly = (index: number): boolean => {
    const cell = graph.cells[index]!;
    const stage = registry.get(cell.uses);
    if (stage === undefined || !isDefense(stage) || cell.inputs['images'] === undefined) return false;
    const graphStage = graph.stages[stageIndex[index]!]!;
    const { store } = cell.settings ?? graphStage.settings;
    return store === 'never' || (store === 'auto' && stage.onTheFly);
  };
  const cells: Cell[] = [...graph.cells];
  const replaced = new Set<number>();
  graph.cells.forEach((cell, index) => {
    const { images, transform } = cell.inputs;
    if (transform !== undefined || images === undefined || !('one' in images)) return;
    if (images.one.port !== 'images' || !registry.get(cell.uses)?.appliesTransform) return;
    const defense = images.one.cell;
    if (!isOnTheFly(defense)) return;
    const recipe: CellInput = { one: { cell: defense, port: 'transform' } };
    cells[index] = {
      ...cell,
      inputs: { ...cell.inputs, images: graph.cells[defense]!.inputs['images']!, transform: recipe },
    };
    replaced.add(defense);
  });
  if (replaced.size === 0) return graph;
  for (const { cell, port } of cells.flatMap(references)) if (port === 'images') replaced.delete(cell);
  for (const index of replaced) {
    if (graph.stages[stageIndex[index]!]!.publish.some(({ port }) => port === 'images')) continue;
    const { images: _unread, ...inputs } = cells[index]!.inputs;
    cells[index] = { ...cells[index]!, inputs };
  }
  return { ...graph, cells };
}

/** Makes `images` of optional `images`, and the `transform` that did it. */
function isDefense({ in: inputs, out }: Stage): boolean {
  return (
    inputs['images']?.kind === 'images' &&
    inputs['images'].optional &&
    out['images']?.kind === 'images' &&
    out['transform']?.kind === 'transform'
  );
}
