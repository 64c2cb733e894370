import type { Cell, CellOutput, Graph, GraphStage, StageSettings } from '../../dsl/graph.ts';
import { perImageKinds } from '../../values/value.ts';
import type { PortKind } from '../../values/value.ts';
import type { FileDigest } from './file-digests.ts';
import { preimageText } from './fingerprint.ts';
import type { RecipeInput, RecipeValue, StageConstant } from './fingerprint.ts';
import type { Stage, Survey } from '../stage.ts';
import type { Outputs } from '../store/record.ts';

/** The unit of work: a shard of a cell, or the whole of it. */
export interface Unit {
  /** The images that it makes or transforms; `{0, 0}` for a whole unit. */
  readonly first: number;
  readonly count: number;
  state: 'reuse' | 'run' | 'waits';
  /** Known once all inputs are known. */
  key: string | null;
  /** Known once it is in the store. */
  outputs: Outputs | null;
  /** Seconds that it took to compute, if it is in the store. */
  seconds: number;
  /** The warnings of the stage when an earlier run computed it. */
  warnings: readonly string[];
}

/** A cell with what the runtime knows about it. The planner fills it, and the run goes on from there. */
export interface CellState {
  readonly index: number;
  readonly cell: Cell;
  readonly stage: Stage;
  readonly graphStage: GraphStage;
  /**
   * The cell's own if defaults for its stage type make it differ from its
   * stage, and those of its stage otherwise.
   */
  readonly settings: StageSettings;
  readonly constant: StageConstant;
  readonly sharded: boolean;
  readonly withText: string;
  survey: Survey | null;
  filesText: (first: number, count: number) => string | null;
  /** The files in that text, by absolute path, with their digests. */
  files: (first: number, count: number) => readonly FileDigest[];
  /** Images that it makes, as far as that is known, and otherwise those that it reads. */
  images: number;
  /** Whether `images` is certain: no whole stage upstream that has not run can change it. */
  exact: boolean;
  units: Unit[];
  forced: boolean;
}

export type BoundValue = RecipeValue & { readonly kind: PortKind };
export type BoundInput =
  | { readonly port: string; readonly one: BoundValue }
  | { readonly port: string; readonly many: readonly (BoundValue & { readonly axes: Cell['axes'] })[] };

export function newUnit(first: number, count: number): Unit {
  return { first, count, state: 'waits', key: null, outputs: null, seconds: 0, warnings: [] };
}

/** Cuts `images` images into shards of `size`; the last one may be smaller. */
export function cutUnits(images: number, size: number): Unit[] {
  const units: Unit[] = [];
  for (let first = 0; first < images; first += size)
    units.push(newUnit(first, Math.min(size, images - first)));
  return units;
}

export function countShards(units: readonly Pick<Unit, 'state'>[]): {
  total: number;
  reuse: number;
  run: number;
} {
  let reuse = 0;
  for (const unit of units) if (unit.state === 'reuse') reuse++;
  return { total: units.length, reuse, run: units.length - reuse };
}

export function outputKind(producer: CellState, port: string): PortKind {
  const output = producer.stage.out[port];
  if (output === undefined) throw new Error(`${producer.cell.id} has no output ${port}`);
  return output.kind;
}

export function isPerImage(producer: CellState, port: string): boolean {
  return perImageKinds.has(outputKind(producer, port));
}

/** Every reference of a cell, single or collected, in no particular order. */
export function references(cell: Cell): CellOutput[] {
  const all: CellOutput[] = [];
  for (const port of Object.keys(cell.inputs)) {
    const input = cell.inputs[port]!;
    if ('one' in input) all.push(input.one);
    else all.push(...input.many);
  }
  return all;
}

/**
 * The number of images of one output: exact once its units are in the store, and
 * an estimate of the plan before that.
 */
export function imagesOf(producer: CellState, port: string): number {
  const outputs = producer.sharded ? undefined : producer.units[0]?.outputs?.[port];
  return outputs === undefined ? producer.images : outputs.reduce((sum, part) => sum + part.images, 0);
}

/**
 * Returns the objects of every input of a unit, or the index of a cell whose results are missing. A sharded
 * unit gets the objects that overlap its images; `skip` is the number of images of the first object that come
 * before its own.
 */
export function bindInputs(
  states: readonly (CellState | null)[],
  state: CellState,
  unit: Unit,
): BoundInput[] | number {
  const bound: BoundInput[] = [];
  for (const port of Object.keys(state.cell.inputs)) {
    const input = state.cell.inputs[port]!;
    if ('one' in input) {
      const one = bindValue(states, state, unit, input.one);
      if (typeof one === 'number') return one;
      if (state.stage.in[port]?.list === true) bound.push({ port, many: [{ ...one, axes: {} }] });
      else bound.push({ port, one });
      continue;
    }
    const many: (BoundValue & { readonly axes: Cell['axes'] })[] = [];
    for (const reference of input.many) {
      const value = bindValue(states, state, unit, reference);
      if (typeof value === 'number') return value;
      many.push({ ...value, axes: reference.axes });
    }
    bound.push({ port, many });
  }
  return bound;
}

function bindValue(
  states: readonly (CellState | null)[],
  state: CellState,
  unit: Unit,
  reference: CellOutput,
): BoundValue | number {
  const producer = states[reference.cell];
  if (producer === null || producer === undefined) return reference.cell;
  const kind = outputKind(producer, reference.port);
  const value = !perImageKinds.has(kind)
    ? bindSingle(producer, reference.port)
    : state.sharded
      ? bindRange(producer, reference.port, unit.first, unit.count)
      : state.cell.images === undefined
        ? bindAll(producer, reference.port)
        : bindRange(producer, reference.port, 0, limited(state, imagesOf(producer, reference.port)));
  return value === null ? reference.cell : { digests: value.digests, skip: value.skip, kind };
}

