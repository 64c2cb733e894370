import { isDeepStrictEqual } from 'node:util';
import { placeOf } from '../diagnostics/source.ts';
import type { LoadContext } from '../document/load-context.ts';
import { type Pipeline, settingsOf } from '../document/pipeline.ts';
import { defaultsFor, type StageSource } from '../document/stage-source.ts';
import type { Graph, GraphStage, StageSettings } from '../graph.ts';
import { mapOf, valueOf } from '../text/located.ts';
import { type Expansion, judgeParamsAlone } from './connect-inputs.ts';
import { expandStage } from './expand.ts';
import { LabelTable } from './labels.ts';
import { type Matrix, readMatrix } from './matrix.ts';
import { type Edge, topologicalOrder } from './order.ts';
import { type PublishedFiles, publishTargets } from './publish.ts';
import { type Variant, variantsOf } from './variants.ts';

interface Prepared {
  readonly stage: StageSource;
  readonly matrix: Matrix;
  readonly variants: readonly Variant[];
}

/** Expands the stages over their axes into cells, in an order in which each stage comes after those that it reads. */
export function resolveGraph(pipeline: Pipeline, context: LoadContext): Graph {
  const labels = new LabelTable();
  const prepared = new Map<string, Prepared>();
  for (const stage of pipeline.stages.values()) {
    settingsOf(stage, pipeline, undefined, context);
    const matrix = readMatrix(mapOf(stage.body, 'matrix'), context);
    const none: Matrix = { axes: [], include: [], exclude: [] };
    const variants = variantsOf(stage, matrix ?? none, pipeline.defaults, labels, context.maxCells, context);
    if (matrix === undefined || stage.body.entries.get('matrix')?.value.kind === 'template') {
      judgeParamsAlone(stage, variants ?? [], context);
    } else if (variants !== undefined) {
      prepared.set(stage.id, { stage, matrix, variants });
    }
  }
  const edges = new Map<string, readonly Edge[]>();
  for (const { stage, variants } of prepared.values()) edges.set(stage.id, edgesOf(variants));
  const expansion: Expansion = { cells: [], stages: new Map(), known: [...pipeline.stages.keys()], labels };
  const stages: GraphStage[] = [];
  const files: PublishedFiles = new Map();
  const order = topologicalOrder(edges, context.sink);
  for (const id of order) {
    const stage = graphStage(prepared.get(id)!, pipeline, expansion, files, context);
    if (stage !== undefined) stages.push(stage);
  }
  const placed = new Set(order);
  for (const [id, { stage, variants }] of prepared)
    if (!placed.has(id)) judgeParamsAlone(stage, variants, context);
  return { ...pipeline.head, file: context.file, root: context.root, stages, cells: expansion.cells };
}

function edgesOf(variants: readonly Variant[]): readonly Edge[] {
  const edges = new Map<string, Edge>();
  for (const { bindings } of variants) {
    for (const { references } of bindings) {
      for (const { stage, stageAt } of references)
        if (!edges.has(stage)) edges.set(stage, { from: stage, at: stageAt });
    }
  }
  return [...edges.values()];
}

function graphStage(
  { stage, matrix, variants }: Prepared,
  pipeline: Pipeline,
  expansion: Expansion,
  files: PublishedFiles,
  context: LoadContext,
): GraphStage | undefined {
  const byType = new Map<string, StageSettings>();
  const typed = (uses: string): StageSettings => {
    let settings = byType.get(uses);
    if (settings === undefined) {
      settings = settingsOf(stage, pipeline, defaultsFor(uses, pipeline.defaults, context), context);
      byType.set(uses, settings);
    }
    return settings;
  };
  const settings = typed(variants[0]?.uses ?? '');
  const own = (variant: Variant): StageSettings | undefined => {
    const special = typed(variant.uses);
    return isDeepStrictEqual(special, settings) ? undefined : special;
  };
  const expanded = expandStage(stage, matrix, variants, own, expansion, context);
  if (expanded === undefined) return undefined;
  const title = valueOf(stage.body, 'title');
  return {
    id: stage.id,
    title: title?.kind === 'scalar' ? title.text : stage.id,
    axes: expanded.axes,
    firstCell: expanded.firstCell,
    cellCount: expanded.count,
    at: placeOf(stage.keyAt, context.sources),
    settings,
    publish: publishTargets(stage.body, expanded, expansion.cells, files, context),
  };
}
