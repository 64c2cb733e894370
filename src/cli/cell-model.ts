import { dirname } from 'node:path';
import { choiceWords } from '../dashboard/format.ts';
import type { Cell } from '../dsl/graph.ts';
import { shellWord } from '../dsl/text/shell-word.ts';
import { runVerified } from '../runtime/border.ts';
import { seedStream } from '../runtime/digest.ts';
import { librariesOf } from '../runtime/plan/fingerprint.ts';
import { resolveCode, resolveInside } from '../runtime/plan/resolve-path.ts';
import { noCheckpoint, nothingPrinted, type Stage, type StageContext, StageError } from '../runtime/stage.ts';
import { BatchSizes } from '../values/batch-size.ts';
import type { Model } from '../values/model.ts';
import { planPipeline } from './commands/plan.ts';
import { choicesOf } from './choices.ts';
import { DamageCollector } from './damaged-results.ts';
import { UsageError } from './exit-codes.ts';
import { explained } from './explained-failure.ts';
import { complain } from './output.ts';
import { readOutput } from './outputs.ts';
import { openPipeline, type OpenPipeline, type PipelineOptions } from './pipeline.ts';
import { selected } from './selection.ts';

/** A cell that makes a model, and the model if it can be made without a run. */
export interface CellModel {
  readonly cell: Cell;
  /** Null for a program of the user that has not run: what it makes is known once it has. */
  readonly model: Model | null;
  /** Why the program could not run, as far as a plan sees it; null if it can, or for a network. */
  readonly problem: string | null;
}

/**
 * The model of one cell of a pipeline: its result if there is one, and otherwise what its stage makes here, if it reads no
 * other stage. No program of the user is started. Throws `UsageError` if the cell makes no model, or has to run first.
 */
export async function modelOfCell(
  file: string,
  selector: string,
  options: PipelineOptions,
): Promise<CellModel> {
  const pipeline = await openPipeline(file, options);
  const index = oneCell(pipeline, selector);
  const planned = (await planPipeline(pipeline, [selector], {})).cells[index]!;
  const { cell, stage, units } = planned;
  const [port] = Object.entries(stage.out).find(([, { kind }]) => kind === 'model') ?? [];
  if (port === undefined)
    throw new UsageError(
      `${cell.id} makes no model: ${stage.uses} makes ${Object.keys(stage.out).join(', ')}`,
      'name a stage of model/… or train/…',
    );
  const outputs = units.map((unit) => unit.outputs).filter((unit) => unit !== null);
  if (units.length > 0 && outputs.length === units.length) {
    const damage = new DamageCollector(file);
    const model = await damage.read(cell.id, () => readOutput(pipeline.store, outputs, port, 'model'));
    damage.throwIfDamaged();
    return { cell, model: model as Model, problem: null };
  }
  if (cell.uses === 'model/python') return { cell, model: null, problem: planned.failure?.message ?? null };
  const run = `ravelin run ${file} ${shellWord(cell.id)}${choiceWords(choicesOf(options))}`;
  if (Object.keys(cell.inputs).length > 0)
    throw new UsageError(`${cell.id} has no result yet, and it reads other stages`, run);
  return { cell, model: await explained(file, () => makeModel(pipeline, cell, stage, port)), problem: null };
}

function oneCell({ graph }: OpenPipeline, selector: string): number {
  const cells = [...selected(graph, [selector])];
  if (cells.length > 1)
    throw new UsageError(
      `'${selector}' names ${cells.length} cells`,
      `name one, such as ${shellWord(graph.cells[cells[0]!]!.id)}`,
    );
  return cells[0]!;
}

/** Runs the stage in this process, as a worker would, and keeps nothing. */
async function makeModel(
  { graph, registry, code, backend }: OpenPipeline,
  cell: Cell,
  stage: Stage,
  port: string,
): Promise<Model> {
  const { root, file, allowedPaths = [] } = graph;
  const folder = dirname(file);
  const context: StageContext<unknown, unknown> = {
    params: cell.params,
    inputs: {},
    shard: { first: 0, count: 0 },
    seed: seedStream(graph.seed, { ...cell, uses: stage.partOf ?? cell.uses }),
    backend,
    batchSizes: new BatchSizes(),
    printed: nothingPrinted,
    libraries: librariesOf(stage),
    stages: registry,
    resolve: (path) => resolveInside(root, folder, path, allowedPaths),
    resolveCode: (path, program) => resolveCode(code, { root, folder }, path, program),
    signal: new AbortController().signal,
    progress: () => {},
    metric: () => {},
    count: () => {},
    log: () => {},
    warn: (message) => complain(`warning: ${message}`),
    checkpoint: noCheckpoint,
  };
  const made = await runVerified(stage, context as StageContext<never, never>, {
    count: null,
    sealed: false,
  });
  const model = made[port];
  if (model?.kind !== 'model') throw new StageError(`${cell.id} made no model`);
  return model;
}
