import { dirname, resolve } from 'node:path';
import type { JsonObject } from '../../values/json.ts';
import { isInside, type LoadContext } from '../document/load-context.ts';
import type { Cell, CellInput, CellOutput } from '../graph.ts';
import type { KnownInputs, KnownValue } from '../signature.ts';
import type { ConnectedVariant } from './connect-inputs.ts';
import type { LabelOf } from './fill-templates.ts';

type CheckCell = (params: JsonObject, inputs: Cell['inputs'], labelOf: LabelOf, cell: string) => void;

/**
 * The check of the parameters of a variant's cells by what the graph knows of their inputs (`checkInputs` of
 * the stage type). Undefined if the type has none, so that its cells cost nothing.
 */
export function inputsCheck(
  { variant, params }: ConnectedVariant,
  cells: readonly Cell[],
  context: LoadContext,
): CheckCell | undefined {
  const check = variant.signature?.checkInputs;
  if (check === undefined) return undefined;
  const known = new KnownValues(cells, context.registry);
  const read = (path: string): Uint8Array | null => readInProject(path, context);
  return (own, inputs, labelOf, cell) => {
    const problems = check(own as never, known.of(inputs), read);
    if (problems.length > 0) params.report(problems, labelOf, cell);
  };
}

function readInProject(path: string, { root, allowedPaths, file, readData }: LoadContext): Uint8Array | null {
  const absolute = resolve(dirname(file), path);
  return !path.includes('\0') && [root, ...allowedPaths].some((place) => isInside(place, absolute))
    ? (readData?.(absolute) ?? null)
    : null;
}

/**
 * Describes the inputs of cells. A long list that thousands of cells share is described once, and these
 * cells get the same object, so that a stage type can remember what it made of it.
 */
class KnownValues {
  readonly #cells: readonly Cell[];
  readonly #registry: LoadContext['registry'];
  readonly #lists = new Map<CellInput, { readonly id: number; readonly values: readonly KnownValue[] }>();
  readonly #inputs = new Map<string, KnownInputs>();

  constructor(cells: readonly Cell[], registry: LoadContext['registry']) {
    this.#cells = cells;
    this.#registry = registry;
  }

  of(inputs: Cell['inputs']): KnownInputs {
    const lists = Object.entries(inputs).map(([port, input]) => [port, this.#listOf(input)] as const);
    const key = lists.map(([port, { id }]) => `${port} ${id}`).join(' ');
    let known = this.#inputs.get(key);
    if (known === undefined) {
      known = Object.fromEntries(lists.map(([port, { values }]) => [port, values]));
      this.#inputs.set(key, known);
    }
    return known;
  }

  #listOf(input: CellInput): { readonly id: number; readonly values: readonly KnownValue[] } {
    let list = this.#lists.get(input);
    if (list === undefined) {
      const values =
        'one' in input
          ? [this.#valueOf(input.one, {})]
          : input.many.map((item) => this.#valueOf(item, item.axes));
      list = { id: this.#lists.size, values };
      this.#lists.set(input, list);
    }
    return list;
  }

  #valueOf({ cell, port }: CellOutput, axes: KnownValue['axes']): KnownValue {
    const { uses, inputs } = this.#cells[cell]!;
    const output = this.#registry.get(uses)?.out[port];
    const more = Object.entries(output?.valuesWith ?? {}).filter(([input]) => inputs[input] !== undefined);
    const values =
      more.length === 0 ? output?.values : output?.values?.concat(more.flatMap(([, names]) => names));
    return { uses, axes, innerAxes: output?.axes, values };
  }
}
