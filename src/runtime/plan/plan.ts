import { dirname } from 'node:path';
import { toUserError } from '../../files/file-error.ts';
import type { Graph } from '../../dsl/graph.ts';
import { describeMissing } from '../../files/missing-file.ts';
import { UnreadableFileError } from '../../files/unreadable-file-error.ts';
import type { Json, JsonObject } from '../../values/json.ts';
import { MachineError } from '../../values/machine-error.ts';
import { canonicalJson } from '../../values/json.ts';
import { sha256 } from '../digest.ts';
import { drawingCells } from './drawing-cells.ts';
import { explainDifference } from './explain-difference.ts';
import { fileName, openFileDigests } from './file-digests.ts';
import type { FileDigests } from './file-digests.ts';
import { factsName, filesText, stageConstant, withText } from './fingerprint.ts';
import type { StageConstant } from './fingerprint.ts';
import { lastKeysPath, readLastKeys } from './last-keys.ts';
import type { LastKeys } from './last-keys.ts';
import { bindOnTheFly } from './on-the-fly.ts';
import { printedFacts } from './printed-facts.ts';
import { type CodePermission, noCode, resolveCode, resolveInside } from './resolve-path.ts';
import { StageError } from '../stage.ts';
import type { Stage, StageRegistry, Survey } from '../stage.ts';
import type { Store } from '../store/store.ts';
import { readResult } from './stored-result.ts';
import { bindInputs, layOut, newUnit, references, stageOfCells, unitPreimage } from './units.ts';
import type { CellState, Unit } from './units.ts';

export interface PlanRequest {
  readonly graph: Graph;
  readonly registry: StageRegistry;
  readonly store: Store;
  /** Identity of the tensor backend, for the keys of stages that compute on it; null if there is none. */
  readonly numerics: Json | null;
  /** The code of the project that may run; none if absent. */
  readonly code?: CodePermission;
  /** Cells to bring up to date, by index, together with all that they read. All cells if absent. */
  readonly select?: ReadonlySet<number>;
  /** Cells to run even if their results are there. */
  readonly force?: ReadonlySet<number>;
}

export interface PlannedCell extends CellState {
  /** Why its units do not come from the store, each reason once; empty if all of them do. */
  because: readonly string[];
  failure: PlanFailure | null;
}

/** Something that makes a cell impossible before it starts: a missing file, inputs that do not fit. */
export interface PlanFailure {
  readonly code: 'bad-data' | 'io' | 'stage';
  readonly message: string;
  readonly file?: string;
  readonly fix?: string;
}

export interface Totals {
  readonly cells: number;
  /** How many of the cells are parts of others, as the preparations of attacks are; absent if none is. */
  readonly parts?: number;
  readonly shards: number;
  readonly reuse: number;
  /** Shards to compute, including those that wait for an unknown upstream result. */
  readonly run: number;
}

export interface Plan {
  /** By index of the cell; null for cells outside the selection. */
  readonly cells: readonly (PlannedCell | null)[];
  readonly totals: Totals;
}

/**
 * Reasons are looked up for this number of units of a cell, because the
 * others of a large cell have the same ones.
 */
const explainedUnits = 8;

/**
 * Decides for every unit of every selected cell whether its result is in the store (`reuse`), has to be
 * computed (`run`) or depends on a result that is not known yet (`waits`). It opens no device and reads no
 * tensor. If the survey of a cell fails, the cell fails; only a `StoreError` is thrown.
 */
