import { isDeepStrictEqual } from 'node:util';
import { placeOf } from '../diagnostics/source.ts';
import type { LoadContext } from '../document/load-context.ts';
import { type Pipeline, settingsOf } from '../document/pipeline.ts';
import { defaultsFor, type StageSource } from '../document/stage-source.ts';
import type { Graph, GraphStage, StageSettings } from '../graph.ts';
import { type LocatedMap, sectionOf, valueOf } from '../text/located.ts';
import { judgeParamsAlone } from './connect-inputs.ts';
import { expandStage, type PreparedStage } from './expand.ts';
import type { Expansion } from './expansion.ts';
import { warnOfIdleAxes } from './idle-axes.ts';
import { LabelTable } from './labels.ts';
import { noMatrix, readMatrix } from './matrix.ts';
import { type Edge, topologicalOrder } from './order.ts';
import { protectSources } from './protected-files.ts';
import { PublishedFiles, publishTargets } from './publish.ts';
import { type Variant, variantsOf } from './variants.ts';

/**
 * Expands the stages over their axes into cells, in an order in which each stage comes after those that it
 * reads.
 */
export function resolveGraph(pipeline: Pipeline, context: LoadContext): Graph {
  const labels = new LabelTable();
  const prepared = prepareStages(pipeline, labels, context);
  const edges = new Map([...prepared].map(([id, { variants }]) => [id, edgesOf(variants)]));
  const order = topologicalOrder(edges, context.sink);
  const expansion: Expansion = {
    cells: [],
    stages: new Map(),
    known: [...pipeline.stages.keys()],
    mayHaveMore: pipeline.mayHaveMoreStages,
    labels,
  };
  const files = new PublishedFiles();
  const stages: GraphStage[] = [];
  for (const id of order) {
    const stage = graphStage(prepared.get(id)!, pipeline, expansion, files, context);
    if (stage !== undefined) stages.push(stage);
  }
  warnOfIdleAxes(prepared, stages, expansion.cells, context);
  protectSources(files, pipeline.head.plugins, context);
  const placed = new Set(order);
  for (const [id, { stage, variants }] of prepared)
    if (!placed.has(id)) judgeParamsAlone(stage, variants, context);
  const { file, root, allowedPaths } = context;
  return {
    ...pipeline.head,
    file,
    root,
    ...(allowedPaths.length > 0 && { allowedPaths }),
    stages,
    cells: expansion.cells,
  };
}

/**
 * Reads the matrix of every stage. Leaves out stages whose axes are not known, and judges their parameters
 * alone.
 */
function prepareStages(
  pipeline: Pipeline,
  labels: LabelTable,
  context: LoadContext,
): ReadonlyMap<string, PreparedStage> {
  const prepared = new Map<string, PreparedStage>();
  for (const stage of pipeline.stages.values()) {
    settingsOf(stage, pipeline, undefined, context);
    const matrix = readMatrix(sectionOf(stage.body, 'matrix'), context);
    if (matrix === undefined) {
      // The labels of the matrix may give what is missing without them.
      const body: LocatedMap = { ...stage.body, partial: true };
      const alone = variantsOf({ ...stage, body }, noMatrix, pipeline.defaults, labels, context);
      judgeParamsAlone(stage, alone ?? [], context);
      continue;
    }
    const variants = variantsOf(stage, matrix, pipeline.defaults, labels, context);
    if (variants !== undefined) {
      prepared.set(stage.id, { stage, matrix, variants });
    }
  }
  return prepared;
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
  prepared: PreparedStage,
  pipeline: Pipeline,
  expansion: Expansion,
  files: PublishedFiles,
  context: LoadContext,
): GraphStage | undefined {
  const { stage, variants } = prepared;
  const settingsFor = settingsByType(stage, pipeline, context);
  const settings = settingsFor(variants[0]?.uses ?? '');
  const special = ({ uses }: Variant): StageSettings | undefined => {
    const own = settingsFor(uses);
    return isDeepStrictEqual(own, settings) ? undefined : own;
  };
  const expanded = expandStage(prepared, special, expansion, context);
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

/** Settings of a stage with the defaults of a stage type, judged once for each type. */
function settingsByType(
  stage: StageSource,
  pipeline: Pipeline,
  context: LoadContext,
): (uses: string) => StageSettings {
  const known = new Map<string, StageSettings>();
  return (uses) => {
    const settings =
      known.get(uses) ?? settingsOf(stage, pipeline, defaultsFor(uses, pipeline.defaults, context), context);
    known.set(uses, settings);
    return settings;
  };
}
