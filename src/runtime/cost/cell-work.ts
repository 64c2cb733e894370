import {
  addWork,
  outlineBytes,
  type ModelOutline,
  type Outline,
  type ValueOutline,
  type Work,
} from '../../values/outline.ts';
import { canonicalJson, type Json } from '../../values/json.ts';
import { perImageKinds } from '../../values/value.ts';
import { sha256 } from '../digest.ts';
import type { UnitWork } from '../events.ts';
import type { Plan, PlannedCell } from '../plan/plan.ts';
import { imagesOf, references } from '../plan/units.ts';

/** The work and results of the units of a cell, as far as they are known before they run. */
export interface CellWork {
  readonly planned: PlannedCell;
  /** Equal for cells that give the same results: the second finds those of the first. */
  readonly identity: string;
  /** Null if the stage type does not say, or an input is unknown. */
  readonly work: UnitWork | null;
  /** Bytes that a unit writes; null if unknown. */
  readonly out: Bytes | null;
  /** Bytes that a unit holds beside what every worker does; null if unknown. */
  readonly memory: Bytes | null;
}

export interface Bytes {
  readonly perImage: number;
  readonly perUnit: number;
}

/**
 * The work of the cells of a plan, in their order. No images are read: shapes and sizes follow from the outlines of the
 * stage types, from the datasets and models on. Files of networks are read for their graphs.
 */
export async function planWork({ cells }: Pick<Plan, 'cells'>): Promise<readonly (CellWork | null)[]> {
  const outlines = new Map<string, Outline | null>();
  const known: (Known | null)[] = [];
  for (const planned of cells)
    known.push(planned === null ? null : await workOf(planned, cells, known, outlines));
  return known.map((entry) => entry?.cellWork ?? null);
}

interface Known {
  readonly cellWork: CellWork;
  readonly outline: Outline | null;
}

async function workOf(
  planned: PlannedCell,
  cells: Plan['cells'],
  known: readonly (Known | null)[],
  outlines: Map<string, Outline | null>,
): Promise<Known> {
  const { cell, stage } = planned;
  const identity = identityOf(planned, known);
  const inputs = inputsOf(planned, cells, known);
  if (inputs === null) return unknownWork(planned, identity);
  // Cells that differ in their inputs' content alone, not in shapes, share an outline.
  const key = canonicalJson([cell.uses, cell.params, planned.images, inputs as unknown as Json]);
  let outline = outlines.get(key);
  if (outline === undefined) {
    const { values, counts } = inputs;
    const context = { params: cell.params as never, inputs: values, images: planned.images, counts };
    try {
      outline = (await (planned.survey?.outline?.() ?? stage.outline?.(context))) ?? null;
    } catch {
      // What is wrong with the parameters or the network is reported when the cell runs.
      outline = null;
    }
    outlines.set(key, outline);
  }
  if (outline === null) return unknownWork(planned, identity);
  const read = sumBytes(Object.values(inputs.values).flat());
  const written = sumBytes(Object.values(outline.out));
  const models = Object.values(inputs.values)
    .flat()
    .filter((value) => value.kind === 'model');
  const perImage = addWork([1, outline.perImage], [read.perImage + written.perImage, { 'code bytes': 1 }]);
  const perUnit = addWork(
    [1, outline.perUnit],
    [read.perUnit + written.perUnit, { 'code bytes': 1 }],
    [1, { unit: 1 }],
    [models.length, { 'open model': 1 }],
  );
  const work = {
    alike: alikeOf(planned, perImage, perUnit),
    ...(models.length > 0 && { network: networkOf(models) }),
    perImage: rounded(perImage),
    perUnit: rounded(perUnit),
  };
  return {
    outline,
    cellWork: {
      planned,
      identity,
      work,
      out: written,
      memory: {
        perImage: planned.sharded ? read.perImage + written.perImage : 0,
        perUnit: outline.memoryBytes + read.perUnit + written.perUnit,
      },
    },
  };
}

function unknownWork(planned: PlannedCell, identity: string): Known {
  return { outline: null, cellWork: { planned, identity, work: null, out: null, memory: null } };
}

/**
 * A digest of all that decides the result of a cell before its inputs are known. It may differ for cells whose keys will
 * be equal, but not the other way round.
 */
function identityOf({ cell, graphStage, images }: PlannedCell, known: readonly (Known | null)[]): string {
  const source = (index: number): string => known[index]?.cellWork.identity ?? String(index);
  const inputs = Object.entries(cell.inputs).map(([port, input]): Json => [
    port,
    'one' in input
      ? [source(input.one.cell), input.one.port]
      : input.many.map(({ cell: index, port: output, axes }) => [source(index), output, axes]),
  ]);
  return sha256(
    canonicalJson([cell.uses, cell.params, cell.seed ?? 0, images, inputs, graphStage.settings.shard]),
  );
}

interface Inputs {
  readonly values: Readonly<Record<string, readonly ValueOutline[]>>;
  readonly counts: Readonly<Record<string, number>>;
}

/** Null if something is not known of an input. */
function inputsOf(
  { cell }: PlannedCell,
  cells: Plan['cells'],
  known: readonly (Known | null)[],
): Inputs | null {
  const values: Record<string, readonly ValueOutline[]> = {};
  const counts: Record<string, number> = {};
  for (const port of Object.keys(cell.inputs)) {
    const input = cell.inputs[port]!;
    const list: ValueOutline[] = [];
    for (const reference of references({ ...cell, inputs: { [port]: input } })) {
      const producer = cells[reference.cell];
      const value = producer && outputOf(known[reference.cell]?.outline ?? null, producer, reference.port);
      if (!value) return null;
      list.push(value);
      if (perImageKinds.has(value.kind)) counts[port] = imagesOf(producer, reference.port);
    }
    values[port] = list;
  }
  return { values, counts };
}

/** Returns what is known of an output. Numbers and figures are small, whatever made them. */
function outputOf(outline: Outline | null, { stage }: PlannedCell, port: string): ValueOutline | null {
  const value = outline?.out[port];
  if (value !== undefined) return value;
  const kind = stage.out[port]?.kind;
  return kind === 'metrics' || kind === 'figure' ? { kind } : null;
}

function sumBytes(values: readonly ValueOutline[]): Bytes {
  let perImage = 0;
  let perUnit = 0;
  for (const value of values) {
    const bytes = outlineBytes(value);
    perImage += bytes.perImage;
    perUnit += bytes.whole;
  }
  return { perImage, perUnit };
}

/** Equal for cells whose units take the same time for each image, but for chance. */
function alikeOf({ cell, stage }: PlannedCell, perImage: Work, perUnit: Work): string {
  const params = Object.entries(cell.params).filter(([name]) => stage.extent?.includes(name) !== true);
  return sha256(
    canonicalJson([cell.uses, Object.fromEntries(params), rounded(perImage), rounded(perUnit)]),
  ).slice(0, 16);
}

/** Equal for networks of the same size. Passes through one are as efficient in all stage types. */
function networkOf(models: readonly ModelOutline[]): string {
  return models.map(({ multiplyAdds, activations }) => `${multiplyAdds}/${activations}`).join(' ');
}

function rounded(work: Work): Work {
  return Object.fromEntries(
    Object.entries(work).map(([name, amount]) => [name, Number(amount.toPrecision(4))]),
  );
}