export async function plan(request: PlanRequest): Promise<Plan> {
  const { registry, store } = request;
  const graph = bindOnTheFly(request.graph, registry);
  const selected = closure(graph, request.select);
  const stageIndex = stageOfCells(graph);
  const constantOf = stageConstants(graph, registry, request.numerics);
  const files = openFileDigests(store.folder);
  const surveys = new Map<string, SharedSurvey>();
  const explain = explainer(store, graph);
  const cells: (PlannedCell | null)[] = new Array<PlannedCell | null>(graph.cells.length).fill(null);
  const totals = { cells: 0, shards: 0, reuse: 0, run: 0 };
  let parts = 0;

  for (let index = 0; index < graph.cells.length; index++) {
    if (selected !== null && selected[index] === 0) continue;
    const cell = graph.cells[index]!;
    const stage = registry.get(cell.uses);
    if (stage === undefined) throw new Error(`the registry has no stage type ${cell.uses}`);
    const sharded = stage.shard(cell.params as never) === 'images';
    const graphStage = graph.stages[stageIndex[index]!]!;
    const planned: PlannedCell = {
      index,
      cell,
      stage,
      graphStage,
      settings: cell.settings ?? graphStage.settings,
      constant: constantOf(index, stage),
      sharded,
      withText: withText(cell.params, sharded ? stage.extent : undefined, stage.unset),
      survey: null,
      filesText: noFiles,
      files: () => [],
      images: 0,
      exact: true,
      units: [],
      forced: request.force?.has(index) ?? false,
      because: [],
      failure: null,
    };
    cells[index] = planned;
    if (stage.survey !== undefined) await surveyCell(planned, request, surveys, files);
    planCell(cells, planned, store, explain);
    totals.cells++;
    if (graphStage.partOf !== undefined) parts++;
    totals.shards += planned.units.length;
    for (const unit of planned.units) totals[unit.state === 'reuse' ? 'reuse' : 'run']++;
  }
  files.save();
  return { cells, totals: { ...totals, ...(parts > 0 && { parts }) } };
}

/** The constant of the pre-image of a cell, one object for all cells of a type and a seed. */
function stageConstants(
  graph: Graph,
  registry: StageRegistry,
  numerics: Json | null,
): (index: number, stage: Stage) => StageConstant {
  const draws = drawingCells(graph, registry);
  const shared = graph.sharedNumerics ? null : numerics;
  const printedBy = printedFacts(graph, registry, shared);
  const known = new Map<string, StageConstant>();
  return (index, stage) => {
    const cell = graph.cells[index]!;
    const isRandom = draws(index);
    const printed = printedBy(index, stage);
    const version = stage.versionWith?.(cell.params as never) ?? stage.version;
    const name = `${cell.uses} ${version} ${isRandom ? (cell.seed ?? 0) : ''} ${printed}`;
    let constant = known.get(name);
    if (constant === undefined) {
      const seed = isRandom ? { pipeline: graph.seed, stage: cell.seed ?? 0 } : null;
      constant = stageConstant(stage, seed, shared, printed, version);
      known.set(name, constant);
    }
    return constant;
  };
}

function noFiles(): null {
  return null;
}

/** Marks the selected cells and everything that they read. Returns null if all cells are selected. */
function closure(graph: Graph, select: ReadonlySet<number> | undefined): Uint8Array | null {
  if (select === undefined) return null;
  const marks = new Uint8Array(graph.cells.length);
  for (let index = graph.cells.length - 1; index >= 0; index--) {
    if (marks[index] === 0 && !select.has(index)) continue;
    marks[index] = 1;
    for (const reference of references(graph.cells[index]!)) marks[reference.cell] = 1;
  }
  graph.cells.forEach(({ follows }, index) => {
    if (follows !== undefined && marks[follows] === 1) marks[index] = 1;
  });
  return marks;
}

/** The survey of all cells of a type with the same parameters, and the absolute paths that it asked for. */
interface SharedSurvey {
  readonly survey: Promise<Survey>;
  readonly named: ReadonlySet<string>;
}

async function surveyCell(
  planned: PlannedCell,
  { graph, code = noCode }: PlanRequest,
  surveys: Map<string, SharedSurvey>,
  files: FileDigests,
): Promise<void> {
  const { stage } = planned;
  const folder = dirname(graph.file);
  const id = `${stage.uses} ${canonicalJson(planned.cell.params)}`;
  try {
    let shared = surveys.get(id);
    if (shared === undefined) {
      const named = new Set<string>();
      const resolve = (path: string): string => {
        const absolute = resolveInside(graph.root, folder, path, graph.allowedPaths);
        named.add(absolute);
        return absolute;
      };
      const survey = stage.survey!({
        params: planned.cell.params as never,
        resolve,
        resolveCode: (path, program) => resolveCode(code, { root: graph.root, folder }, path, program),
      });
      shared = { survey, named };
      surveys.set(id, shared);
    }
    const { named: places } = shared;
    planned.survey = await shared.survey;
    const { files: list, facts } = planned.survey;
    planned.files = (first, count) => list(first, count).map(files.describe);
    planned.filesText = (first, count) => {
      const named = planned
        .files(first, count)
        .map(({ path, digest }) => [fileName(path, graph.root, places), digest] as const);
      return filesText(
        facts === undefined ? named : [...named, [factsName, sha256(canonicalJson(facts(first, count)))]],
      );
    };
  } catch (error) {
    planned.failure = toFailure(error);
  }
}

