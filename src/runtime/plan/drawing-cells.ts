import type { Graph } from '../../dsl/graph.ts';
import type { StageRegistry } from '../stage.ts';

/**
 * Finds the cells that draw random numbers. A cell may draw only because of its inputs: an attack through a
 * defense draws if the defense, or one of the recipes behind it, does.
 */
export function drawingCells(graph: Graph, registry: StageRegistry): (index: number) => boolean {
  const known = new Map<number, boolean>();
  const recipes = new Map<number, boolean>();

  /** Whether the cell or one of the recipes that it reads draws. */
  const isRandomRecipe = (index: number): boolean => {
    let is = recipes.get(index);
    if (is === undefined) {
      const { inputs, uses } = graph.cells[index]!;
      const ports = Object.keys(inputs).filter((port) => registry.get(uses)?.in[port]?.kind === 'transform');
      is = draws(index) || ports.some((port) => isRandomInput(index, port));
      recipes.set(index, is);
    }
    return is;
  };

  const isRandomInput = (index: number, port: string): boolean => {
    const input = graph.cells[index]!.inputs[port];
    if (input === undefined) return false;
    return ('one' in input ? [input.one] : input.many).some(({ cell }) => isRandomRecipe(cell));
  };

  const draws = (index: number): boolean => {
    let is = known.get(index);
    if (is === undefined) {
      const { params, uses } = graph.cells[index]!;
      is = registry.get(uses)!.randomness(params as never, (port) => isRandomInput(index, port));
      known.set(index, is);
    }
    return is;
  };
  return draws;
}
