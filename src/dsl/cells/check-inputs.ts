import { dirname, resolve } from 'node:path';
import type { JsonObject } from '../../values/json.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { isInside, type LoadContext } from '../document/load-context.ts';
import type { Cell, CellInput, CellOutput } from '../graph.ts';
import type { Caveat, Facts, KnownInputs, KnownValue, ParameterProblem, ReadFile } from '../signature.ts';
import type { ConnectedVariant } from './connect-inputs.ts';
import type { Expansion } from './expansion.ts';
import type { LabelOf } from './fill-templates.ts';

type CheckCell = (params: JsonObject, inputs: Cell['inputs'], labelOf: LabelOf, cell: string) => void;

/**
 * The check of the parameters of a variant's cells by what the graph knows of their inputs (`checkInputs` of
 * the stage type). Undefined if the type has none, so that its cells cost nothing.
 */
export function inputsCheck(
  { variant, params }: ConnectedVariant,
  expansion: Expansion,
  context: LoadContext,
): CheckCell | undefined {
  const check = variant.signature?.checkInputs;
  if (check === undefined) return undefined;
  const read = (path: string, most?: number): Uint8Array | null => readInProject(path, most, context);
  const known = new KnownValues(expansion.cells, context.registry, read);
  const placeOf = ({ input, maker }: ParameterProblem): SourceRange | undefined =>
    maker !== undefined
      ? placeOfMaker(maker, expansion)
      : variant.bindings.find(({ port }) => port === input)?.keyAt;
  return (own, inputs, labelOf, cell) => {
    const problems = check(own as never, known.of(inputs), read);
    if (problems.length > 0) params.report(problems, labelOf, cell, placeOf);
  };
}

/** The place of the stage type in the stage that makes a value. */
function placeOfMaker({ cell }: KnownValue, { cells, stages }: Expansion): SourceRange | undefined {
  const stage = stages.get(cells[cell]!.stage);
  return stage?.variants[stage.variantOf[cell - stage.firstCell]!]?.usesAt;
}

function readInProject(
  path: string,
  most: number | undefined,
  { root, allowedPaths, file, readData }: LoadContext,
): Uint8Array | null {
  const absolute = resolve(dirname(file), path);
  return !path.includes('\0') && [root, ...allowedPaths].some((place) => isInside(place, absolute))
    ? (readData?.(absolute, most) ?? null)
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
  readonly #read: ReadFile;
  /** By cell: no stage type has facts about several of its outputs. */
  readonly #facts = new Map<Cell, Facts>();
  readonly #caveats = new Map<Cell, Readonly<Record<string, Caveat>>>();

  constructor(cells: readonly Cell[], registry: LoadContext['registry'], read: ReadFile) {
    this.#cells = cells;
    this.#registry = registry;
    this.#read = read;
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
    const { uses, inputs, params, seed = 0 } = this.#cells[cell]!;
    const output = this.#registry.get(uses)?.out[port];
    const more = Object.entries(output?.valuesWith ?? {}).filter(([input]) => inputs[input] !== undefined);
    const values =
      more.length === 0 ? output?.values : output?.values?.concat(more.flatMap(([, names]) => names));
    return {
      uses,
      port,
      cell,
      params,
      seed,
      inputs: () => this.of(inputs),
      axes,
      innerAxes: output?.axes,
      values,
      caveats: () => this.#caveatsOf(this.#cells[cell]!, port),
      facts: () => this.#factsOf(this.#cells[cell]!, port),
    };
  }

  #factsOf(cell: Cell, port: string): Facts {
    const { uses, params, inputs } = cell;
    const factsOf = this.#registry.get(uses)?.out[port]?.facts;
    if (factsOf === undefined) return {};
    const known = this.#facts.get(cell);
    if (known !== undefined) return known;
    const found = factsOf(params as never, this.of(inputs), this.#read);
    // The parameters of a cell with an error are not whole.
    const facts = found.size?.every(Number.isInteger) === false ? {} : found;
    this.#facts.set(cell, facts);
    return facts;
  }

  #caveatsOf(cell: Cell, port: string): Readonly<Record<string, Caveat>> {
    const known = this.#caveats.get(cell);
    if (known !== undefined) return known;
    const found = this.#registry.get(cell.uses)?.out[port]?.caveats?.(this.of(cell.inputs)) ?? {};
    this.#caveats.set(cell, found);
    return found;
  }
}