function planCell(
  cells: readonly (PlannedCell | null)[],
  planned: PlannedCell,
  store: Store,
  explain: Explain,
): void {
  if (planned.failure !== null) {
    planned.units = [newUnit(0, 0)];
    return;
  }
  const broken = references(planned.cell).find((reference) => cells[reference.cell]!.failure !== null);
  const problem = broken === undefined ? layOut(cells, planned) : null;
  if (broken !== undefined || problem !== null) {
    planned.units = [newUnit(0, 0)];
    // Its images cannot be counted, so cells downstream must not be reported as having none.
    planned.exact = false;
    if (problem !== null) planned.failure = { code: 'bad-data', message: problem };
    if (broken !== undefined) planned.because = [`waits for ${cells[broken.cell]!.cell.id}`];
    return;
  }
  const because: string[] = [];
  const add = (reason: string): void => {
    if (!because.includes(reason)) because.push(reason);
  };
  let explained = 0;
  for (let index = 0; index < planned.units.length; index++) {
    const unit = planned.units[index]!;
    const inputs = bindInputs(cells, planned, unit);
    if (typeof inputs === 'number') {
      const waited = cells[inputs]!;
      // The user wrote the cell and not its parts, so what holds for them is said of it.
      if (waited.graphStage.partOf === planned.cell.stage) waited.because.forEach(add);
      else add(`waits for ${waited.cell.id}`);
      continue;
    }
    let text: string;
    try {
      text = unitPreimage(planned, unit, inputs);
    } catch (error) {
      planned.failure = toFailure(error);
      return;
    }
    unit.key = sha256(text);
    if (lookUp(store, planned, unit)) continue;
    unit.state = 'run';
    if (planned.forced) add('forced');
    else if (explained++ < explainedUnits) explain(planned, index, unit.key, text).forEach(add);
  }
  planned.because = because;
}

function lookUp(store: Store, planned: PlannedCell, unit: Unit): boolean {
  if (planned.forced) return false;
  const record = readResult(store, planned.stage, unit.key!);
  if (record === null) return false;
  unit.state = 'reuse';
  unit.outputs = record.outputs;
  unit.seconds = record.seconds;
  unit.warnings = record.warnings ?? [];
  return true;
}

type Explain = (planned: PlannedCell, unit: number, key: string, preimage: string) => readonly string[];

/**
 * Compares a unit with what it was in the latest run. The disk is read only when the first reason is needed.
 */
function explainer(store: Store, graph: Graph): Explain {
  let last: LastKeys | null = null;
  return (planned, unit, key, preimage) => {
    last ??= readLastKeys(lastKeysPath(store.folder, graph));
    const previous = last.get(planned.cell.id)?.[unit];
    if (previous === undefined) return ['no result yet'];
    if (previous === key) return ['its result is no longer in the cache'];
    const record = store.peekRecord(previous);
    if (record === null) return ['no result yet'];
    return explainDifference(record.preimage, JSON.parse(preimage) as JsonObject, planned.stage.plugin);
  };
}

function toFailure(error: unknown): PlanFailure {
  if (error instanceof StageError) {
    return {
      code: error.code === 'out-of-memory' ? 'stage' : error.code,
      message: error.message,
      ...(error.file === undefined ? {} : { file: error.file }),
      ...(error.fix === undefined ? {} : { fix: error.fix }),
    };
  }
  if (error instanceof UnreadableFileError)
    return { code: 'bad-data', message: error.message, file: error.file, fix: error.fix };
  if (error instanceof MachineError) return { code: 'stage', message: error.message, fix: error.fix };
  const message = error instanceof Error ? error.message : String(error);
  const problem = toUserError(error);
  if (problem !== null) {
    const { path, fix } = problem;
    return { code: 'io', message: problem.message, fix, ...(path !== null && { file: path }) };
  }
  if (error instanceof Error && 'path' in error && typeof error.path === 'string') {
    if ('code' in error && error.code === 'ENOENT')
      return { code: 'io', ...describeMissing(error.path), file: error.path };
    return { code: 'io', message, file: error.path };
  }
  return { code: 'stage', message };
}
