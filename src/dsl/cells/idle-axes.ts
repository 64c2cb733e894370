import type { LoadContext } from '../document/load-context.ts';
import type { Cell, CellInput, GraphStage } from '../graph.ts';
import type { PreparedStage } from './expand.ts';
import type { Axis } from './matrix.ts';

/**
 * Warns of each axis whose labels change nothing in any stage that has it: its cells are equal, and a report would show the same
 * numbers under several labels.
 */
export function warnOfIdleAxes(
  prepared: ReadonlyMap<string, PreparedStage>,
  stages: readonly GraphStage[],
  cells: readonly Cell[],
  { sink }: LoadContext,
): void {
  // A stage with an error may be the one that uses the axis.
  if (sink.errorCount > 0) return;
  const valueNumbers = new ValueNumbers();
  const idle = new Map<string, Axis>();
  const used = new Set<string>();
  // Nearly all axes change something where they are declared, which is seen without looking at the stages before.
  for (const stage of stages)
    for (const axis of prepared.get(stage.id)?.matrix.axes ?? [])
      if (
        compared(axis.name, stage, cells, (cell) =>
          recipeOf(cells[cell]!, valueNumbers, (input) => input),
        ) === 'equal'
      ) {
        if (!idle.has(axis.name)) idle.set(axis.name, axis);
      } else used.add(axis.name);
  for (const name of used) idle.delete(name);
  if (idle.size === 0) return;
  const recipes = recipeNumbers(cells, valueNumbers);
  for (const stage of stages)
    for (const axis of stage.axes)
      if (idle.has(axis) && compared(axis, stage, cells, (cell) => recipes[cell]!) === 'different')
        idle.delete(axis);
  for (const { name, at } of idle.values())
    sink.warn(
      'idle-axis',
      at,
      `the axis '${name}' changes nothing: cells with different labels on it have the same parameters and inputs`,
      { fix: `use it, as in 'with: { …: $(axes.${name}) }', or remove it` },
    );
}

/** How cells compare that differ in this axis alone; `alone` if there are none. */
function compared(
  axis: string,
  { firstCell, cellCount }: GraphStage,
  cells: readonly Cell[],
  identityOf: (cell: number) => string | number,
): 'alone' | 'equal' | 'different' {
  const known = new Map<string, string | number>();
  let found: 'alone' | 'equal' = 'alone';
  for (let cell = firstCell; cell < firstCell + cellCount; cell++) {
    const others = JSON.stringify({ ...cells[cell]!.axes, [axis]: null });
    const identity = identityOf(cell);
    const first = known.get(others);
    if (first === undefined) known.set(others, identity);
    else if (first !== identity) return 'different';
    else found = 'equal';
  }
  return found;
}

/** A number for each cell, the same for cells that compute the same from equal cells. A cell stands after those that it reads. */
function recipeNumbers(cells: readonly Cell[], values: ValueNumbers): readonly number[] {
  const known = new Map<string, number>();
  const numbers: number[] = [];
  for (const cell of cells) {
    const recipe = recipeOf(cell, values, (input) => numbers[input]!);
    const number = known.get(recipe) ?? known.size;
    known.set(recipe, number);
    numbers.push(number);
  }
  return numbers;
}

/** Numbers of lists and maps, the same for equal ones. One that many cells share is written as text once. */
class ValueNumbers {
  readonly #known = new WeakMap<object, number>();
  readonly #byText = new Map<string, number>();

  of(value: object): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const text = JSON.stringify(value);
    const number = this.#byText.get(text) ?? this.#byText.size;
    this.#byText.set(text, number);
    this.#known.set(value, number);
    return number;
  }
}

function recipeOf(
  { uses, params, seed, inputs }: Cell,
  values: ValueNumbers,
  numberOf: (cell: number) => number,
): string {
  const inputOf = (input: CellInput) =>
    'one' in input
      ? [numberOf(input.one.cell), input.one.port]
      : input.many.map(({ cell, port, axes }) => [numberOf(cell), port, axes]);
  return JSON.stringify([
    uses,
    Object.entries(params).map(([name, value]) =>
      typeof value === 'object' && value !== null ? [name, values.of(value), 'shared'] : [name, value],
    ),
    seed ?? 0,
    Object.entries(inputs).map(([port, input]) => [port, inputOf(input)]),
  ]);
}
