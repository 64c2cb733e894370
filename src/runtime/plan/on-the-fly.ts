import type { Cell, CellInput, Graph } from '../../dsl/graph.ts';
import type { Stage, StageRegistry } from '../stage.ts';
import { references, stageOfCells } from './units.ts';

/**
 * Connects the consumers of a cheap defense to its recipe instead of its images, if they can apply it: they
 * then read what the defense would have read, and its `transform`. If nobody is left to read images from the
 * defense, it reads none itself and only makes the recipe. `store: always` turns this off for a stage, and
 * `store: never` turns it on for a defense that is not cheap. The results are the same bits, because both
 * ways draw by the seed in the recipe.
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

/** Whether a cell of a plan makes only the recipe of its defense, which the cells that read it apply themselves. */
export function isAppliedOnTheFly({ cell, stage }: { readonly cell: Cell; readonly stage: Stage }): boolean {
  return isDefense(stage) && cell.inputs['images'] === undefined;
}

/** Whether a stage makes `images` of optional `images`, and gives the `transform` that does it. */
function isDefense({ in: inputs, out }: Stage): boolean {
  return (
    inputs['images']?.kind === 'images' &&
    inputs['images'].optional &&
    out['images']?.kind === 'images' &&
    out['transform']?.kind === 'transform'
  );
}