/**
 * A value that is not a list over images. A sharded producer makes the same one in
 * every shard, so any of them will do.
 */
function bindSingle(producer: CellState, port: string): RecipeValue | null {
  const part = producer.units[0]?.outputs?.[port]?.[0];
  return part === undefined ? null : { digests: [part.digest], skip: 0 };
}

function bindAll(producer: CellState, port: string): RecipeValue | null {
  const digests: string[] = [];
  if (producer.units.length === 0) return null;
  for (const unit of producer.units) {
    const parts = unit.outputs?.[port];
    if (parts === undefined) return null;
    for (const part of parts) digests.push(part.digest);
  }
  return { digests, skip: 0 };
}

function bindRange(producer: CellState, port: string, first: number, count: number): RecipeValue | null {
  // A unit without images is a placeholder until they are counted.
  if (count === 0) return null;
  // Every object but the last one has as many images as a shard of the producer, whether or not that one is
  // sharded.
  const size = producer.settings.shard;
  const from = Math.floor(first / size);
  const to = Math.ceil((first + count) / size);
  const digests: string[] = [];
  for (let index = from; index < to; index++) {
    const part = producer.sharded
      ? producer.units[index]?.outputs?.[port]?.[0]
      : producer.units[0]?.outputs?.[port]?.[index];
    if (part === undefined) return null;
    digests.push(part.digest);
  }
  return { digests, skip: first - from * size };
}

/** The images whose files decide a unit. */
export function rangeOf(
  { sharded, survey }: Pick<CellState, 'sharded' | 'survey'>,
  { first, count }: Pick<Unit, 'first' | 'count'>,
): readonly [first: number, count: number] {
  return [first, sharded ? count : (survey?.images ?? 0)];
}

/** Canonical JSON of the pre-image of a unit's key. */
export function unitPreimage(state: CellState, unit: Unit, inputs: readonly RecipeInput[]): string {
  return preimageText({
    constant: state.constant,
    withText: state.withText,
    inputs,
    shard: state.sharded ? { first: unit.first, count: unit.count } : null,
    chunk: chunkOf(state),
    filesText: state.filesText(...rangeOf(state, unit)),
  });
}

/** The number of images in one object of a whole stage's output; null if the stage makes no images. */
export function chunkOf(state: CellState): number | null {
  if (state.sharded) return null;
  for (const port of Object.keys(state.stage.out)) {
    if (perImageKinds.has(state.stage.out[port]!.kind)) return state.settings.shard;
  }
  return null;
}

/**
 * Counts the images of a cell and cuts it into units. Returns an error message if the per-image inputs of a
 * sharded stage have different numbers of images, or none; otherwise null. A sharded stage that neither reads
 * nor makes images (a defense that only gives its recipe) is one unit. As long as the number depends on a
 * whole stage that has not run, the cut is an estimate, and the cell has to be laid out again.
 */
export function layOut(states: readonly (CellState | null)[], state: CellState): string | null {
  const counts: { id: string; images: number; exact: boolean }[] = [];
  for (const port of Object.keys(state.cell.inputs)) {
    const input = state.cell.inputs[port]!;
    for (const { cell, port: output } of 'one' in input ? [input.one] : input.many) {
      const producer = states[cell];
      if (producer === null || producer === undefined || !isPerImage(producer, output)) continue;
      counts.push({ id: producer.cell.id, images: imagesOf(producer, output), exact: isCounted(producer) });
    }
  }
  if (!state.sharded) {
    const most = counts.reduce((largest, { images }) => Math.max(largest, images), 0);
    state.images = limited(state, state.survey?.images ?? most);
    state.units = [newUnit(0, 0)];
    return null;
  }
  const reference = counts.find(({ exact }) => exact) ?? counts[0];
  const differs = (images: number): boolean =>
    limited(state, images) !== limited(state, reference?.images ?? 0);
  const odd = counts.find(({ exact, images }) => exact && differs(images));
  if (reference !== undefined && odd !== undefined) {
    return `its inputs must have the same number of images, but ${reference.id} has ${reference.images} and ${odd.id} has ${odd.images}`;
  }
  state.images = limited(state, reference?.images ?? state.survey?.images ?? 0);
  state.exact = counts.every(({ exact }) => exact);
  const needsImages = counts.length > 0 || state.survey !== null;
  if (state.images === 0 && state.exact && needsImages) return 'its inputs have no images';
  state.units = state.images === 0 ? [newUnit(0, 0)] : cutUnits(state.images, state.settings.shard);
  return null;
}

/** The number of images that a cell takes of this number. */
function limited({ cell }: CellState, images: number): number {
  return Math.min(images, cell.images ?? images);
}

/** Whether the number of images of a producer is final. */
export function isCounted(producer: CellState): boolean {
  return producer.sharded ? producer.exact : producer.units[0]?.outputs !== null;
}

/** Index of the stage of every cell, as `Graph.stages` groups them. */
export function stageOfCells(graph: Graph): Uint32Array {
  const stages = new Uint32Array(graph.cells.length);
  graph.stages.forEach((stage, index) =>
    stages.fill(index, stage.firstCell, stage.firstCell + stage.cellCount),
  );
  return stages;
}
